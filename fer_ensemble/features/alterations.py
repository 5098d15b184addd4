"""Changes drawn on purpose, to see what they do to a label: parts covered, detail taken away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.features.cascade import to_side
from fer_ensemble.features.landmark_weights import load_landmark_regressor
from fer_ensemble.features.points import PARTS, as_points
from fer_ensemble.pixels import check_faces

# Gray levels of what is drawn.
_DARK, _GLASS, _CLOTH = 20, 45, 215
# Of OpenCV's coordinates: it takes whole numbers, of sixteenths of a pixel so.
_BITS = 4
# Kept within what OpenCV can draw; no point of a face is so far outside its picture.
_FARTHEST = 10_000

_Face = NDArray[np.uint8]
_Points = NDArray[np.floating]


def alter_faces(faces: ArrayLike, name: str, points: ArrayLike | None = None) -> NDArray[np.uint8]:
    """Change faces in one way.

    Parameters
    ----------
    faces : array-like of uint8 of shape (n_samples, side, side)
        Cropped gray faces.
    name : str
        A key of `ALTERATIONS`.
    points : array-like of shape (n_samples, 68, 2), default=None
        Their points, x then y in iBUG's order; by default those of
        :func:`~fer_ensemble.features.load_landmark_regressor`.

    Returns
    -------
    ndarray of uint8 of shape (n_samples, side, side)
        A new array; a face whose points are not finite stays as it is where something is drawn.

    Raises
    ------
    ValueError
        If there is no such way, or faces or points have another shape.

    Examples
    --------
    >>> import numpy as np
    >>> faces = np.full((1, 48, 48), 128, np.uint8)
    >>> bool((alter_faces(faces, "eyes covered") < 128).any())
    True
    """
    if name not in ALTERATIONS:
        raise ValueError(f"Nothing is called {name!r}: choose among {', '.join(ALTERATIONS)}.")
    array = check_faces(faces, "alter_faces").copy()
    found = load_landmark_regressor().predict(array) if points is None else points
    shapes = as_points(found)
    if len(shapes) != len(array):
        raise ValueError(f"{len(array)} faces but points of {len(shapes)}: give those of each.")
    for face, shape in zip(array, shapes, strict=True):
        if np.isfinite(shape).all():
            ALTERATIONS[name](face, np.clip(shape, -_FARTHEST, _FARTHEST))
    return array


def _cover_eyes(face: _Face, points: _Points) -> None:
    eyes = points[[*PARTS["right_eye"], *PARTS["left_eye"]]]
    _fill(face, _box(eyes, _eye_axes(points), along=0.2, across=0.25), _DARK)


def _cover_mouth(face: _Face, points: _Points) -> None:
    lips = points[[*PARTS["outer_lips"]]]
    _fill(face, _box(lips, _eye_axes(points), along=0.1, across=0.1), _DARK)


def _put_on_sunglasses(face: _Face, points: _Points) -> None:
    axes = _eye_axes(points)
    right, left = (
        _box(points[[*PARTS[part]]], axes, along=0.15, across=0.38)
        for part in ("right_eye", "left_eye")
    )
    for lens in (right, left):
        _fill(face, lens, _GLASS)
    # From the middles of the lenses' inner sides, and of their outer ones to the sides of the face.
    middle = [lens[[0, 3]].mean(axis=0) for lens in (right, left)]
    outer = [lens[[1, 2]].mean(axis=0) for lens in (right, left)]
    _line(face, np.stack([outer[0], middle[1]]), _GLASS)
    _line(face, np.stack([points[0], middle[0]]), _GLASS)
    _line(face, np.stack([outer[1], points[16]]), _GLASS)


def _put_on_mask(face: _Face, points: _Points) -> None:
    # Over the nose below its bridge, down to the chin and out to the jaw.
    outline = np.concatenate([points[1:16], points[[28]]])
    _fill(face, outline, _CLOTH)


def _shrink(face: _Face, points: _Points, side: int) -> None:
    small, _ = to_side(face[np.newaxis], side)
    large, _ = to_side(small, len(face))
    face[:] = large[0]


#: What can be done to faces, by name: each changes one face, given with its points, in place.
ALTERATIONS: Mapping[str, Callable[[_Face, _Points], None]] = {
    "eyes covered": _cover_eyes,
    "sunglasses": _put_on_sunglasses,
    "mouth covered": _cover_mouth,
    "mask": _put_on_mask,
    "24 pixels": partial(_shrink, side=24),
    "16 pixels": partial(_shrink, side=16),
}


def _eye_axes(points: _Points) -> NDArray[np.float64]:
    """Unit vectors along the line through the eyes and at right angles to it, by rows."""
    right, left = (points[[*PARTS[part]]].mean(axis=0) for part in ("right_eye", "left_eye"))
    along = (left - right).astype(np.float64)
    along /= max(float(np.hypot(*along)), 1e-6)
    return np.stack([along, [-along[1], along[0]]])


def _box(
    part: _Points, axes: NDArray[np.float64], *, along: float, across: float
) -> NDArray[np.float64]:
    """Corners of a box around a part of the face, clockwise, larger by shares of its width."""
    placed = part @ axes.T
    low, high = placed.min(axis=0), placed.max(axis=0)
    margin = np.array([along, across]) * (high - low)[0]
    (left, top), (right, bottom) = low - margin, high + margin
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    turned: NDArray[np.float64] = corners @ axes
    return turned


def _fill(face: _Face, outline: _Points, gray: int) -> None:
    import cv2

    cv2.fillPoly(face, [_fixed(outline)], gray, cv2.LINE_AA, _BITS)


def _line(face: _Face, ends: _Points, gray: int) -> None:
    import cv2

    width = max(1, round(len(face) / 24))
    cv2.polylines(face, [_fixed(ends)], False, gray, width, cv2.LINE_AA, _BITS)


def _fixed(points: _Points) -> NDArray[np.int32]:
    # Points count from the edge of the first pixel, OpenCV from its centre.
    return np.rint((points - 0.5) * (1 << _BITS)).astype(np.int32)
