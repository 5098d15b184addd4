"""Train the stages of a landmark cascade, by Keras, on faces that are changed at random.

References
----------
Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization. ICLR.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.features.cascade import SIDE, Layers, describe, run_cascade, upright_inputs
from fer_ensemble.features.points import draw_similarity, eye_distance, mirror_points
from fer_ensemble.libraries import require

if TYPE_CHECKING:
    import keras

# A face in profile counts as if its eyes' corners were so many of 48 pixels apart: divided by the
# true distance, which may be next to nothing, one such face would outweigh all others.
_LEAST_EYE_DISTANCE = 8

# Squared pixels under the root of a distance: keeps the gradient finite where a point is met.
_ROUNDING = 0.01

_Array = NDArray[np.float32]


class StageOptions(Protocol):
    """What the training of a stage reads of a `LandmarkRegressor`, and the stages before it."""

    hidden_layer_sizes: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    rotation: float
    zoom: float
    shift: float
    verbose: int
    shape_: _Array
    stages_: list[Layers]


class _Examples(NamedTuple):
    inputs: _Array
    targets: _Array
    weight: _Array


def train_stage(
    regressor: StageOptions,
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

    Raises
    ------
    MissingLibraryError
        If Keras, or the backend that it is set to, is not installed.
    """
    require("keras", "Training a LandmarkRegressor")
    n_batches = max(1, len(faces) // regressor.batch_size)
    examples = _examples(regressor, faces, points, random)
    centre, spread = examples.inputs.mean(axis=0), examples.inputs.std(axis=0) + np.float32(1e-3)
    network = _build(regressor, examples, regressor.epochs * n_batches, random)
    for epoch in range(1, regressor.epochs + 1):
        if epoch > 1:
            examples = _examples(regressor, faces, points, random)
        inputs = (examples.inputs - centre) / spread
        targets = examples.targets.reshape(len(faces), -1)
        network.reset_metrics()
        for rows in np.array_split(random.permutation(len(faces)), n_batches):
            loss = network.train_on_batch(inputs[rows], targets[rows], examples.weight[rows])
        if regressor.verbose:
            place = f"stage {len(regressor.stages_) + 1}, epoch {epoch} of {regressor.epochs}"
            print(f"{place}: mean error {float(loss):.4f}", flush=True)
    arrays = network.get_weights()
    return _finish(list(zip(arrays[::2], arrays[1::2], strict=True)), centre, spread)


def _build(
    regressor: StageOptions, examples: _Examples, n_steps: int, random: np.random.RandomState
) -> keras.Model:
    """Build and compile the network of a stage, which begins with the mean of the targets."""
    import keras

    n_outputs = examples.targets[0].size
    sizes = (examples.inputs.shape[1], *regressor.hidden_layer_sizes, n_outputs)
    hidden = [
        keras.layers.Dense(size, activation="relu", dtype="float32")
        for size in regressor.hidden_layer_sizes
    ]
    network = keras.Sequential(
        [keras.Input((sizes[0],)), *hidden, keras.layers.Dense(n_outputs, dtype="float32")]
    )
    # Drawn here and not by Keras's initialisers, so that one random state decides everything.
    weights = [random.standard_normal(pair) * np.sqrt(2 / pair[0]) for pair in pairwise(sizes)]
    weights[-1] *= 0.1
    biases = [np.zeros(size) for size in regressor.hidden_layer_sizes]
    biases.append(examples.targets.mean(axis=0).ravel())
    network.set_weights([array for layer in zip(weights, biases, strict=True) for array in layer])
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(regressor.learning_rate, n_steps),
        weight_decay=regressor.weight_decay,
        epsilon=1e-8,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    network.compile(optimizer, loss=_mean_distance)
    return network


def _mean_distance(targets: Any, outputs: Any) -> Any:
    """Mean distance of each face's points.

    Unlike its square it is little moved by the few faces whose points were given wrongly.
    """
    from keras import ops

    difference = ops.reshape(outputs - targets, (-1, targets.shape[1] // 2, 2))
    distance = ops.sqrt(ops.sum(ops.square(difference), axis=2) + _ROUNDING)
    return ops.mean(distance, axis=1)


def _examples(
    regressor: StageOptions,
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


def _finish(layers: Layers, centre: _Array, spread: _Array) -> Layers:
    """Take the scaling of the inputs into the first layer, and halve the weights' precision."""
    (weights, biases), *others = layers
    halved = (weights / spread[:, None]).astype(np.float16)
    # The bias is that of the weights as they are rounded.
    biases = biases - centre @ halved.astype(np.float32)
    return [(halved, biases), *((w.astype(np.float16), b) for w, b in others)]
