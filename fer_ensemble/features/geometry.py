"""Geometry of a face: numbers that tell its expression, from its 68 points."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.features.points import OUTER_EYE_CORNERS, PARTS, POINT_NAMES, as_points

# The points between which every distance is taken: ends and middles of brows, eyes, nose and lips.
_KEY_POINTS = (
    8,
    17,
    19,
    21,
    22,
    24,
    26,
    30,
    33,
    36,
    37,
    39,
    41,
    42,
    44,
    45,
    46,
    48,
    51,
    54,
    57,
    62,
    66,
)
# In profile the eyes' corners nearly meet; as unit serves at least this share of the face's spread.
_LEAST_UNIT = 0.5

_Numbers = NDArray[np.floating]
_Complex = NDArray[np.complexfloating]


def geometry(points: ArrayLike) -> NDArray[np.float32]:
    """Describe faces by the geometry of their points.

    All is measured in a frame whose x-axis is the line through the centres of the eyes, whose
    origin lies midway between them, and whose unit is the distance of the eyes' outer corners: so
    where the face stands, its size and its roll play no part, but for ``roll`` itself. In strong
    profile, where that distance vanishes, the unit is half the root-mean-square distance of the
    points from their centre.

    Parameters
    ----------
    points : array-like of shape (n_samples, 68, 2)
        x then y in the iBUG order, in pixels or any other unit; from
        :class:`~fer_ensemble.features.LandmarkRegressor`, dlib or another tool.

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_features)
        The columns of :func:`geometry_names`; NaN for a face that has a point that is not finite.

    Raises
    ------
    ValueError
        If `points` has another shape.

    References
    ----------
    Sagonas, C. et al. (2016). 300 Faces In-The-Wild Challenge: database and results. Image and
    Vision Computing 47. (the points)

    Soukupová, T. and Čech, J. (2016). Real-time eye blink detection using facial landmarks. CVWW.
    (openness of the eyes)

    Examples
    --------
    >>> import numpy as np
    >>> points = np.random.default_rng(0).uniform(0, 48, (3, 68, 2))
    >>> geometry(points).shape == (3, len(geometry_names()))
    True
    """
    shapes = as_points(points)
    if not len(shapes):
        return np.empty((0, len(geometry_names())), np.float32)
    upright, roll = _to_eye_line(shapes)
    measures = [roll, *dict(_measures(upright)).values()]
    columns = [upright.reshape(len(upright), -1), _key_distances(upright), np.stack(measures, 1)]
    return np.concatenate(columns, axis=1).astype(np.float32)


def geometry_names() -> list[str]:
    """Name the columns of :func:`geometry`.

    Returns
    -------
    list of str
        Coordinates such as ``left_eye_0_x``, distances such as
        ``distance_jaw_8_right_brow_0``, and measures such as ``mouth_openness``.
    """
    coordinates = [f"{name}_{axis}" for name in POINT_NAMES for axis in "xy"]
    first, second = np.triu_indices(len(_KEY_POINTS), 1)
    distances = [
        f"distance_{POINT_NAMES[_KEY_POINTS[i]]}_{POINT_NAMES[_KEY_POINTS[j]]}"
        for i, j in zip(first, second, strict=True)
    ]
    anyone = np.arange(2.0 * len(POINT_NAMES)).reshape(1, -1, 2)
    return [*coordinates, *distances, "roll", *dict(_measures(anyone))]


def eye_frame(points: _Numbers) -> tuple[_Complex, _Numbers, _Numbers]:
    """Find the frame in which :func:`geometry` measures.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 68, 2)

    Returns
    -------
    origin : complex ndarray of shape (n_samples,)
        Midway between the centres of the eyes; x is the real part.
    unit : ndarray of shape (n_samples,)
        Distance of the eyes' outer corners, in the unit of the points; see :func:`geometry`.
    roll : ndarray of shape (n_samples,)
        Angle of the line through the centres of the eyes, in radians.
    """
    z = points[..., 0] + 1j * points[..., 1]
    right, left = (_centre(z, PARTS[part]) for part in ("right_eye", "left_eye"))
    corner_distance = np.abs(z[:, OUTER_EYE_CORNERS[1]] - z[:, OUTER_EYE_CORNERS[0]])
    unit = np.maximum(corner_distance, _LEAST_UNIT * z.std(axis=1))
    # Points that all coincide have no frame: they come out as NaN, without a warning.
    unit = np.where(unit > 0, unit, np.nan)
    return (left + right) / 2, unit, np.angle(left - right)


def _to_eye_line(points: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Points in the frame of the eyes, and the roll in radians that was taken out."""
    origin, unit, roll = eye_frame(points)
    z = points[..., 0] + 1j * points[..., 1]
    upright = (z - origin[:, None]) * np.exp(-1j * roll)[:, None]
    return np.stack([upright.real, upright.imag], axis=2) / unit[:, None, None], roll


