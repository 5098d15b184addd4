"""Training a stage of a cascade on faces that are changed at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.features.cascade import SIDE, describe, run_cascade, upright_inputs
from fer_ensemble.features.dense_layers import Layers, PointTraining
from fer_ensemble.features.points import draw_similarity, eye_distance, mirror_points

if TYPE_CHECKING:
    from fer_ensemble.features.landmark_regressor import LandmarkRegressor

# A face in profile counts as if its eyes' corners were so many of 48 pixels apart.
_LEAST_EYE_DISTANCE = 8
_Array = NDArray[np.float32]


class _Examples(NamedTuple):
    inputs: _Array
    targets: _Array
    weight: _Array


def train_stage(
    regressor: LandmarkRegressor,
    faces: NDArray[np.uint8],
    points: _Array,
    random: np.random.RandomState,
) -> Layers:
    """Train the next stage of a regressor.

    Parameters
    ----------
    regressor : LandmarkRegressor
        With the parameters, and the stages so far in ``stages_``.
    faces : ndarray of uint8 of shape (n_samples, 48, 48)
    points : ndarray of float32 of shape (n_samples, 68, 2)
        All finite.
    random : RandomState

    Returns
    -------
    list of (weights, biases)
        Of the network's layers: weights in half precision.
    """
    n_batches = max(1, len(faces) // regressor.batch_size)
    examples = _examples(regressor, faces, points, random)
    centre, spread = examples.inputs.mean(axis=0), examples.inputs.std(axis=0) + np.float32(1e-3)
    training = PointTraining(
        (len(centre), *regressor.hidden_layer_sizes, examples.targets[0].size),
        examples.targets.mean(axis=0).ravel(),
        regressor.epochs * n_batches,
        learning_rate=regressor.learning_rate,
        weight_decay=regressor.weight_decay,
        random=random,
    )
    for epoch in range(1, regressor.epochs + 1):
        if epoch > 1:
            examples = _examples(regressor, faces, points, random)
        inputs = (examples.inputs - centre) / spread
        batches = np.array_split(random.permutation(len(faces)), n_batches)
        losses = [
            training.step(inputs[rows], examples.targets[rows], examples.weight[rows])
            for rows in batches
        ]
        if regressor.verbose:
            place = f"stage {len(regressor.stages_) + 1}, epoch {epoch} of {regressor.epochs}"
            print(f"{place}: mean error {np.mean(losses):.4f}", flush=True)
    return _finished(training.layers, centre, spread)


def _examples(
    regressor: LandmarkRegressor,
    faces: NDArray[np.uint8],
    points: _Array,
    random: np.random.RandomState,
) -> _Examples:
    """Make examples for the next stage of every face, changed at random."""
    mirrored = (random.uniform(size=len(faces)) < 0.5)[:, None, None]
    change = draw_similarity(
        len(faces),
        SIDE,
        rotation=regressor.rotation,
        zoom=regressor.zoom,
        shift=regressor.shift,
        random=random,
    )
    faces = change.warp(np.where(mirrored, faces[:, :, ::-1], faces), SIDE)
    points = change.apply(np.where(mirrored, mirror_points(points, SIDE), points))
    weight = (1 / np.maximum(eye_distance(points), _LEAST_EYE_DISTANCE)).astype(np.float32)
    if not regressor.stages_:
        return _Examples(describe(faces), points, weight)
    found = run_cascade(regressor.stages_, faces, regressor.shape_)
    inputs, upright = upright_inputs(faces, found, regressor.shape_)
    scale = np.abs(upright.factor).astype(np.float32)
    return _Examples(inputs, upright.apply(points) - upright.apply(found), weight / scale)


def _finished(layers: Layers, centre: _Array, spread: _Array) -> Layers:
    """Take the scaling of the inputs into the first layer, and halve the weights' precision."""
    (weights, biases), *others = layers
    halved = (weights / spread[:, None]).astype(np.float16)
    # The bias is that of the weights as they are rounded.
    biases = biases - centre @ halved.astype(np.float32)
    return [(halved, biases), *((w.astype(np.float16), b) for w, b in others)]
