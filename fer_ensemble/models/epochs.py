"""The best epoch of a training."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import open_atomically
from fer_ensemble.models.progress import EpochProgress
from fer_ensemble.models.schedules import Pace, Plateau, rate_factor
from fer_ensemble.models.training_data import Samples


class BestEpoch:
    """The best epoch so far.

    Parameters
    ----------
    lowest : bool
        Whether lower values are better.

    Attributes
    ----------
    value : float or None
        What the best epoch was chosen by.
    wait : int
        Epochs since then.
    weights : list of ndarray
        The network's weights at its end.
    """

    def __init__(self, *, lowest: bool) -> None:
        self._sign = -1 if lowest else 1
        self.value: float | None = None
        self.wait = 0
        self.weights: list[NDArray[Any]] = []

    def offer(self, value: float, network: keras.Model) -> bool:
        """Take an epoch into account.

        Parameters
        ----------
        value : float
        network : keras.Model

        Returns
        -------
        bool
            Whether it is the best so far.
        """
        # A first epoch that diverged still leaves weights to return.
        if (
            self.value is None
            or np.isnan(self.value)
            or self._sign * value > self._sign * self.value
        ):
            self.value, self.wait, self.weights = value, 0, network.get_weights()
            return True
        self.wait += 1
        return False


def write_checkpoint(
    path: str | os.PathLike[str],
    model: keras.Model,
    best: list[NDArray[Any]],
    state: dict[str, Any],
) -> None:
    """Write all that a training depends on; an older checkpoint stays until this one is whole.

    Parameters
    ----------
    path : path-like
        File to write.
    model : keras.Model
        Compiled; its weights, random states and optimizer are kept.
    best : list of ndarray
        Weights of the best epoch so far.
    state : dict
        Whatever else there is, as JSON values.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        f"variable_{i}": np.asarray(v) for i, v in enumerate(_variables(model))
    }
    arrays |= {f"best_{i}": array for i, array in enumerate(best)}
    arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    with open_atomically(path) as file:
        np.savez(file, **arrays)


