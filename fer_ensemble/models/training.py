"""The training loop behind :class:`~fer_ensemble.models.KerasClassifier`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from fer_ensemble.models.augmentation import augmentation_layers
from fer_ensemble.models.device import has_gpu, resolve_precision
from fer_ensemble.models.networks import NETWORKS
from fer_ensemble.models.progress import ProgressDisplay
from fer_ensemble.models.validation import Samples

SCHEDULES = ("plateau", "one_cycle", "constant")
_PLATEAU_FACTOR = 0.25
_WARM_UP = 0.25
_LOWEST_LEARNING_RATE = 1e-6
_PREDICT_BATCH = 256


class Trainable(Protocol):
    """What the loop reads of an estimator: parameters and attributes of ``KerasClassifier``."""

    network: str | Callable[..., keras.Model]
    network_params: Mapping[str, Any] | None
    augmentation: Mapping[str, Any] | None
    optimizer: str
    learning_rate: float
    weight_decay: float | None
    schedule: str
    epochs: int
    batch_size: int
    patience: int | None
    plateau_patience: int
    monitor: str
    precision: str
    verbose: int
    classes_: NDArray[Any]
    input_shape_: tuple[int, ...]


def train(
    estimator: Trainable,
    fitted: Samples,
    watched: Samples | None,
    seed: int,
    initial_weights: list[NDArray[Any]] | None,
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
    with _seeded(seed):
        network = build_network(estimator, resolve_precision(estimator.precision))
        if initial_weights is not None:
            network.set_weights(initial_weights)
        layers = augmentation_layers(estimator.augmentation or {}, seed)
        model = keras.Sequential([keras.Input(estimator.input_shape_), *layers, network])
        n_steps = -(-len(fitted.X) // estimator.batch_size) * estimator.epochs
        model.compile(
            optimizer=_optimizer(estimator, n_steps),
            loss="sparse_categorical_crossentropy",
            weighted_metrics=["accuracy"],
            jit_compile=jit_compile(),
        )
        title = builder if isinstance(builder := estimator.network, str) else builder.__name__
        with ProgressDisplay(title, n_steps, bool(estimator.verbose)) as display:
            callbacks = [_Display(display), *_callbacks(estimator, watched is not None)]
            history = _run_epochs(
                model, fitted, watched, estimator.epochs, estimator.batch_size, seed, callbacks
            )
        return network.get_weights(), history


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
    parts = [network.predict_on_batch(X[rows]) for rows in _batches(len(X), _PREDICT_BATCH)]
    return np.concatenate(parts).astype(np.float64)


def build_network(estimator: Trainable, precision: str) -> keras.Model:
    """Build an estimator's network with fresh weights.

    Parameters
    ----------
    estimator : Trainable
        Fitted as far as ``classes_`` and ``input_shape_``.
    precision : str
        Keras dtype policy of its layers.

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
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return builder(
            estimator.input_shape_, len(estimator.classes_), **(estimator.network_params or {})
        )
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
    if estimator.schedule not in SCHEDULES:
        raise ValueError(f"schedule={estimator.schedule!r}: choose among {list(SCHEDULES)}.")
    if estimator.monitor not in ("loss", "accuracy"):
        raise ValueError(f"monitor={estimator.monitor!r}: choose 'loss' or 'accuracy'.")
    for name in ("epochs", "batch_size"):
        if getattr(estimator, name) < 1:
            raise ValueError(f"{name}={getattr(estimator, name)}: take at least 1.")


def _optimizer(estimator: Trainable, n_steps: int) -> keras.optimizers.Optimizer:
    learning_rate: Any = estimator.learning_rate
    if estimator.schedule == "one_cycle":
        warm_up = int(_WARM_UP * n_steps)
        learning_rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=estimator.learning_rate / 25,
            warmup_target=estimator.learning_rate,
            warmup_steps=warm_up,
            decay_steps=n_steps - warm_up,
        )
    config = {"learning_rate": learning_rate}
    if estimator.weight_decay is not None:
        config["weight_decay"] = estimator.weight_decay
    return keras.optimizers.get({"class_name": estimator.optimizer, "config": config})


