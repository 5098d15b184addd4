"""Faces as everything that learns from them or judges them takes them: pixels from 0 to 255.

Pixels on another scale would be judged without a word, and wrongly. What scale they are on cannot
be told from the brightest of a batch without making a face's answer hang on those beside it: so
every face is looked at alone, and one that leaves a doubt is refused.
"""

from __future__ import annotations

from typing import Any, Never

import numpy as np
from numpy.typing import ArrayLike, NDArray

_WHITE = 255
#: Of a picture: gray, gray with opacity, colour, colour with opacity.
MOST_CHANNELS = 4


def check_faces(
    X: ArrayLike, taker: str, shape: tuple[int, ...] | None = None, *, color: bool = False
) -> NDArray[np.uint8]:
    """Return faces as bytes, or say what is wrong with them.

    Parameters
    ----------
    X : array-like of shape (n_samples, height, width) or (n_samples, height, width, 1)
        ``uint8``, which is taken as it is; or whole numbers from 0 to 255 of another type. Of
        these, a face whose brightest pixel is 1 is refused: it is one scaled to 0–1.
    taker : str
        Who takes the faces, to open the error with.
    shape : tuple of int, default=None
        Height and width that they must have, and channels if there are several; any by default.
    color : bool, default=False
        Whether faces of several channels are taken, too, where `shape` does not say.

    Returns
    -------
    ndarray of uint8 of shape (n_samples, height, width[, n_channels])
        Without an axis for a single channel.

    Raises
    ------
    ValueError
        If there is no face, or faces have another shape, type or range; with those found, and what
        to do.

    Examples
    --------
    >>> import numpy as np
    >>> check_faces(np.full((2, 48, 48, 1), 7.0), "HOG").shape
    (2, 48, 48)
    >>> check_faces(np.full((2, 48, 48), 0.5), "HOG")
    Traceback (most recent call last):
    ...
    ValueError: HOG takes gray faces of shape (n_samples, height, width), whole numbers from 0 to \
255, and got float64 of shape (2, 48, 48); face 0 goes from 0.5 to 0.5: multiply by 255, as by \
np.rint(X * 255).astype(np.uint8).
    """
    try:
        faces = np.asarray(X)
    except ValueError:  # NumPy's own message speaks of inhomogeneous parts
        sizes = sorted({np.shape(face) for face in X})  # type: ignore[union-attr]
        _refuse(taker, shape, f"faces of shapes {_listed(sizes)}", "resize them to one size")
    if faces.ndim == 4 and faces.shape[3] == 1:
        faces = faces[..., 0]
    _check_shape(faces, taker, shape, color)
    return faces if faces.dtype == np.uint8 else _to_bytes(faces, taker, shape)


def _check_shape(
    faces: NDArray[Any], taker: str, shape: tuple[int, ...] | None, color: bool
) -> None:
    takes = {3} if shape is None else {len(shape) + 1}
    if color and shape is None and faces.ndim == 4 and faces.shape[3] <= MOST_CHANNELS:
        takes.add(4)
    if faces.ndim in takes and faces.size and _fits(faces.shape, shape):
        return
    found = f"{faces.dtype} of shape {faces.shape}"
    _refuse(taker, shape, found, _shape_remedy(faces.shape, shape))


def _shape_remedy(found: tuple[int, ...], shape: tuple[int, ...] | None) -> str:
    side = shape or (48, 48)
    if len(found) < 2 or 0 in found:
        return "give at least one face"
    if found == shape or _is_single(found):
        return "for a single face, give X[np.newaxis]"
    if len(found) == 2 and found[1] == side[0] * side[1]:
        return f"rows of pixels become faces by X.reshape(-1, {side[0]}, {side[1]})"
    if len(found) == 4 and found[1] <= MOST_CHANNELS < found[3]:
        return "channels come last: np.moveaxis(X, 1, -1)"
    if len(found) == 4 and found[3] <= MOST_CHANNELS and (shape is None or len(shape) == 2):
        return (
            "make colours gray, as by np.rint(X[..., :3] @ [0.299, 0.587, 0.114]).astype(np.uint8)"
        )
    if len(found) == len(side) + 1:
        return f"resize them to {side[0]}×{side[1]} first"
    return "give a stack of faces"


def _fits(found: tuple[int, ...], shape: tuple[int, ...] | None) -> bool:
    return not _is_single(found) if shape is None else found[1:] == shape


def _is_single(found: tuple[int, ...]) -> bool:
    """Say whether an array looks like one face, with or without channels, and not like many."""
    height, width, *channels = found
    return height == width > MOST_CHANNELS and all(n <= MOST_CHANNELS for n in channels)


def _to_bytes(faces: NDArray[Any], taker: str, shape: tuple[int, ...] | None) -> NDArray[np.uint8]:
    if faces.dtype.kind not in "biuf":
        found = f"{faces.dtype} of shape {faces.shape}"
        _refuse(taker, shape, found, "give numbers in one array, as np.stack makes of several")
    with np.errstate(invalid="ignore"):  # NaN becomes a byte, too, and differs from it
        pixels = faces.astype(np.uint8)
    axes = tuple(range(1, faces.ndim))
    wrong = (pixels != faces).any(axis=axes) | (pixels.max(axis=axes) == 1)
    if faces.dtype == bool:
        wrong[:] = True
    if not wrong.any():
        return pixels
    first = int(wrong.argmax())
    low, high = faces[first].min(), faces[first].max()
    found = (
        f"{faces.dtype} of shape {faces.shape}; face {first} goes from {_number(low)} to "
        f"{_number(high)}"
    )
    _refuse(taker, shape, found, _scale_remedy(faces[first], float(low), float(high)))


def _scale_remedy(face: NDArray[Any], low: float, high: float) -> str:
    if not np.isfinite(face).all():
        return f"{int((~np.isfinite(face)).sum())} of its pixels are not finite; leave it out"
    if low >= 0 and high <= 1:
        return "multiply by 255, as by np.rint(X * 255).astype(np.uint8)"
    if low < 0:
        return "give the pixels as they were before they were centred or scaled"
    if high > _WHITE:
        return "bring 16-bit pixels to 8 bits, as by np.rint(X / 257).astype(np.uint8)"
    return "round them, as by np.rint(X).astype(np.uint8)"


def _refuse(taker: str, shape: tuple[int, ...] | None, found: str, remedy: str) -> Never:
    axes = ", ".join(map(str, shape or ("height", "width")))
    kind = "faces" if shape is not None and len(shape) == 3 else "gray faces"
    raise ValueError(
        f"{taker} takes {kind} of shape (n_samples, {axes}), whole numbers from 0 to 255, and got "
        f"{found}: {remedy}."
    )


def _number(value: Any) -> str:
    return f"{float(value):.6g}"


def _listed(sizes: list[tuple[int, ...]]) -> str:
    more = ", …" if len(sizes) > 3 else ""
    return ", ".join(map(str, sizes[:3])) + more