def read_checkpoint(
    path: str | os.PathLike[str], model: keras.Model, fingerprint: str
) -> tuple[list[NDArray[Any]], dict[str, Any]] | None:
    """Put a model into the state of a checkpoint.

    Parameters
    ----------
    path : path-like
        Where a checkpoint may be.
    model : keras.Model
        Compiled as for the interrupted training.
    fingerprint : str
        Must be the ``'fingerprint'`` in the checkpoint's state.

    Returns
    -------
    best : list of ndarray
        Weights of the best epoch.
    state : dict
        As given to :func:`write_checkpoint`. Without a usable checkpoint of that fingerprint,
        ``None`` is returned in place of both.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            state = json.loads(stored["state"].tobytes())
            if state["fingerprint"] != fingerprint:
                return None
            n_best = sum(name.startswith("best_") for name in stored.files)
            best = [stored[f"best_{i}"] for i in range(n_best)]
            variables = _variables(model)
            values = [stored[f"variable_{i}"] for i in range(len(variables))]
    except (OSError, EOFError, ValueError, KeyError, BadZipFile):
        return None  # nothing there, or nothing usable: the training starts anew
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return best, state


def _variables(model: keras.Model) -> list[keras.Variable]:
    # The optimizer makes its variables at the first step unless it is asked to.
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


_WATCH_BATCH = 256


class EpochLoop:
    """Trains a compiled model until its last epoch, its time, or its patience is over.

    In place of ``Model.fit``, whose input pipeline on TensorFlow has threads that were seen to
    wait for each other for ever at the end of an epoch. It shuffles the same on every backend,
    and its state after each epoch can be kept on disk.

    Parameters
    ----------
    model : keras.Model
        Compiled; ends in `network`.
    network : keras.Model
        The part whose weights count.
    fitted : Samples
        What to train on.
    watched : Samples or None
        What to watch; ``None`` watches the training data.
    schedule, schedule_params, learning_rate, epochs, batch_size, time_budget, monitor, patience
        As of :class:`~fer_ensemble.models.KerasClassifier`, complete.
    seed : int
        Seed of the shuffling.
    progress : EpochProgress
        Where steps and epochs are shown.

    Attributes
    ----------
    best : BestEpoch
    history : dict of str to list of float
        One value per epoch under each name.
    """

    def __init__(
        self,
        model: keras.Model,
        network: keras.Model,
        fitted: Samples,
        watched: Samples | None,
        *,
        schedule: str,
        schedule_params: Mapping[str, float],
        learning_rate: float,
        epochs: int,
        batch_size: int,
        time_budget: float | None,
        monitor: str,
        patience: int | None,
        seed: int,
        progress: EpochProgress,
    ) -> None:
        self._model = model
        self._network = network
        self._fitted = fitted
        self._watched = watched
        self._schedule = schedule
        self._schedule_params = schedule_params
        self._learning_rate = learning_rate
        self._epochs = epochs
        self._batch_size = batch_size
        self._monitor = monitor if watched is None else f"val_{monitor}"
        self._patience = patience
        self._shuffler = np.random.default_rng(seed)
        self._progress = progress
        steps = len(batches(len(fitted.X), batch_size))
        self._pace = Pace(steps * epochs, steps, time_budget)
        self._plateau: Plateau | None = None
        if schedule == "plateau":
            self._plateau = Plateau(schedule_params, learning_rate)
        self._checkpoint: tuple[str, str] | None = None
        self.best = BestEpoch(lowest=monitor == "loss")
        self.history: dict[str, list[float]] = {}

    def keep(self, path: str, fingerprint: str) -> None:
        """Keep the state of every epoch on disk, and go on from what is there.

        Parameters
        ----------
        path : str
            File of the checkpoint.
        fingerprint : str
            A checkpoint with another one is not gone on with.
        """
        self._checkpoint = (path, fingerprint)
        found = read_checkpoint(path, self._model, fingerprint)
        if found is None:
            return
        self.best.weights, state = found
        self.best.value, self.best.wait = state["best_value"], state["best_wait"]
        if self._plateau is not None:
            self._plateau.resume(*state["plateau"])
        self._pace.resume(*state["pace"])
        self._shuffler.bit_generator.state = state["shuffler"]
        self.history = state["history"]
        self._progress.resume(self._pace.step, len(self.history["seconds"]))

    def run(self) -> None:
        """Train."""
        # An interruption may have come after the last epoch, and before its weights were used.
        while not self._pace.finished and not self._out_of_patience():
            self._run_epoch()
            if self._checkpoint is not None:
                path, fingerprint = self._checkpoint
                write_checkpoint(path, self._model, self.best.weights, self._state(fingerprint))

    def _run_epoch(self) -> None:
        started = time.perf_counter()
        order = self._shuffler.permutation(len(self._fitted.X))
        means = _Means()
        for places in batches(len(order), self._batch_size):
            rate = self._next_rate()
            means.add(*self._step(order[places], rate))
            self._pace.advance()
            self._progress.advance(self._pace.step + self._pace.remaining)
            if self._pace.finished:
                break
        figures = means.result()
        averaged = _averaged_weights(self._model)
        if averaged is not None:
            raw = _swap(self._model, averaged)
        if self._watched is not None:
            figures |= {f"val_{k}": v for k, v in _test(self._model, self._watched).items()}
        self._pace.watched()
        improved = self.best.offer(figures[self._monitor], self._network)
        if averaged is not None:
            _swap(self._model, raw)
        if self._plateau is not None:
            self._plateau.watched(improved)
        figures |= {
            "learning_rate": rate,
            "seconds": time.perf_counter() - started,
            "epoch": self._pace.epoch,
        }
        for name, value in figures.items():
            self.history.setdefault(name, []).append(value)
        self._progress.report(len(self.history["seconds"]), figures)

    def _step(self, rows: NDArray[np.intp], rate: float) -> tuple[dict[str, float], int, float]:
        """Train on a batch."""
        self._model.optimizer.learning_rate = rate
        weight = None if self._fitted.weight is None else self._fitted.weight[rows]
        logs = self._model.train_on_batch(
            self._fitted.X[rows], self._fitted.targets[rows], sample_weight=weight, return_dict=True
        )
        return logs, len(rows), len(rows) if weight is None else float(weight.sum())

    def _next_rate(self) -> float:
        factor = rate_factor(
            self._schedule,
            self._schedule_params,
            self._pace.progress,
            self._pace.step,
            self._pace.cut_short,
        )
        return self._learning_rate * factor * (self._plateau.factor if self._plateau else 1.0)

    def _out_of_patience(self) -> bool:
        return self._patience is not None and self.best.wait >= max(self._patience, 1)

    def _state(self, fingerprint: str) -> dict[str, Any]:
        return {
            "fingerprint": fingerprint,
            "best_value": self.best.value,
            "best_wait": self.best.wait,
            "plateau": self._plateau.state() if self._plateau else None,
            "pace": self._pace.state(),
            "shuffler": self._shuffler.bit_generator.state,
            "history": self.history,
        }


def batches(n_samples: int, batch_size: int) -> list[slice]:
    """Cut samples into batches; the last one may be smaller.

    Parameters
    ----------
    n_samples, batch_size : int

    Returns
    -------
    list of slice
    """
    return [slice(i, i + batch_size) for i in range(0, n_samples, batch_size)]


def _test(model: keras.Model, watched: Samples) -> dict[str, float]:
    means = _Means()
    for rows in batches(len(watched.X), _WATCH_BATCH):
        targets = watched.targets[rows]
        logs = model.test_on_batch(watched.X[rows], targets, return_dict=True)
        means.add(logs, len(targets), len(targets))
    return means.result()


def _averaged_weights(model: keras.Model) -> list[NDArray[Any]] | None:
    """Give the moving averages of the trainable weights, if the optimizer keeps them."""
    if not model.optimizer.use_ema:
        return None
    return [np.asarray(v) for v in model.optimizer._model_variables_moving_average]


def _swap(model: keras.Model, values: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Set the trainable weights, and return what they were."""
    before = [np.asarray(v).copy() for v in model.trainable_variables]
    for variable, value in zip(model.trainable_variables, values, strict=True):
        variable.assign(value)
    return before


class _Means:
    """Means over the batches of an epoch, from the mean of each."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._sizes: dict[str, float] = {}

    def add(self, logs: dict[str, float], n_samples: int, weight: float) -> None:
        for name, value in logs.items():
            # Keras divides weighted losses by the samples, and weighted metrics by the weights.
            size = n_samples if name == "loss" else weight
            self._sums[name] = self._sums.get(name, 0.0) + float(value) * size
            self._sizes[name] = self._sizes.get(name, 0.0) + size

    def result(self) -> dict[str, float]:
        return {name: total / (self._sizes[name] or 1.0) for name, total in self._sums.items()}