def _centre(z: _Complex, part: range) -> _Complex:
    """Mean of points, added up one by one: NumPy's own order depends on the number of faces."""
    total = np.zeros(len(z), z.dtype)
    for point in part:
        total += z[:, point]
    centre: _Complex = (total.astype(np.complex128) / len(part)).astype(z.dtype)
    return centre


def _key_distances(p: _Numbers) -> _Numbers:
    first, second = np.triu_indices(len(_KEY_POINTS), 1)
    # Each point's coordinate of all faces in one row: so the pairs are taken row by row.
    x, y = np.ascontiguousarray(p[:, _KEY_POINTS].transpose(2, 1, 0))
    return np.sqrt((x[first] - x[second]) ** 2 + (y[first] - y[second]) ** 2).T


def _measures(p: _Numbers) -> Iterator[tuple[str, _Numbers]]:
    yield from _mouth(p)
    sides: dict[str, dict[str, _Numbers]] = {
        side: {**dict(_eye(p, side)), **dict(_brow(p, side))} for side in ("right", "left")
    }
    for side, measures in sides.items():
        yield from ((f"{side}_{name}", values) for name, values in measures.items())
    for name, values in sides["right"].items():
        yield f"mean_{name}", (values + sides["left"][name]) / 2
        yield f"asymmetry_{name}", values - sides["left"][name]
    yield "brow_gap", _distance(p, 21, 22)
    yield "yaw", p[:, 30, 0] - (p[:, 0, 0] + p[:, 16, 0]) / 2
    yield "pitch", p[:, 30, 1] / _safe(p[:, 8, 1])
    yield "face_aspect", _distance(p, 27, 8) / _safe(_distance(p, 0, 16))
    yield "nose_width", _distance(p, 31, 35)
    yield "nose_to_lip", _distance(p, 33, 51)


def _mouth(p: _Numbers) -> Iterator[tuple[str, _Numbers]]:
    width = _safe(_distance(p, 48, 54))
    inner = (_distance(p, 61, 67) + _distance(p, 62, 66) + _distance(p, 63, 65)) / 3
    yield "mouth_openness", inner / width
    yield "mouth_width", width
    yield "mouth_height", _distance(p, 51, 57)
    yield "mouth_aspect", _distance(p, 51, 57) / width
    yield "upper_lip", _distance(p, 51, 62)
    yield "lower_lip", _distance(p, 57, 66)
    centre = (p[:, 51, 1] + p[:, 57, 1]) / 2
    yield "mouth_corners_lift", centre - (p[:, 48, 1] + p[:, 54, 1]) / 2
    yield "mouth_slant", _angle(p, 48, 54)
    yield "right_lip_angle", _angle(p, 48, 51) - _angle(p, 48, 57)
    yield "left_lip_angle", _angle(p, 51, 54) - _angle(p, 57, 54)
    yield "upper_lip_bend", _angle(p, 51, 54) - _angle(p, 48, 51)
    yield "lower_lip_bend", _angle(p, 57, 54) - _angle(p, 48, 57)
    yield "chin_to_lip", _distance(p, 57, 8)


def _eye(p: _Numbers, side: str) -> Iterator[tuple[str, _Numbers]]:
    a, b, c, d, e, f = PARTS[f"{side}_eye"]
    width = _safe(_distance(p, a, d))
    yield "eye_openness", (_distance(p, b, f) + _distance(p, c, e)) / (2 * width)
    yield "eye_width", width


def _brow(p: _Numbers, side: str) -> Iterator[tuple[str, _Numbers]]:
    brow, eye = PARTS[f"{side}_brow"], PARTS[f"{side}_eye"]
    lid = p[:, eye, 1].mean(axis=1)
    outer, inner = (brow[0], brow[-1]) if side == "right" else (brow[-1], brow[0])
    yield "brow_height", lid - p[:, brow, 1].mean(axis=1)
    yield "inner_brow_height", lid - p[:, inner, 1]
    yield "outer_brow_height", lid - p[:, outer, 1]
    yield "brow_slope", p[:, inner, 1] - p[:, outer, 1]
    yield "brow_arch", (p[:, inner, 1] + p[:, outer, 1]) / 2 - p[:, brow[2], 1]


def _distance(p: _Numbers, i: int, j: int) -> _Numbers:
    return np.hypot(*(p[:, i] - p[:, j]).T)


def _angle(p: _Numbers, i: int, j: int) -> _Numbers:
    """Slope of the line from one point to the other, in radians."""
    x, y = (p[:, j] - p[:, i]).T
    return np.arctan2(y, x)


def _safe(values: _Numbers) -> _Numbers:
    """Values to divide by: none is nearer to zero than a hundredth of the unit."""
    return np.where(values < 0, -1, 1) * np.maximum(np.abs(values), 0.01)
