"""A cascade that finds points: each stage corrects the points of the one before.

The first stage looks at the whole face; every further one at the face brought upright by the
points found so far, and corrects them there.

References
----------
Xiong, X. and De la Torre, F. (2013). Supervised descent method and its applications to face
alignment. CVPR. (a cascade on local gradients)

Kowalski, M. et al. (2017). Deep alignment network: a convolutional neural network for robust face
alignment. CVPR workshops. (each stage on the whole face, brought upright)
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.features.dense_layers import Layers, run_layers
from fer_ensemble.features.points import Similarity, fit_similarity

#: Side, in pixels, of the faces that a cascade works on.
SIDE = 48

_MARGIN = 2
_Points = NDArray[np.float32]


def upright_shape(points: NDArray[Any]) -> _Points:
    """Lay the mean shape into the middle of a face, a small margin left around it.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_points, 2)

    Returns
    -------
    ndarray of float32 of shape (n_points, 2)
    """
    mean = points.mean(axis=0)
    low, high = mean.min(axis=0), mean.max(axis=0)
    scale = (SIDE - 2 * _MARGIN) / (high - low).max()
    return ((mean - (low + high) / 2) * scale + SIDE / 2).astype(np.float32)


def describe(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe faces by their gradients: what the stages see of them.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, 48, 48)

    Returns
    -------
    ndarray of float32 of shape (n_samples, 1728)
        Histograms of 12 signed directions in cells of 6×6 px, normalised in blocks of 24×24 px.
    """
    hog = _hog()
    features = np.empty((len(faces), hog.getDescriptorSize()), np.float32)
    for face, row in zip(faces, features, strict=True):
        row[:] = hog.compute(face)
    return features


def upright_inputs(
    faces: NDArray[np.uint8], points: _Points, shape: _Points
) -> tuple[NDArray[np.float32], Similarity]:
    """Make what a stage after the first is fed.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, 48, 48)
    points : ndarray of shape (n_samples, n_points, 2)
        As the stage before found them.
    shape : ndarray of shape (n_points, 2)
        The upright shape.

    Returns
    -------
    inputs : ndarray of float32 of shape (n_samples, n_inputs)
        Gradients of the upright faces, and the points in them.
    upright : Similarity
        What brought the faces upright.
    """
    upright = fit_similarity(points, shape)
    moved = upright.apply(points).reshape(len(points), -1)
    return np.concatenate([describe(upright.warp(faces, SIDE)), moved], axis=1), upright


def run_cascade(stages: list[Layers], faces: NDArray[np.uint8], shape: _Points) -> _Points:
    """Find points by one stage after the other.

    Parameters
    ----------
    stages : list of list of (weights, biases)
        At least one.
    faces : ndarray of uint8 of shape (n_samples, 48, 48)
    shape : ndarray of shape (n_points, 2)
        The upright shape.

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_points, 2)
        In pixels of the faces.
    """
    first, *others = stages
    points: _Points = run_layers(first, describe(faces)).reshape(len(faces), *shape.shape)
    for layers in others:
        inputs, upright = upright_inputs(faces, points, shape)
        correction = run_layers(layers, inputs).reshape(points.shape)
        points = upright.inverse().apply(upright.apply(points) + correction)
    return points


@cache
def _hog() -> Any:
    import cv2

    # The values between bins and threshold are OpenCV's defaults; the last asks for signed ones.
    return cv2.HOGDescriptor(
        (SIDE, SIDE), (24, 24), (12, 12), (6, 6), 12, 1, -1, 0, 0.2, False, 64, True
    )
