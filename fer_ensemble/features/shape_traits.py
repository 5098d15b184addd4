"""Traits of a face's shape, by name: how large they are, and the points with one of them changed.

A trait is what a person would name: the width of the mouth, the slope of the brows. Features of
landmarks tell each a dozen times over, in coordinates, distances and ratios; so to ask what a trait
does, its points are moved to where they have it as another shape does, and everything is measured
anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.features.geometry import eye_frame
from fer_ensemble.features.points import PARTS, as_points

_Shape = NDArray[np.float64]

_BROWS = PARTS["right_brow"], PARTS["left_brow"]
_EYES = PARTS["right_eye"], PARTS["left_eye"]
_NOSE = [*PARTS["nose_bridge"], *PARTS["nostrils"]]
_MOUTH = [*PARTS["outer_lips"], *PARTS["inner_lips"]]
_CORNERS = [48, 54, 60, 64]
_UPPER_LIP, _LOWER_LIP = [*range(49, 54), *range(61, 64)], [*range(55, 60), *range(65, 68)]
_OUTER_UPPER, _OUTER_LOWER = [*range(49, 54)], [*range(55, 60)]


#: The trait that is an angle.
TILT = "tilt of the head"


class Trait(NamedTuple):
    """One trait of a shape, in the frame in which geometry is measured.

    Attributes
    ----------
    name : str
        In words.
    measure : callable
        From a shape, of (68, 2), to its size, as a share of the distance of the eyes' outer
        corners; of the tilt, to radians.
    move : callable
        From a shape and another to the first with this trait as the other has it; None for the
        tilt, which the frame takes out.
    """

    name: str
    measure: Callable[[_Shape], float]
    move: Callable[[_Shape, _Shape], _Shape] | None


class MovedShapes(NamedTuple):
    """The points of a face with each of its traits as another shape has it.

    Attributes
    ----------
    names : tuple of str
        The traits, as :func:`trait_names` lists them.
    values, references : ndarray of shape (n_traits,)
        How large they are in the face and in the other shape.
    points : ndarray of shape (n_traits, 68, 2)
        In pixels of the face.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    references: NDArray[np.float64]
    points: NDArray[np.float64]


def move_traits(points: ArrayLike, reference: ArrayLike) -> MovedShapes:
    """Give a face each trait of another shape, one at a time.

    Parameters
    ----------
    points : array-like of shape (68, 2)
        Of the face, in iBUG's order and pixels.
    reference : array-like of shape (68, 2)
        The other shape, in any unit, such as the mean shape of faces; its eyes' outer corners
        have to differ.

    Returns
    -------
    MovedShapes

    Raises
    ------
    ValueError
        If these are not 68 points.

    Examples
    --------
    >>> from fer_ensemble.features import load_landmark_regressor
    >>> mean = load_landmark_regressor().shape_
    >>> moved = move_traits(mean * 2 + 5, mean)  # the same shape elsewhere, and twice as large
    >>> bool(abs(moved.values - moved.references).max() < 1e-5)
    True
    """
    shape, origin, axis, roll = _upright(points)
    other, _, _, other_roll = _upright(reference)
    values, references, moved = [], [], []
    for trait in _TRAITS:
        if trait.move is None:
            values.append(roll)
            references.append(other_roll)
            z = shape @ (1, 1j) * abs(axis) * np.exp(1j * other_roll) + origin
        else:
            values.append(trait.measure(shape))
            references.append(trait.measure(other))
            z = trait.move(shape, other) @ (1, 1j) * axis + origin
        moved.append(np.stack([z.real, z.imag], axis=1))
    names = tuple(trait.name for trait in _TRAITS)
    return MovedShapes(names, np.array(values), np.array(references), np.stack(moved))


def trait_names() -> tuple[str, ...]:
    """Name the traits, in words such as "mouth width".

    Returns
    -------
    tuple of str
    """
    return tuple(trait.name for trait in _TRAITS)


def _upright(points: ArrayLike) -> tuple[_Shape, complex, complex, float]:
    """Points in the frame of the eyes; its origin, its x-axis of length one, and its angle."""
    [pixels] = as_points(np.asarray(points)[None]).astype(np.float64)
    [origin], [unit], [roll] = eye_frame(pixels[None])
    axis = unit * np.exp(1j * roll)
    z = (pixels @ (1, 1j) - origin) / axis
    return np.stack([z.real, z.imag], axis=1), complex(origin), complex(axis), float(roll)


def _shift(shape: _Shape, indices: range | list[int], x: float = 0.0, y: float = 0.0) -> None:
    shape[indices] += (x, y)


def _mouth_centre(p: _Shape) -> float:
    """Height of the middle between the inner lips; downwards is positive, as in pictures."""
    return float(p[62, 1] + p[66, 1]) / 2


def _mouth_width(p: _Shape) -> float:
    return float(p[54, 0] - p[48, 0])


def _set_mouth_width(p: _Shape, like: _Shape) -> _Shape:
    moved = p.copy()
    middle = (p[48, 0] + p[54, 0]) / 2
    # In profile a mouth may have next to no width.
    factor = _mouth_width(like) / max(_mouth_width(p), 0.01)
    moved[_MOUTH, 0] = middle + (p[_MOUTH, 0] - middle) * factor
    return moved


