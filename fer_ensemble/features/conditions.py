"""What can be measured of a face without knowing the person: light, sharpness, pose, borders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.features.batches import in_batches
from fer_ensemble.features.landmark_weights import load_landmark_regressor
from fer_ensemble.features.points import PARTS, as_points
from fer_ensemble.pixels import check_faces

# Hair and background fill the edges of a cropped face: an eighth of its side is left out there.
_EDGE = 8
# Of the line between the sides of the face, at right angles to it, the nose's tip stands so many
# half lengths in front: points 30, 0 and 16 are vertices 4, 162 and 389 of MediaPipe's canonical
# face (Apache-2.0), at depths of 7.587 and -0.992 and 7.556 to either side.
_NOSE_DEPTH = (7.587 + 0.992) / 7.556
# Noise of two gray levels, as that of JPEG, is no detail; white noise has its variance as power.
_NOISE = 4.0
# Power of faces falls with about the third power of frequency. Made level so, four fifths of it
# lie below 1 / 1.28 of where it ends. Exponent, share and factor were chosen on Training faces of
# FER2013, shrunk and enlarged again: see `experiments/subgroups.py`.
_FALL, _SHARE, _TO_SIDE = 3, 0.8, 1.28
# Gray levels between which a row of pixels at the edge counts as blank: JPEG leaves none quite so.
_BLANK = 3
# As many faces at once as stay, with what is computed of them, in a processor's cache.
_BATCH = 64

_Faces = NDArray[np.uint8]
_Values = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """What groups faces by one measure.

    Parameters
    ----------
    what : str
        What is measured, and in which unit.
    bounds : tuple of float
        Each is the least value of a group; the first group is below all of them.
    names : tuple of str
        What the groups are called, one more than bounds.
    """

    what: str
    bounds: tuple[float, ...]
    names: tuple[str, ...]

    def group(self, values: ArrayLike) -> NDArray[np.object_]:
        """Name the group of each value.

        Parameters
        ----------
        values : array-like of shape (n_samples,)

        Returns
        -------
        ndarray of str of shape (n_samples,)
            Empty where the value is NaN.
        """
        array = np.asarray(values, np.float64)
        names = np.array(self.names, object)[np.searchsorted(self.bounds, array, side="right")]
        return np.where(np.isnan(array), "", names)


#: By what faces are grouped. Bounds are round numbers, the same for all data, so that model cards
#: can be compared. They leave a seventh to a fifth of FER2013's Training faces at an end; coarse
#: faces are a twentieth of them, those with borders fewer.
CONDITIONS: Mapping[str, Condition] = {
    "brightness": Condition(
        "mean gray of the face, 0 to 255",
        (100, 170),
        ("dark, below 100", "100 to 170", "bright, from 170"),
    ),
    "contrast": Condition(
        "standard deviation of the grays of the face",
        (35, 60),
        ("low, below 35", "35 to 60", "high, from 60"),
    ),
    "resolution": Condition(
        "pixels of the side of the smallest picture that holds the detail, about",
        (40, 44),
        ("coarse, below 40", "40 to 44", "fine, from 44"),
    ),
    "turn": Condition(
        "degrees by which the head is turned to either side",
        (15, 30),
        ("below 15°", "15° to 30°", "from 30°"),
    ),
    "tilt": Condition(
        "degrees between the line through the eyes and the horizontal",
        (5, 15),
        ("below 5°", "5° to 15°", "from 15°"),
    ),
    "border": Condition(
        "share of the picture in blank rows and columns at its edges",
        (0.02,),
        ("below 2 %", "from 2 %"),
    ),
}


def measure_faces(faces: ArrayLike, points: ArrayLike | None = None) -> dict[str, _Values]:
    """Measure light, sharpness, pose and borders of faces.

    Parameters
    ----------
    faces : array-like of uint8 of shape (n_samples, side, side)
        Cropped gray faces.
    points : array-like of shape (n_samples, 68, 2), default=None
        Their points, x then y in iBUG's order; by default those of
        :func:`~fer_ensemble.features.load_landmark_regressor`.

    Returns
    -------
    dict of str to ndarray of shape (n_samples,)
        For each of `CONDITIONS`: ``brightness`` and ``contrast`` in gray levels, ``resolution`` in
        pixels, ``turn`` and ``tilt`` in degrees without their side, ``border`` as a share. NaN
        where nothing can be told: resolution of a blank face, pose without points.

    Raises
    ------
    ValueError
        If faces or points have another shape.

    Notes
    -----
    They tell of the picture, not of the person: a dark picture may be one of pale skin in bad
    light. Turns are those of a rigid head; a mouth or brow that moves changes none of their
    points. Nodding is left out, since an open mouth looks like it from the front.

    Examples
    --------
    >>> import numpy as np
    >>> measures = measure_faces(np.full((1, 48, 48), 200, np.uint8))
    >>> float(measures["brightness"][0]), float(measures["contrast"][0])
    (200.0, 0.0)
    """
    array = check_faces(faces, "measure_faces")
    found = load_landmark_regressor().predict(array) if points is None else points
    shapes = as_points(found)
    if len(shapes) != len(array):
        raise ValueError(f"{len(array)} faces but points of {len(shapes)}: give those of each.")
    height, width = array.shape[1:]
    inner = array[:, height // _EDGE : height - height // _EDGE]
    inner = inner[:, :, width // _EDGE : width - width // _EDGE]
    turn, tilt = head_pose(shapes)
    return {
        "brightness": inner.mean(axis=(1, 2)),
        "contrast": inner.std(axis=(1, 2)),
        "resolution": effective_resolution(array),
        "turn": np.abs(turn),
        "tilt": np.abs(tilt),
        "border": blank_border(array),
    }


def group_faces(
    faces: ArrayLike, points: ArrayLike | None = None
) -> dict[str, NDArray[np.object_]]:
    """Group faces by what is measured of them.

    Parameters
    ----------
    faces, points
        See :func:`measure_faces`.

    Returns
    -------
    dict of str to ndarray of str of shape (n_samples,)
        For each of `CONDITIONS`, the name of every face's group; empty where it has none.

    Raises
    ------
    ValueError
        As :func:`measure_faces`.
    """
    measures = measure_faces(faces, points)
    return {name: condition.group(measures[name]) for name, condition in CONDITIONS.items()}


def head_pose(points: ArrayLike) -> tuple[_Values, _Values]:
    """Estimate how far heads are turned and tilted.

    Parameters
    ----------
    points : array-like of shape (n_samples, 68, 2)

    Returns
    -------
    turn : ndarray of shape (n_samples,)
        Degrees about the vertical axis, above 0 where the nose points to the picture's right.
    tilt : ndarray of shape (n_samples,)
        Degrees in the plane of the picture, above 0 clockwise.

    Notes
    -----
    Along the line through the eyes, the nose's tip moves by the sine of the turn, and the sides of
    the face draw together by its cosine, whatever the tilt: their ratio is the tangent, times how
    far the tip stands in front. That of MediaPipe's canonical face is taken for all. A nod of
    a turned head tilts the line through its eyes.
    """
    z = as_points(points).astype(np.float64) @ np.array([1, 1j])
    right, left = (z[:, PARTS[part]].mean(axis=1) for part in ("right_eye", "left_eye"))
    tilt = np.angle(left - right)
    along = (z[:, [0, 16, 30]] * np.exp(-1j * tilt)[:, np.newaxis]).real
    nose = along[:, 2] - along[:, :2].mean(axis=1)
    half_width = np.abs(along[:, 1] - along[:, 0]) / 2
    return np.degrees(np.arctan2(nose, _NOSE_DEPTH * half_width)), np.degrees(tilt)


def effective_resolution(faces: ArrayLike) -> _Values:
    """Estimate the side of the smallest picture that holds the detail of a face.

    Parameters
    ----------
    faces : array-like of uint8 of shape (n_samples, side, side)

    Returns
    -------
    ndarray of shape (n_samples,)
        In pixels, at most the side; NaN for a face without any detail.

    Notes
    -----
    A face that was enlarged, or is out of focus, has no power at high frequencies. Those of the
    cosine transform count half waves along the side, so that a picture of so many pixels ends at
    as many. Power less that of a little noise, times the third power of frequency, is about level
    in sharp faces; the frequency below which four fifths of it lie is scaled to where it ends.
    On photographs that were shrunk to a known side and enlarged again it is right up to 24 of 48
    pixels, and above them too low, but still in order (`experiments/subgroups.py`). Strong noise is
    taken for detail.

    Examples
    --------
    >>> import numpy as np
    >>> checks = np.uint8(255) * (np.indices((1, 48, 48)).sum(axis=0) % 2).astype(np.uint8)
    >>> effective_resolution(checks).tolist()
    [48.0]
    """
    array = check_faces(faces, "effective_resolution")
    side = array.shape[1]
    if array.shape[2] != side:
        raise ValueError(f"Faces must be square; these are of {side}×{array.shape[2]} pixels.")
    return in_batches(_resolution, array, size=_BATCH)


def blank_border(faces: ArrayLike) -> _Values:
    """Measure how much of a picture lies in blank rows and columns at its edges.

    Parameters
    ----------
    faces : array-like of uint8 of shape (n_samples, height, width)

    Returns
    -------
    ndarray of shape (n_samples,)
        A share of the area, 1 for a blank picture.
    """
    array = check_faces(faces, "blank_border")
    kept = [
        ((array.max(axis).astype(int) - array.min(axis)) > _BLANK).astype(int) for axis in (2, 1)
    ]
    # From each end, what comes before the first that is not blank.
    inside = [
        (np.maximum.accumulate(x, 1) & np.maximum.accumulate(x[:, ::-1], 1)[:, ::-1]).mean(1)
        for x in kept
    ]
    return np.asarray(1 - inside[0] * inside[1])


def _resolution(faces: _Faces) -> _Values:
    side = faces.shape[1]
    waves, rings = _transform(side)
    power = (waves @ faces.astype(np.float64) @ waves.T) ** 2
    flat = power.reshape(len(faces), -1)
    counts = np.bincount(rings.ravel())[:side]
    sums = np.stack([np.bincount(rings.ravel(), row)[:side] for row in flat])
    level = np.maximum(sums / counts - _NOISE, 0) * np.arange(side) ** _FALL
    below = np.cumsum(level, axis=1)
    total = below[:, -1]
    wanted = _SHARE * total
    place = (below >= wanted[:, np.newaxis]).argmax(axis=1)
    rows = np.arange(len(faces))
    # A ring holds the frequencies within half of its own: between its ends the share grows evenly.
    with np.errstate(invalid="ignore"):
        within = (wanted - below[rows, place - 1]) / level[rows, place]
    found = np.minimum(_TO_SIDE * (place - 0.5 + within), side)
    return np.where(total > 0, found, np.nan)


@cache
def _transform(side: int) -> tuple[_Values, NDArray[np.intp]]:
    """Orthonormal cosines (DCT-II), and the ring of frequencies of each pair of them."""
    n = np.arange(side)
    waves = np.sqrt(2 / side) * np.cos(np.pi * np.outer(n, n + 0.5) / side)
    waves[0] /= np.sqrt(2)
    return waves, np.rint(np.hypot(*np.meshgrid(n, n))).astype(np.intp)
