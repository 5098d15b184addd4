"""Learning rates over a training, and how a training keeps to a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

#: Parameters of each schedule and their defaults.
SCHEDULES: dict[str, dict[str, float]] = {
    "plateau": {"factor": 0.25, "patience": 3, "min_lr": 1e-6},
    "one_cycle": {"warm_up": 0.25, "div_factor": 25},
    "cosine": {},
    "inverse_time": {"decay_rate": 1e-6},
    "constant": {},
}
# Annealed to zero as they stand; the others follow a cosine when time cuts them short.
_ANNEALED = ("one_cycle", "cosine")
_TRIAL_STEPS = 20
_STEPS_REMEMBERED = 100


def schedule_params(schedule: str, params: Mapping[str, Any] | None) -> dict[str, float]:
    """Complete a schedule's parameters with their defaults.

    Parameters
    ----------
    schedule : str
        One of :data:`SCHEDULES`.
    params : mapping or None
        Parameters to change.

    Returns
    -------
    dict of str to float

    Raises
    ------
    ValueError
        If there is no such schedule, or it has no such parameter.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule={schedule!r}: choose among {list(SCHEDULES)}.")
    defaults = SCHEDULES[schedule]
    unknown = sorted(set(params or {}) - set(defaults))
    if unknown:
        raise ValueError(f"schedule={schedule!r} has no {unknown}; it has {sorted(defaults)}.")
    return {**defaults, **(params or {})}


def rate_factor(
    schedule: str, params: Mapping[str, float], progress: float, step: int, cut_short: bool
) -> float:
    """Compute what the learning rate is multiplied with before a step.

    Parameters
    ----------
    schedule : str
        One of :data:`SCHEDULES`.
    params : mapping
        Its complete parameters.
    progress : float
        Share of the training that is done, 0–1.
    step : int
        Steps done.
    cut_short : bool
        Whether a time budget ends the training before its last epoch: schedules that would not
        have come down by then are annealed along a cosine.

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
    if schedule == "one_cycle":
        start, warm_up = 1 / params["div_factor"], params["warm_up"]
        if progress < warm_up:
            return start + (1 - start) * progress / warm_up
        return _cosine((progress - warm_up) / (1 - warm_up))
    if schedule == "inverse_time":
        factor = 1 / (1 + params["decay_rate"] * step)
    if schedule == "cosine" or (cut_short and schedule not in _ANNEALED):
        factor *= _cosine(progress)
    return factor


def _cosine(progress: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


class Pace:
    """How far a training has come, and how many steps are left to it.

    Without a budget, that is a matter of counting. With one, the time of the steps is measured as
    they go by, and the steps that still fit decide, so that progress reaches 1 as time runs out,
    also on a machine that gets busier meanwhile.

    Parameters
    ----------
    n_steps : int
        Steps of all epochs.
    steps_per_epoch : int
    budget : float or None
        Seconds that the training may take.
    clock : callable, default=time.perf_counter
        Where the time comes from.

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
        self._watch_seconds = 0.0
        self._since_start = 0
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
        left = self._budget - self.elapsed - self._watch_seconds
        each = self._step_seconds + self._watch_seconds / self._steps_per_epoch
        return max(0, min(planned, int(left / each)))

    @property
    def epoch(self) -> float:
        """Epochs done; the last one may be a part of one."""
        return self.step / self._steps_per_epoch

    @property
    def finished(self) -> bool:
        """Whether no step is left."""
        return self.remaining == 0

    def advance(self) -> None:
        """Count one step, and measure it."""
        remaining = self.remaining
        self.progress += (1 - self.progress) / max(remaining, 1)
        self.step += 1
        self._since_start += 1
        seconds = self._lap()
        # The first steps also compile the network.
        if self._since_start > 2:
            memory = min(self._since_start - 2, _STEPS_REMEMBERED)
            self._step_seconds += (seconds - self._step_seconds) / memory
        if self._since_start == _TRIAL_STEPS and self.remaining < self._n_steps - self.step:
            self.cut_short = True

    def watched(self) -> None:
        """Note that the held-out data were gone through since the last step."""
        self._watch_seconds = self._lap()

    def state(self) -> list[float]:
        """Give what :meth:`resume` takes, as JSON values.

        Returns
        -------
        list
        """
        measured = [self._step_seconds, self._watch_seconds]
        return [self.progress, self.step, self.elapsed, self.cut_short, *measured]

    def resume(
        self,
        progress: float,
        step: int,
        elapsed: float,
        cut_short: bool,
        step_seconds: float = 0.0,
        watch_seconds: float = 0.0,
    ) -> None:
        """Go on where an interrupted training stood.

        Parameters
        ----------
        progress, step, elapsed, cut_short
            The attributes of that training's pace.
        step_seconds, watch_seconds : float, default=0.0
            What a step and going through the held-out data took, until steps are measured anew.
        """
        self.progress, self.step, self.elapsed = progress, step, elapsed
        self.cut_short = cut_short
        self._step_seconds, self._watch_seconds = step_seconds, watch_seconds
        self._last = self._clock()

    def _lap(self) -> float:
        now = self._clock()
        seconds, self._last = now - self._last, now
        self.elapsed += seconds
        return seconds


class Plateau:
    """Lowers a rate after epochs without improvement, as Keras's ``ReduceLROnPlateau``.

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
        What to multiply the rate with.
    """

    def __init__(self, params: Mapping[str, float], learning_rate: float) -> None:
        self._params = params
        self._lowest = min(1.0, params["min_lr"] / learning_rate) if learning_rate else 1.0
        self._wait = 0
        self.factor = 1.0

    def watched(self, improved: bool) -> None:
        """Take an epoch into account.

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
        """Return what :meth:`resume` takes."""
        return [self.factor, self._wait]

    def resume(self, factor: float, wait: int) -> None:
        """Go on where another one stopped.

        Parameters
        ----------
        factor : float
        wait : int
            Epochs since the latest improvement or fall.
        """
        self.factor, self._wait = factor, wait
