"""How :class:`~fer_ensemble.models.KerasClassifier` trains a network."""

from __future__ import annotations

import inspect
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from fer_ensemble.models.augmentation import augmentation_layers
from fer_ensemble.models.device import describe_device, has_gpu, resolve_precision
from fer_ensemble.models.epochs import EpochLoop, batches
from fer_ensemble.models.layers import MixedModel, MixUp
from fer_ensemble.models.networks import NETWORKS
from fer_ensemble.models.progress import EpochProgress, ProgressDisplay
from fer_ensemble.models.schedules import schedule_params
from fer_ensemble.models.training_data import Samples

LOSSES = ("sparse_categorical_crossentropy", "categorical_crossentropy")
_PREDICT_BATCH = 256

# TensorFlow counts the traces of all networks together, and takes an ensemble's for too many.
logging.getLogger("tensorflow").addFilter(
    lambda record: "triggered tf.function retracing" not in str(record.msg)
)


class Trainable(Protocol):
    """What training reads of an estimator: parameters and attributes of ``KerasClassifier``."""

    network: str | Callable[..., keras.Model]
    network_params: Mapping[str, Any] | None
    augmentation: Mapping[str, Any] | None
    loss: str
    label_smoothing: float
    optimizer: str
    learning_rate: float
    optimizer_params: Mapping[str, Any] | None
    schedule: str
    schedule_params: Mapping[str, Any] | None
    epochs: int
    time_budget: float | None
    batch_size: int
    patience: int | None
    monitor: str
    precision: str
    checkpoint: str | None
    verbose: int
    classes_: NDArray[Any]
    input_shape_: tuple[int, ...]


