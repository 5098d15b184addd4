"""Histograms of gradients around the points of a face."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.features.alignment import fit_similarity
from fer_ensemble.features.ibug import POINT_NAMES

# Where expressions show: brows, eyes, bridge and sides of the nose, lips and chin.
_PLACES = (
    *(17, 19, 21, 22, 24, 26),
    *(36, 37, 39, 41, 42, 44, 45, 46),
    *(27, 30, 31, 35),
    *(48, 50, 51, 52, 54, 56, 57, 58, 62, 66),
    *(6, 8, 10),
)
# The shape is laid out in a square of this side with a border for the windows of outer points.
_SIDE = 72
_BORDER = 12
_WINDOW = 16
_ORIENTATIONS = 8
_VALUES = 4 * _ORIENTATIONS


def local_hog(
    faces: NDArray[np.uint8], points: NDArray[np.floating], shape: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Describe the neighbourhoods of points, in faces brought upright by them.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)
    points : ndarray of shape (n_samples, 68, 2)
        In pixels of the faces.
    shape : ndarray of shape (68, 2)
        The shape to which faces are brought upright, in a square of 48×48 px.

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_features)
        The columns of :func:`local_hog_names`: histograms of 8 signed directions in 2×2 cells,
        normalised together, of a window a quarter as wide as the face; NaN for a face whose points
        are not finite or all the same.

    References
    ----------
    Dalal, N. and Triggs, B. (2005). Histograms of oriented gradients for human detection. CVPR.
    """
    features = np.full((len(faces), len(_PLACES) * _VALUES), np.nan, np.float32)
    known = np.flatnonzero(np.ptp(points, axis=1).max(axis=1) > 0)  # NaN is not above 0
    if not known.size:
        return features
    to_crop = fit_similarity(points[known], shape * (_SIDE / 48) + _BORDER)
    side = _SIDE + 2 * _BORDER
    crops = to_crop.warp(faces[known], side)
    corners = np.rint(to_crop.apply(points[known])[:, _PLACES] - _WINDOW / 2).astype(int)
    corners = corners.clip(0, side - _WINDOW)
    hog = _hog()
    for row, crop, places in zip(known, crops, corners.tolist(), strict=True):
        features[row] = hog.compute(crop, locations=[tuple(place) for place in places])
    return features


def local_hog_names() -> list[str]:
    """Name the columns of :func:`local_hog`.

    Returns
    -------
    list of str
        The point and the number of the value, as in ``hog_left_eye_0_31``.
    """
    return [f"hog_{POINT_NAMES[place]}_{i}" for place in _PLACES for i in range(_VALUES)]


@cache
def _hog() -> Any:
    import cv2

    cell = _WINDOW // 2
    # The values between directions and threshold are OpenCV's defaults; the last asks for signed.
    return cv2.HOGDescriptor(
        (_WINDOW, _WINDOW),
        (_WINDOW, _WINDOW),
        (cell, cell),
        (cell, cell),
        _ORIENTATIONS,
        1,
        -1,
        0,
        0.2,
        False,
        64,
        True,
    )