def _callbacks(estimator: Trainable, has_watched: bool) -> list[keras.callbacks.Callback]:
    monitor = f"val_{estimator.monitor}" if has_watched else estimator.monitor
    mode = "min" if estimator.monitor == "loss" else "max"
    patience = estimator.epochs if estimator.patience is None else estimator.patience
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.EarlyStopping(
            monitor=monitor, mode=mode, patience=patience, restore_best_weights=True
        )
    ]
    if estimator.schedule == "plateau":
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=monitor,
                mode=mode,
                factor=_PLATEAU_FACTOR,
                patience=estimator.plateau_patience,
                min_lr=_LOWEST_LEARNING_RATE,
            )
        )
    return callbacks


class _Display(keras.callbacks.Callback):
    """Shows steps and each epoch's figures."""

    _SHOWN: ClassVar = {
        "loss": "loss",
        "accuracy": "acc",
        "val_loss": "val_loss",
        "val_accuracy": "val_acc",
    }

    def __init__(self, display: ProgressDisplay) -> None:
        super().__init__()
        self._display = display

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._display.advance()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        figures = [
            f"{short} {logs[name]:.3f}" for name, short in self._SHOWN.items() if name in logs
        ]
        self._display.report(" · ".join([f"epoch {epoch + 1}/{self.params['epochs']}", *figures]))


def _run_epochs(
    model: keras.Model,
    fitted: Samples,
    watched: Samples | None,
    epochs: int,
    batch_size: int,
    seed: int,
    callbacks: list[keras.callbacks.Callback],
) -> dict[str, list[float]]:
    """Train until the last epoch or until a callback has enough.

    In place of ``Model.fit``, whose input pipeline on TensorFlow has threads that were seen to
    wait for each other for ever at the end of an epoch. Shuffles the same on every backend.
    """
    shuffler = np.random.default_rng(seed)
    callback_list = keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs)
    history: dict[str, list[float]] = {}
    model.stop_training = False
    callback_list.on_train_begin()
    for epoch in range(epochs):
        started = time.perf_counter()
        callback_list.on_epoch_begin(epoch)
        order = shuffler.permutation(len(fitted.X))
        means = _Means()
        for step, places in enumerate(_batches(len(order), batch_size)):
            rows = order[places]
            weight = None if fitted.weight is None else fitted.weight[rows]
            logs = model.train_on_batch(
                fitted.X[rows], fitted.targets[rows], sample_weight=weight, return_dict=True
            )
            means.add(logs, len(rows) if weight is None else weight.sum())
            callback_list.on_train_batch_end(step, logs)
        figures = means.result()
        if watched is not None:
            figures |= {f"val_{name}": value for name, value in _test(model, watched).items()}
        figures["learning_rate"] = float(model.optimizer.learning_rate)
        figures["seconds"] = time.perf_counter() - started
        callback_list.on_epoch_end(epoch, figures)
        for name, value in figures.items():
            history.setdefault(name, []).append(value)
        if model.stop_training:
            break
    callback_list.on_train_end()
    return history


def _test(model: keras.Model, watched: Samples) -> dict[str, float]:
    means = _Means()
    for rows in _batches(len(watched.X), _PREDICT_BATCH):
        targets = watched.targets[rows]
        means.add(model.test_on_batch(watched.X[rows], targets, return_dict=True), len(targets))
    return means.result()


class _Means:
    """Means over the batches of an epoch, each batch by the weight of its samples."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._weight = 0.0

    def add(self, logs: dict[str, float], weight: float) -> None:
        self._weight += float(weight)
        for name, value in logs.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value) * float(weight)

    def result(self) -> dict[str, float]:
        return {name: total / (self._weight or 1.0) for name, total in self._sums.items()}


def _batches(n_samples: int, batch_size: int) -> list[slice]:
    return [slice(i, i + batch_size) for i in range(0, n_samples, batch_size)]


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