def train(
    estimator: Trainable,
    fitted: Samples,
    watched: Samples | None,
    seed: int,
    initial_weights: list[NDArray[Any]] | None,
    fingerprint: str = "",
) -> tuple[list[NDArray[Any]], dict[str, list[float]]]:
    """Train a network under an estimator's parameters.

    Parameters
    ----------
    estimator : Trainable
        Whose parameters, ``classes_`` and ``input_shape_`` to follow.
    fitted, watched : Samples
        What to train on, and what to watch (``None``: the training data itself).
    seed : int
        Seed of everything drawn.
    initial_weights : list of ndarray or None
        Where to start from; ``None`` draws fresh weights.
    fingerprint : str, default=''
        Of the estimator's parameters and the data: only a checkpoint that has it is gone on with.

    Returns
    -------
    weights : list of ndarray
        Weights of the best epoch.
    history : dict of str to list of float
        One value per epoch under each name.

    Raises
    ------
    ValueError
        If a parameter of `estimator` is out of range.
    """
    _check_parameters(estimator)
    soft = fitted.soft_labels is not None
    if soft:
        fitted, watched = _soft_targets(estimator, fitted, watched)
    with _seeded(seed):
        precision = resolve_precision(estimator.precision)
        network = build_network(estimator, precision)
        if initial_weights is not None:
            network.set_weights(initial_weights)
        model = _training_model(estimator, network, seed)
        _compile(estimator, model, soft)
        title = builder if isinstance(builder := estimator.network, str) else builder.__name__
        steps = -(-len(fitted.X) // estimator.batch_size) * estimator.epochs
        with ProgressDisplay(title, steps, bool(estimator.verbose)) as display:
            display.say(f"{describe_device()}, {precision}")
            loop = EpochLoop(
                model,
                network,
                fitted,
                watched,
                schedule=estimator.schedule,
                schedule_params=schedule_params(estimator.schedule, estimator.schedule_params),
                learning_rate=estimator.learning_rate,
                epochs=estimator.epochs,
                batch_size=estimator.batch_size,
                time_budget=estimator.time_budget,
                monitor=estimator.monitor,
                patience=estimator.patience,
                seed=seed,
                progress=EpochProgress(display, estimator.epochs),
            )
            if estimator.checkpoint is not None:
                loop.keep(estimator.checkpoint, fingerprint)
            loop.run()
        return loop.best.weights, loop.history


def predict_batches(network: keras.Model, X: NDArray[Any]) -> NDArray[np.float64]:
    """Predict in batches.

    Parameters
    ----------
    network : keras.Model
    X : ndarray of shape (n_samples, ...)

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
    """
    parts = [network.predict_on_batch(X[rows]) for rows in batches(len(X), _PREDICT_BATCH)]
    return np.concatenate(parts).astype(np.float64)


def build_network(estimator: Trainable, precision: str, *, to_predict: bool = False) -> keras.Model:
    """Build an estimator's network with fresh weights.

    Parameters
    ----------
    estimator : Trainable
        Fitted as far as ``classes_`` and ``input_shape_``.
    precision : str
        Keras dtype policy of its layers.
    to_predict : bool, default=False
        Whether fitted weights will replace all others, so that none need be looked for.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If no architecture of that name is registered.
    """
    builder = estimator.network
    if not callable(builder):
        if builder not in NETWORKS:
            raise ValueError(f"Unknown network {builder!r}: choose among {sorted(NETWORKS)}.")
        builder = NETWORKS[builder]
    params = dict(estimator.network_params or {})
    if to_predict and "weights" in inspect.signature(builder).parameters:
        params["weights"] = None
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return builder(estimator.input_shape_, len(estimator.classes_), **params)
    finally:
        keras.config.set_dtype_policy(previous)


def jit_compile() -> str | bool:
    """Say whether Keras should compile steps with XLA.

    Returns
    -------
    bool or 'auto'
        ``False`` for TensorFlow on a CPU, where XLA trains convolutions several times slower.
    """
    return "auto" if keras.backend.backend() != "tensorflow" or has_gpu() else False


def _check_parameters(estimator: Trainable) -> None:
    if estimator.monitor not in ("loss", "accuracy"):
        raise ValueError(f"monitor={estimator.monitor!r}: choose 'loss' or 'accuracy'.")
    if estimator.loss not in LOSSES:
        raise ValueError(f"loss={estimator.loss!r}: choose among {list(LOSSES)}.")
    if not 0 <= estimator.label_smoothing < 1:
        raise ValueError(f"label_smoothing={estimator.label_smoothing}: take 0 or more, below 1.")
    if estimator.label_smoothing and estimator.loss != "categorical_crossentropy":
        raise ValueError(
            f"label_smoothing needs loss='categorical_crossentropy', not {estimator.loss!r}."
        )
    for name in ("epochs", "batch_size"):
        if getattr(estimator, name) < 1:
            raise ValueError(f"{name}={getattr(estimator, name)}: take at least 1.")
    if estimator.time_budget is not None and estimator.time_budget <= 0:
        raise ValueError(f"time_budget={estimator.time_budget}: take a positive number of seconds.")


def _training_model(estimator: Trainable, network: keras.Model, seed: int) -> keras.Model:
    """Put augmentation before the network, so that it runs inside the compiled step."""
    augmentation = dict(estimator.augmentation or {})
    inputs = x = keras.Input(estimator.input_shape_)
    for layer in augmentation_layers(augmentation, seed):
        x = layer(x)
    if not augmentation.get("mixup"):
        return keras.Model(inputs, network(x))
    x = MixUp(augmentation["mixup"], seed, name="mixup")(x)
    return MixedModel(inputs, network(x))


def _soft_targets(
    estimator: Trainable, fitted: Samples, watched: Samples | None
) -> tuple[Samples, Samples | None]:
    """Let the soft labels be what is trained on, and make what is watched one-hot to match."""
    if estimator.loss != "categorical_crossentropy":
        raise ValueError(
            f"soft_labels need loss='categorical_crossentropy', not {estimator.loss!r}."
        )
    if watched is not None:
        one_hot = np.eye(len(estimator.classes_), dtype=np.float32)
        watched = watched._replace(targets=one_hot[watched.targets])
    return fitted._replace(targets=np.asarray(fitted.soft_labels)), watched


def _compile(estimator: Trainable, model: keras.Model, soft: bool) -> None:
    config = {"learning_rate": estimator.learning_rate, **(estimator.optimizer_params or {})}
    try:
        optimizer = keras.optimizers.get({"class_name": estimator.optimizer, "config": config})
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"optimizer={estimator.optimizer!r} cannot be made with "
            f"optimizer_params={estimator.optimizer_params}: {error}"
        ) from error
    loss: Any = estimator.loss
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    if soft:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=estimator.label_smoothing)
        accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")
    elif loss == "categorical_crossentropy":
        loss = _OneHotCrossentropy(len(estimator.classes_), estimator.label_smoothing)
    model.compile(
        optimizer=optimizer,
        loss=loss,
        weighted_metrics=[accuracy],
        jit_compile=jit_compile(),
    )


class _OneHotCrossentropy(keras.losses.Loss):
    """Categorical cross-entropy of class indices that are made one-hot inside the step."""

    def __init__(self, n_classes: int, label_smoothing: float) -> None:
        super().__init__(name="categorical_crossentropy")
        self._n_classes = n_classes
        self._label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        indices = keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,))
        return keras.losses.categorical_crossentropy(
            keras.ops.one_hot(indices, self._n_classes),
            y_pred,
            label_smoothing=self._label_smoothing,
        )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed what Keras draws from, and give Python's and NumPy's own states back after."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
