"""Learning rates over a training, and how a training keeps to a time budget.

Everything here is arithmetic on step counts, held-out results and a clock; nothing knows Keras.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from fer_ensemble.models.cycles import cycle_progress, geometric_factor

#: The schedules, with the parameters of each and their defaults. Both the estimator's check of
#: ``schedule`` and :func:`schedule_params` read this table.
SCHEDULES: dict[str, dict[str, float]] = {
    "plateau": {"factor": 0.25, "patience": 3, "min_lr": 1e-6},
    "one_cycle": {"warm_up": 0.25, "div_factor": 25},
    "cosine": {"warm_up": 0.0},
    "inverse_time": {"decay_rate": 1e-6},
    "constant": {},
    "fast_geometric": {"share": 0.8, "high": 0.2, "low": 0.01},
}
# These end at zero wherever the end is. The others would be cut off at a high rate when the time is
# over, so they follow a cosine then.
_ANNEALED = ("one_cycle", "cosine", "fast_geometric")
# The first steps compile the network and take seconds; they say nothing about the steps to come.
_COMPILING_STEPS = 2
# Steps timed before a training is declared cut short: a decision on fewer would hang on chance, and
# on more would come late, since from then on the schedule is another one.
_TRIAL_STEPS = 20
# A step counts among as many as these at most: long enough to average over uneven steps, short
# enough to follow a machine that other programs make slower or faster.
_STEPS_REMEMBERED = 100


def schedule_params(schedule: str, params: Mapping[str, Any] | None) -> dict[str, float]:
    """Complete a schedule's parameters with their defaults.

    Parameters
    ----------
    schedule : str
        One of :data:`SCHEDULES`.
    params : mapping or None
        Those parameters that differ from their defaults.

    Returns
    -------
    dict of str to float

    Raises
    ------
    ValueError
        If the schedule has no such parameter.
    """
    defaults = SCHEDULES[schedule]
    unknown = sorted(set(params or {}) - set(defaults))
    if unknown:
        raise ValueError(f"schedule={schedule!r} has no {unknown}; it has {sorted(defaults)}.")
    return {**defaults, **(params or {})}


def rate_factor(
    schedule: str,
    params: Mapping[str, float],
    progress: float,
    step: int,
    cut_short: bool,
    n_cycles: int = 1,
) -> float:
    """Compute what the initial learning rate is multiplied by in a step.

    For ``'plateau'`` this is 1, unless time cuts it short: held-out results lower its rate, see
    :class:`Plateau`.

    Parameters
    ----------
    schedule : str
        One of :data:`SCHEDULES`.
    params : mapping
        Its complete parameters.
    progress : float
        Share of the training that is done before the step, 0–1.
    step : int
        Steps done before it.
    cut_short : bool
        Whether a time budget ends the training before its last epoch: schedules that would not
        have come down by then are annealed along a cosine.
    n_cycles : int, default=1
        How many times an annealed schedule is gone through, see
        :mod:`~fer_ensemble.models.cycles`.

    Returns
    -------
    float

    References
    ----------
    Smith, L., & Topin, N. (2019). Super-convergence: very fast training of neural networks using
    large learning rates. (The source of ``'one_cycle'``.)

    Loshchilov, I., & Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts.
    ICLR. (The source of ``'cosine'``.)
    """
    factor = 1.0
    if schedule == "fast_geometric":
        return geometric_factor(params, progress, n_cycles)
    if n_cycles > 1:
        progress = cycle_progress(progress, n_cycles)
    if schedule == "one_cycle":
        start, warm_up = 1 / params["div_factor"], params["warm_up"]
        if progress < warm_up:
            return start + (1 - start) * progress / warm_up
        return _cosine((progress - warm_up) / (1 - warm_up))
    if schedule == "inverse_time":
        factor = 1 / (1 + params["decay_rate"] * step)
    if schedule == "cosine":
        warm_up = params["warm_up"]
        if progress < warm_up:
            return progress / warm_up
        return _cosine((progress - warm_up) / (1 - warm_up))
    return factor * _cosine(progress) if cut_short and schedule not in _ANNEALED else factor


class Plateau:
    """Lowers a rate after epochs without improvement, as Keras's ``ReduceLROnPlateau``.

    Not that callback itself: the training loop runs none, and a checkpoint must hold the state.

    Parameters
    ----------
    params : mapping of str to float
        ``factor`` by which the rate falls, ``patience`` in epochs, and ``min_lr``, below which it
        does not fall.
    learning_rate : float
        The rate at the start.

    Attributes
    ----------
    factor : float
        What to multiply the rate by.
    """

    def __init__(self, params: Mapping[str, float], learning_rate: float) -> None:
        self._params = params
        # An initial rate below min_lr is left alone, and so is one of 0.
        self._lowest = min(1.0, params["min_lr"] / learning_rate) if learning_rate else 1.0
        self._wait = 0
        self.factor = 1.0

    def end_epoch(self, improved: bool) -> None:
        """Count an epoch, and lower the factor if there have been too many without improvement.

        Parameters
        ----------
        improved : bool
            Whether it was the best so far.
        """
        self._wait = 0 if improved else self._wait + 1
        if self._wait >= self._params["patience"]:
            self.factor = max(self.factor * self._params["factor"], self._lowest)
            self._wait = 0

    def state(self) -> list[float]:
        """Return the arguments of :meth:`resume`, as JSON values."""
        return [self.factor, self._wait]

    def resume(self, factor: float, wait: int) -> None:
        """Take over the state of an interrupted training.

        Parameters
        ----------
        factor : float
            The attribute of that training's plateau.
        wait : int
            Epochs since the latest improvement or fall.
        """
        self.factor, self._wait = factor, wait


class Pace:
    """How far a training has come, and how many steps are left.

    Without a time budget, steps are counted. With one, they are timed as they go by, and the number
    that still fits decides, so that progress reaches 1 as the time runs out, also on a machine that
    gets busier meanwhile.

    Parameters
    ----------
    n_steps : int
        Steps of all epochs.
    steps_per_epoch : int
    budget : float or None
        Seconds that the training may take.
    clock : callable, default=time.perf_counter
        Returns the time in seconds.

    Attributes
    ----------
    progress : float
        Share of the training that is done, 0–1.
    step : int
        Steps done.
    elapsed : float
        Seconds of training, those before an interruption included.
    cut_short : bool
        Whether the budget affords fewer steps than planned.
    """

    def __init__(
        self,
        n_steps: int,
        steps_per_epoch: int,
        budget: float | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._n_steps = n_steps
        self._steps_per_epoch = steps_per_epoch
        self._budget = budget
        self._clock = clock
        self._last = clock()
        self._step_seconds = 0.0
        self._validation_seconds = 0.0
        self._steps_here = 0
        self.progress = 0.0
        self.step = 0
        self.elapsed = 0.0
        self.cut_short = False

    @property
    def remaining(self) -> int:
        """Steps left, at least 0."""
        planned = self._n_steps - self.step
        if self._budget is None or not self._step_seconds:
            return planned
        # One pass over the held-out data is still to come, whenever the training ends; those of the
        # epochs before that are spread over their steps.
        left = self._budget - self.elapsed - self._validation_seconds
        each = self._step_seconds + self._validation_seconds / self._steps_per_epoch
        return max(0, min(planned, int(left / each)))

    @property
    def epoch(self) -> float:
        """Epochs done, a fraction if the last one was not finished."""
        return self.step / self._steps_per_epoch

    @property
    def finished(self) -> bool:
        """Whether no step is left."""
        return self.remaining == 0

    def progress_after(self, n_steps: int) -> float:
        """Foresee the share of the training that is done after some more steps.

        Parameters
        ----------
        n_steps : int

        Returns
        -------
        float
        """
        # Each step takes its share of what is left, so that progress never falls when the estimate
        # of the steps left changes, and is a plain count when it doesn't.
        return self.progress + (1 - self.progress) * n_steps / max(self.remaining, 1)

    def steps_until(self, share: float) -> int:
        """Foresee after how many steps a share of the training will be done.

        Parameters
        ----------
        share : float

        Returns
        -------
        int
            At least 1.
        """
        left = (share - self.progress) / max(1 - self.progress, 1e-12)
        return max(1, math.ceil(left * self.remaining - 1e-6))

    def next_group(self, seconds: float) -> int:
        """Say how many steps to take before asking the clock again.

        Parameters
        ----------
        seconds : float
            How long they should take.

        Returns
        -------
        int
            At least 1.
        """
        for first in (_COMPILING_STEPS, _TRIAL_STEPS):
            if self._steps_here < first:
                return first - self._steps_here
        return max(1, min(self.remaining, int(seconds / max(self._step_seconds, 1e-9))))

    def advance(self, n_steps: int = 1, *, compiled: bool = False) -> None:
        """Count steps, and time them.

        Parameters
        ----------
        n_steps : int, default=1
        compiled : bool, default=False
            Whether something was compiled for them, so that they tell nothing of the steps to come.
        """
        self.progress = self.progress_after(n_steps)
        self.step += n_steps
        before, self._steps_here = self._steps_here, self._steps_here + n_steps
        seconds = self._lap() / n_steps
        if before >= _COMPILING_STEPS and not compiled:
            memory = min(self._steps_here - _COMPILING_STEPS, _STEPS_REMEMBERED)
            self._step_seconds += (seconds - self._step_seconds) * min(1.0, n_steps / memory)
        is_tried = before < _TRIAL_STEPS <= self._steps_here
        if is_tried and self.remaining < self._n_steps - self.step:
            self.cut_short = True

    def end_validation(self) -> None:
        """Count the time since the last step as that of one pass over the held-out data."""
        self._validation_seconds = self._lap()

    def state(self) -> list[float]:
        """Return the arguments of :meth:`resume`, as JSON values."""
        measured = [self._step_seconds, self._validation_seconds]
        return [self.progress, self.step, self.elapsed, self.cut_short, *measured]

    def resume(
        self,
        progress: float,
        step: int,
        elapsed: float,
        cut_short: bool,
        step_seconds: float = 0.0,
        validation_seconds: float = 0.0,
    ) -> None:
        """Take over the state of an interrupted training.

        Parameters
        ----------
        progress, step, elapsed, cut_short
            The attributes of that training's pace.
        step_seconds, validation_seconds : float, default=0.0
            What a step and a pass over the held-out data took, until they are timed anew: without
            them a training whose time is over would start another epoch.
        """
        self.progress, self.step, self.elapsed = progress, step, elapsed
        self.cut_short = cut_short
        self._step_seconds, self._validation_seconds = step_seconds, validation_seconds
        self._last = self._clock()

    def _lap(self) -> float:
        now = self._clock()
        seconds, self._last = now - self._last, now
        self.elapsed += seconds
        return seconds


def _cosine(progress: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
