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

from fer_ensemble.features.batches import in_batches
from fer_ensemble.features.points import Similarity, fit_similarity, mirror_points
from fer_ensemble.libraries import MissingLibraryError

#: Side, in pixels, of the faces that a cascade works on.
SIDE = 48

#: Weights (n_inputs, n_outputs) and biases (n_outputs,) of a stage's layers, the first one first.
Layers = list[tuple[NDArray[Any], NDArray[Any]]]

# Pixels between the mean shape and the edge: whatever lies outside the points helps little.
_MARGIN = 2
# Sizes of the products that `_multiply` makes: rows, a divisor of columns, and products summed.
_ROWS = 4
_COLUMNS = 16
_SUMMED = 448
# As many faces at once as stay, with their gradients, in a processor's cache.
_BATCH = 32
_Points = NDArray[np.float32]


def to_side(faces: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Resize faces to squares.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)
    side : int
        In pixels.

    Returns
    -------
    squares : ndarray of uint8 of shape (n_samples, side, side)
        The faces themselves if they have that size.
    scale : ndarray of float32 of shape (2,)
        What x and y in a square are multiplied by to lie in the face as given.
    """
    import cv2

    height, width = faces.shape[1:]
    scale = np.array([width / side, height / side], np.float32)
    if (height, width) == (side, side):
        return faces, scale
    way = cv2.INTER_AREA if min(height, width) > side else cv2.INTER_CUBIC
    squares = np.empty((len(faces), side, side), np.uint8)
    for face, square in zip(faces, squares, strict=True):
        cv2.resize(face, (side, side), square, interpolation=way)
    return squares, scale


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
    hog = gradient_descriptor(SIDE, block=24, step=12, cell=6, orientations=12)
    if not len(faces):
        return np.empty((0, hog.getDescriptorSize()), np.float32)
    # OpenCV describes all in one call: below each other, each within a border of a pixel that
    # leaves it no gradient across its edge, as OpenCV does with a picture of its own.
    tall = np.pad(faces, ((0, 0), (1, 1), (1, 1)), "reflect").reshape(-1, SIDE + 2)
    corners = [(1, 1 + i * (SIDE + 2)) for i in range(len(faces))]
    features: NDArray[np.float32] = hog.compute(tall, locations=corners)
    return features.reshape(len(faces), -1)


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
    moved = upright.apply(points).reshape(len(points), shape.size)
    return np.concatenate([describe(upright.warp(faces, SIDE)), moved], axis=1), upright


def find_points(faces: NDArray[np.uint8], stages: list[Layers], shape: _Points) -> _Points:
    """Find the points of faces of any size, and average them with those of their mirror images.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)
    stages : list of list of (weights, biases)
        At least one; prepared, see :func:`prepare`.
    shape : ndarray of shape (n_points, 2)
        The upright shape.

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_points, 2)
        In pixels of the faces as given.
    """
    squares, scale = to_side(faces, SIDE)

    def find(batch: NDArray[np.uint8]) -> NDArray[np.floating]:
        both = np.concatenate([batch, batch[:, :, ::-1]])
        found, in_mirror = np.split(run_cascade(stages, both, shape), 2)
        return found + mirror_points(in_mirror, SIDE)

    points: _Points = in_batches(find, squares, size=_BATCH)
    points *= scale / 2
    return points


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


def run_layers(layers: Layers, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run a network of rectified dense layers and a linear one at its end.

    In NumPy, because finding points must not wait for a deep-learning library to load.

    Parameters
    ----------
    layers : list of (weights, biases)
        In any precision; computed in single.
    inputs : ndarray of float32 of shape (n_samples, n_inputs)

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_outputs)
    """
    n_rows = -(-len(inputs) // _ROWS) * _ROWS
    outputs = np.zeros((n_rows, inputs.shape[1]), np.float32)
    outputs[: len(inputs)] = inputs
    for number, (weights, biases) in enumerate(layers, start=1):
        outputs = _multiply(outputs, weights)[:, : len(biases)] + biases
        if number < len(layers):
            np.maximum(outputs, 0, out=outputs)
    return outputs[: len(inputs)]


def prepare(layers: Layers) -> Layers:
    """Convert the layers of a network that will be run often, as `run_layers` does each time.

    Parameters
    ----------
    layers : list of (weights, biases)

    Returns
    -------
    list of (weights, biases)
        Weights in single precision, with columns of zeros up to a multiple of 16.
    """
    return [(_prepare(weights), biases) for weights, biases in layers]


def _prepare(weights: NDArray[Any]) -> NDArray[np.float32]:
    missing = -weights.shape[1] % _COLUMNS
    if missing:
        weights = np.pad(weights, ((0, 0), (0, missing)))
    return weights.astype(np.float32, copy=False)


def _multiply(inputs: NDArray[np.float32], weights: NDArray[Any]) -> NDArray[np.float32]:
    """Multiply matrices in small products of one shape, whatever the number of rows.

    So a row's result does not depend on the rows beside it, and BLAS starts no threads of its own:
    where processors are busy, waiting for those takes longer than all else. The pieces are those in
    which OpenBLAS sums up large products, so results are the same as of one.
    """
    weights = _prepare(weights)
    rows = inputs.reshape(-1, _ROWS, inputs.shape[1])
    outputs = np.zeros((len(rows), _ROWS, weights.shape[1]), np.float32)
    start = 0
    while start < len(weights):
        length = len(weights) - start
        if length >= 2 * _SUMMED:
            length = _SUMMED
        elif length > _SUMMED:
            length = -(-(length // 2) // 4) * 4
        piece = slice(start, start + length)
        outputs += rows[:, :, piece] @ weights[piece]
        start += length
    return outputs.reshape(len(inputs), weights.shape[1])


@cache
def gradient_descriptor(side: int, *, block: int, step: int, cell: int, orientations: int) -> Any:
    """Make OpenCV's descriptor of squares by histograms of signed directions of gradients.

    Parameters
    ----------
    side, block, step, cell : int
        Of the square, of the blocks that are normalised together, from one block to the next, and
        of the cells of a block, in pixels.
    orientations : int
        Number of directions.

    Returns
    -------
    cv2.HOGDescriptor

    Raises
    ------
    MissingLibraryError
        If OpenCV has none, as from version 5 on.
    """
    import cv2

    if not hasattr(cv2, "HOGDescriptor"):
        raise MissingLibraryError(
            f"Landmarks need OpenCV 4: OpenCV {cv2.__version__} cannot describe gradients: "
            "pip install 'opencv-python-headless<5'"
        )
    sides = [(length, length) for length in (side, block, step, cell)]
    # From the directions on, all are OpenCV's defaults but the last, which asks for signed ones.
    parameters: list[Any] = [*sides, orientations, 1, -1, 0, 0.2, False, 64, True]
    return cv2.HOGDescriptor(*parameters)