def _mouth_opening(p: _Shape) -> float:
    return float((p[[67, 66, 65], 1] - p[[61, 62, 63], 1]).mean())


def _set_mouth_opening(p: _Shape, like: _Shape) -> _Shape:
    moved, wider = p.copy(), _mouth_opening(like) - _mouth_opening(p)
    _shift(moved, _UPPER_LIP, y=-wider / 2)
    _shift(moved, _LOWER_LIP, y=wider / 2)
    return moved


def _corner_lift(p: _Shape) -> float:
    return _mouth_centre(p) - float(p[[48, 54], 1].mean())


def _set_corner_lift(p: _Shape, like: _Shape) -> _Shape:
    moved = p.copy()
    _shift(moved, _CORNERS, y=_corner_lift(p) - _corner_lift(like))
    return moved


def _lip_thickness(p: _Shape) -> float:
    return float(p[[61, 62, 63], 1].mean() - p[[50, 51, 52], 1].mean()) + float(
        p[[56, 57, 58], 1].mean() - p[[65, 66, 67], 1].mean()
    )


def _set_lip_thickness(p: _Shape, like: _Shape) -> _Shape:
    moved, thicker = p.copy(), _lip_thickness(like) - _lip_thickness(p)
    _shift(moved, _OUTER_UPPER, y=-thicker / 2)
    _shift(moved, _OUTER_LOWER, y=thicker / 2)
    return moved


def _set_mouth_height(p: _Shape, like: _Shape) -> _Shape:
    moved = p.copy()
    _shift(moved, _MOUTH, y=_mouth_centre(like) - _mouth_centre(p))
    return moved


def _brow_height(p: _Shape) -> float:
    """How far the brows stand above the eyes, on both sides together."""
    return float(
        np.mean([p[e, 1].mean() - p[b, 1].mean() for b, e in zip(_BROWS, _EYES, strict=True)])
    )


def _set_brow_height(p: _Shape, like: _Shape) -> _Shape:
    moved = p.copy()
    for brow in _BROWS:
        _shift(moved, brow, y=_brow_height(p) - _brow_height(like))
    return moved


def _brow_slope(p: _Shape) -> float:
    """How far the brows' inner ends stand above their outer ends, on both sides together."""
    return float(p[17, 1] - p[21, 1] + p[26, 1] - p[22, 1]) / 2


def _set_brow_slope(p: _Shape, like: _Shape) -> _Shape:
    moved, steeper = p.copy(), _brow_slope(like) - _brow_slope(p)
    for brow, inwards in zip(_BROWS, (1, -1), strict=True):
        moved[brow, 1] -= steeper * np.linspace(-0.5, 0.5, len(brow)) * inwards
    return moved


def _brow_gap(p: _Shape) -> float:
    return float(p[22, 0] - p[21, 0])


def _set_brow_gap(p: _Shape, like: _Shape) -> _Shape:
    moved, wider = p.copy(), _brow_gap(like) - _brow_gap(p)
    for brow, outwards in zip(_BROWS, (-1, 1), strict=True):
        _shift(moved, brow, x=outwards * wider / 2)
    return moved


def _lids(eye: range) -> list[tuple[int, int]]:
    """Points of the upper lid, each with that of the lower one below it."""
    return [(eye[1], eye[5]), (eye[2], eye[4])]


def _eye_opening(p: _Shape) -> float:
    pairs = [pair for eye in _EYES for pair in _lids(eye)]
    return float(np.mean([p[lower, 1] - p[upper, 1] for upper, lower in pairs]))


def _set_eye_opening(p: _Shape, like: _Shape) -> _Shape:
    moved, wider = p.copy(), _eye_opening(like) - _eye_opening(p)
    for upper, lower in (pair for eye in _EYES for pair in _lids(eye)):
        _shift(moved, [upper], y=-wider / 2)
        _shift(moved, [lower], y=wider / 2)
    return moved


def _set_nose(p: _Shape, like: _Shape) -> _Shape:
    moved = p.copy()
    moved[_NOSE] = like[_NOSE]
    return moved


def _set_jaw(p: _Shape, like: _Shape) -> _Shape:
    moved = p.copy()
    moved[PARTS["jaw"]] = like[PARTS["jaw"]]
    return moved


_TRAITS = (
    Trait("mouth width", _mouth_width, _set_mouth_width),
    Trait("mouth opening", _mouth_opening, _set_mouth_opening),
    Trait("lift of the mouth's corners", _corner_lift, _set_corner_lift),
    Trait("thickness of the lips", _lip_thickness, _set_lip_thickness),
    Trait("mouth below the eyes", _mouth_centre, _set_mouth_height),
    Trait("height of the brows", _brow_height, _set_brow_height),
    Trait("slope of the brows", _brow_slope, _set_brow_slope),
    Trait("gap of the brows", _brow_gap, _set_brow_gap),
    Trait("opening of the eyes", _eye_opening, _set_eye_opening),
    Trait("length of the nose", lambda p: float(p[33, 1] - p[27, 1]), _set_nose),
    Trait("chin below the eyes", lambda p: float(p[8, 1]), _set_jaw),
    Trait(TILT, lambda p: 0.0, None),
)
