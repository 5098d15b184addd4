"""Features of a face and its points: the points, their geometry, and gradients around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.features.batches import in_batches
from fer_ensemble.features.cascade import gradient_descriptor
from fer_ensemble.features.geometry import geometry, geometry_names
from fer_ensemble.features.points import POINT_NAMES, fit_similarity

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
# As many faces at once as stay, with their gradients, in a processor's cache.
_BATCH = 16


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

    cell = _WINDOW // 2

    def describe(faces: NDArray[np.uint8], points: NDArray[np.floating]) -> NDArray[np.float32]:
        to_crop = fit_similarity(points, shape * (_SIDE / 48) + _BORDER)
        side = _SIDE + 2 * _BORDER
        crops = to_crop.warp(faces, side, border=faces.shape[2] // 4)
        corners = np.rint(to_crop.apply(points)[:, _PLACES] - _WINDOW / 2).astype(int)
        corners = corners.clip(0, side - _WINDOW)
        # All in one call, as `cascade.describe` does.
        tall = np.pad(crops, ((0, 0), (1, 1), (0, 0)), "reflect").reshape(-1, side)
        corners[:, :, 1] += 1 + np.arange(len(crops))[:, None] * (side + 2)
        places = [(x, y) for x, y in corners.reshape(-1, 2).tolist()]
        hog = gradient_descriptor(
            _WINDOW, block=_WINDOW, step=cell, cell=cell, orientations=_ORIENTATIONS
        )
        histograms: NDArray[np.float32] = hog.compute(tall, locations=places)
        return histograms.reshape(len(faces), -1)

    features[known] = in_batches(describe, faces[known], points[known], size=_BATCH)
    return features


def local_hog_names() -> list[str]:
    """Name the columns of :func:`local_hog`.

    Returns
    -------
    list of str
        The point and the number of the value, as in ``hog_left_eye_0_31``.
    """
    return [f"hog_{POINT_NAMES[place]}_{i}" for place in _PLACES for i in range(_VALUES)]


#: What can be given, and the names of its columns.
OUTPUTS: dict[str, Callable[[], list[str]]] = {
    "points": lambda: [f"{name}_{axis}_px" for name in POINT_NAMES for axis in "xy"],
    "geometry": geometry_names,
    "hog": local_hog_names,
}


def point_features(
    faces: NDArray[np.uint8],
    points: NDArray[np.floating],
    shape: NDArray[np.floating],
    outputs: Sequence[str],
    moved: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """Compute features of faces whose points are known.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)
    points : ndarray of shape (n_samples, 68, 2)
        In pixels of the faces.
    shape : ndarray of shape (68, 2)
        As of :func:`local_hog`.
    outputs : sequence of str
        Keys of `OUTPUTS`, in the order of the columns.
    moved : ndarray of shape (n_samples, 68, 2), optional
        Points of which 'points' and 'geometry' are given instead, as if the face had them; its
        gradients stay those around `points`.

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_features)
    """
    told = points if moved is None else moved
    parts: dict[str, Callable[[], NDArray[np.floating]]] = {
        "points": lambda: told.reshape(len(told), -1),
        "geometry": lambda: geometry(told),
        "hog": lambda: local_hog(faces, points, shape),
    }
    columns = [parts[output]() for output in outputs]
    return np.concatenate(columns, axis=1).astype(np.float32, copy=False)
