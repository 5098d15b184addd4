"""The epochs of a training: the loop over them, the best of them, and checkpoints between them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zipfile import BadZipFile

import keras
import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import open_atomically
from fer_ensemble.models.cycles import Snapshots, snapshot_points
from fer_ensemble.models.mixing import AveragedStatistics, MeanOpinion
from fer_ensemble.models.progress import EpochProgress
from fer_ensemble.models.schedules import Pace, Plateau, rate_factor, schedule_params
from fer_ensemble.models.training_data import Samples

if TYPE_CHECKING:
    from fer_ensemble.models.grouped_steps import GroupedSteps

# How long a group of steps should take where many are taken in one call, in which nothing can be
# shown, and Ctrl-C is not heard.
_GROUP_SECONDS = 1.0
# Samples that a network classifies at a time, in validation and in prediction. The last bits of the
# result depend on it: on some processors matrix products round differently with the number of rows.
INFERENCE_BATCH = 256


class LoopOptions(Protocol):
    """What the loop reads of an estimator: parameters of ``KerasClassifier``."""

    schedule: str
    schedule_params: Mapping[str, Any] | None
    learning_rate: float
    epochs: int
    time_budget: float | None
    batch_size: int
    steps_per_execution: int | str
    patience: int | None
    monitor: str
    snapshots: int


class EpochLoop:
    """Trains a compiled model until its last epoch, its time, or its patience is over.

    In place of ``Model.fit``, for four reasons:

    - On TensorFlow (2.21), ``fit`` was seen to hang for good at the end of an epoch: under a
      debugger, the destructor of the iterator over its input pipeline (``tf.data``) and a thread
      that tunes the pipeline were waiting for each other. ``train_on_batch`` has no pipeline.
    - It shuffles the same on every backend.
    - Its whole state after an epoch can be kept on disk.
    - The steps that are left, and with them the learning rate, can change after every step.

    It is no slower: faces are in memory, and are changed inside the compiled step (``python -m
    experiments.training_speed`` measures both). With Keras on JAX, many steps are taken in one
    call, see :mod:`fer_ensemble.models.grouped_steps`. On TensorFlow, a loop inside the compiled
    function took as much of the processor's time as one step a call, and is not there.

    Parameters
    ----------
    model : keras.Model
        Compiled; ends in `network`.
    network : keras.Model
        The part whose weights count.
    fitted : Samples
        What to train on.
    validation : Samples or None
        What schedule, stopping and best epoch go by; ``None`` takes the training data themselves.
    options : LoopOptions
        How to train.
    seed : int
        Seed of the shuffling.
    progress : EpochProgress
        Where steps and epochs are shown.

    Attributes
    ----------
    best : BestEpoch
    snapshots : Snapshots or None
        What is kept in its place where several weights are.
    history : dict of str to list of float
        One value per epoch under each name.
    """

    def __init__(
        self,
        model: keras.Model,
        network: keras.Model,
        fitted: Samples,
        validation: Samples | None,
        options: LoopOptions,
        *,
        seed: int,
        progress: EpochProgress,
    ) -> None:
        self._model = model
        self._network = network
        self._fitted = fitted
        self._validation = validation
        self._options = options
        self._schedule_params = schedule_params(options.schedule, options.schedule_params)
        self._monitor = options.monitor if validation is None else f"val_{options.monitor}"
        # NumPy's own generator: the same order on every backend, and a state that JSON can hold.
        self._shuffler = np.random.default_rng(seed)
        self._progress = progress
        self._grouped = _grouped_steps(model, options)
        self._largest_group = 1
        if self._grouped is not None:
            self._largest_group = self._grouped.most(fitted, options.batch_size)
        steps = len(batches(len(fitted.X), options.batch_size))
        self._pace = Pace(steps * options.epochs, steps, options.time_budget)
        self._plateau: Plateau | None = None
        if options.schedule == "plateau":
            self._plateau = Plateau(self._schedule_params, options.learning_rate)
        # Those of the batches so far: a step is compiled for each.
        self._sizes: set[int] = set()
        self._checkpoint: tuple[str | os.PathLike[str], str] | None = None
        self.best = BestEpoch(lowest=options.monitor == "loss")
        self.snapshots: Snapshots | None = None
        if options.snapshots > 1:
            points = snapshot_points(options.schedule, self._schedule_params, options.snapshots)
            self.snapshots = Snapshots(points)
        self.history: dict[str, list[float]] = {}

    @property
    def weights(self) -> list[NDArray[Any]]:
        """What is kept of the network: the best epoch's weights, or those of all snapshots."""
        return self.best.weights if self.snapshots is None else self.snapshots.weights

    def use_checkpoint(self, path: str | os.PathLike[str], fingerprint: str) -> None:
        """Resume from a checkpoint if there is one, and keep the state of every epoch in it.

        Parameters
        ----------
        path : path-like
            File of the checkpoint.
        fingerprint : str
            A checkpoint with another one belongs to another training, and is overwritten.
        """
        self._checkpoint = (path, fingerprint)
        found = read_checkpoint(path, self._model, fingerprint)
        if found is None:
            return
        weights, state = found
        self.best.value, self.best.wait = state["best_value"], state["best_wait"]
        if self._plateau is not None:
            self._plateau.resume(*state["plateau"])
        self._pace.resume(*state["pace"])
        if self.snapshots is None:
            self.best.weights = weights
        else:
            self.snapshots.resume(weights, self._pace.progress)
        self._shuffler.bit_generator.state = state["shuffler"]
        self.history = state["history"]
        self._progress.resume(self._pace.step, len(self.history["seconds"]))

    def run(self) -> None:
        """Train."""
        # Asked before the first epoch, too: an interruption may have come after the last one, and
        # before its weights were used.
        while not self._pace.finished and not self._out_of_patience():
            self._run_epoch()
            if self._checkpoint is not None:
                path, fingerprint = self._checkpoint
                write_checkpoint(path, self._model, self.weights, self._state(fingerprint))
        if self.snapshots is not None and self.snapshots.is_lacking():
            self._keep_snapshot(self.snapshots)

    def _run_epoch(self) -> None:
        started = time.perf_counter()
        order = self._shuffler.permutation(len(self._fitted.X))
        left = [order[places] for places in batches(len(order), self._options.batch_size)]
        means = _Means()
        while left and not self._pace.finished:
            group = left[: self._group_size(left)]
            left = left[len(group) :]
            rates = [self._rate_after(i) for i in range(len(group))]
            means.add(*self._train(group, rates))
            size = len(group[0])
            self._pace.advance(len(group), compiled=size not in self._sizes)
            self._sizes.add(size)
            self._progress.advance(len(group), self._pace.step + self._pace.remaining)
            if self.snapshots is not None and self.snapshots.is_due(self._pace.progress):
                self._keep_snapshot(self.snapshots)
        figures = means.result()
        with _moving_averages(self._model):
            if self._validation is not None:
                tested = self._test(self._validation)
                figures |= {f"val_{name}": value for name, value in tested.items()}
            self._pace.end_validation()
            improved = self.best.update(figures[self._monitor], self._network)
        if self._plateau is not None:
            self._plateau.end_epoch(improved)
        figures |= {
            "learning_rate": rates[-1],
            "seconds": time.perf_counter() - started,
            "epoch": self._pace.epoch,
        }
        for name, value in figures.items():
            self.history.setdefault(name, []).append(value)
        self._progress.report(len(self.history["seconds"]), figures)

    def _group_size(self, left: list[NDArray[np.intp]]) -> int:
        """Say how many of the batches that are left to train on at once."""
        # The last batch of an epoch may be smaller, and arrays of another size take a call of their
        # own, and a compilation of it.
        n_full = len(left) - (len(left[-1]) < len(left[0]))
        if self._grouped is None or not n_full:
            return 1
        wanted = self._options.steps_per_execution
        if isinstance(wanted, str):
            wanted = self._pace.next_group(_GROUP_SECONDS)
        if self.snapshots is not None:
            wanted = min(wanted, self._pace.steps_until(self.snapshots.next_point))
        return min(n_full, self._largest_group, wanted)

    def _keep_snapshot(self, snapshots: Snapshots) -> None:
        with _moving_averages(self._model):
            snapshots.weights = [*snapshots.weights, *self._network.get_weights()]

    def _train(
        self, group: list[NDArray[np.intp]], rates: list[float]
    ) -> tuple[dict[str, float], int, float]:
        """Train on batches; return their figures, their samples, and their summed weights."""
        data = self._fitted
        if self._grouped is not None and len(group[0]) == self._options.batch_size:
            logs = self._grouped.train(data, group, rates, self._largest_group)
        else:
            (rows,) = group
            self._model.optimizer.learning_rate = rates[0]
            weight = None if data.weight is None else data.weight[rows]
            logs = self._model.train_on_batch(
                np.asarray(data.X[rows]), data.targets[rows], sample_weight=weight, return_dict=True
            )
        rows = np.concatenate(group)
        return logs, len(rows), len(rows) if data.weight is None else float(data.weight[rows].sum())

    def _test(self, validation: Samples) -> dict[str, float]:
        rows = np.arange(len(validation.X))
        left = [rows[places] for places in batches(len(rows), INFERENCE_BATCH)]
        means = _Means()
        while left:
            logs, group = self._test_group(validation, left)
            left = left[len(group) :]
            n_samples = sum(map(len, group))
            means.add(logs, n_samples, n_samples)
        return means.result()

    def _test_group(
        self, validation: Samples, left: list[NDArray[np.intp]]
    ) -> tuple[dict[str, float], list[NDArray[np.intp]]]:
        """Measure on the first of some batches; return their figures, and them."""
        if self._grouped is not None and len(left[0]) == INFERENCE_BATCH:
            most = self._grouped.most(validation, INFERENCE_BATCH)
            group = [rows for rows in left[:most] if len(rows) == INFERENCE_BATCH]
            return self._grouped.test(validation, group, most), group
        rows = left[0]
        logs = self._model.test_on_batch(
            np.asarray(validation.X[rows]), validation.targets[rows], return_dict=True
        )
        return logs, [rows]

    def _rate_after(self, n_steps: int) -> float:
        """Compute the learning rate of the step after some more of them."""
        factor = rate_factor(
            self._options.schedule,
            self._schedule_params,
            self._pace.progress_after(n_steps),
            self._pace.step + n_steps,
            self._pace.cut_short,
            self._options.snapshots,
        )
        plateau = self._plateau.factor if self._plateau else 1.0
        return self._options.learning_rate * factor * plateau

    def _out_of_patience(self) -> bool:
        # A patience of 0 would stop after the first epoch, whatever came of it: it counts as 1.
        # Among snapshots, a rate that goes up again is not to be taken for the end.
        patience = self._options.patience if self.snapshots is None else None
        return patience is not None and self.best.wait >= max(patience, 1)

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

    def update(self, value: float, network: keras.Model) -> bool:
        """Take an epoch into account; of equal ones, the first counts as the best.

        Parameters
        ----------
        value : float
            Its loss or accuracy.
        network : keras.Model
            With the weights at its end, which are copied if it is the best.

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
    # As bytes, so that the file holds plain arrays only, and can be read without pickle.
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
    # Only now that everything is read: a broken file leaves the model as it was.
    _assign(variables, values)
    return best, state


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


def _grouped_steps(model: keras.Model, options: LoopOptions) -> GroupedSteps | None:
    """Make what takes many steps in one call, where that pays."""
    if options.steps_per_execution == 1 or keras.backend.backend() != "jax":
        return None
    from fer_ensemble.models.grouped_steps import GroupedSteps

    return GroupedSteps(model)


def _variables(model: keras.Model) -> list[keras.Variable]:
    # The optimizer makes its variables at the first step unless it is asked to.
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    # Teachers are given to every training anew, and may be large.
    frozen = [layer for layer in model.layers if isinstance(layer, MeanOpinion)]
    left_out = {id(variable) for layer in frozen for variable in layer.variables}
    variables = [variable for variable in model.variables if id(variable) not in left_out]
    return [*variables, *model.optimizer.variables]


@contextmanager
def _moving_averages(model: keras.Model) -> Iterator[None]:
    """Put moving averages in the place of weights and batch statistics, if there are any.

    Keras itself would do so once, at the end of ``fit``, and for good; training has to go on from
    the weights themselves.
    """
    if not model.optimizer.use_ema:
        yield
        return
    # Keras has no public name for them.
    averages = model.optimizer._model_variables_moving_average
    pairs = list(zip(model.trainable_variables, averages, strict=True))
    for layer in model.layers:
        if isinstance(layer, AveragedStatistics):
            pairs += layer.pairs
    variables = [variable for variable, _ in pairs]
    values = [np.asarray(variable).copy() for variable in variables]
    _assign(variables, [np.asarray(average) for _, average in pairs])
    try:
        yield
    finally:
        _assign(variables, values)


def _assign(variables: list[keras.Variable], values: list[NDArray[Any]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


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
        # Weights that are all 0 have no mean.
        return {name: total / (self._sizes[name] or 1.0) for name, total in self._sums.items()}
