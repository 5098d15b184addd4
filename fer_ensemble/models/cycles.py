"""Schedules that come down several times: their rates, and the weights that are kept each time.

Everything here is arithmetic on shares of a training and lists of arrays; nothing knows Keras.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

#: Schedules that come down several times in a training, so that weights can be kept each time.
CYCLIC = ("cosine", "one_cycle", "fast_geometric")
# Shares of a training are sums of many fractions.
_ROUNDING = 1e-9


def check_cyclic(n_snapshots: int, schedule: str) -> None:
    """Refuse schedules that do not come down several times.

    Raises
    ------
    ValueError
        If the schedule is none of :data:`CYCLIC`.
    """
    if schedule not in CYCLIC:
        raise ValueError(
            f"snapshots={n_snapshots} are kept where the learning rate has come down, and "
            f"schedule={schedule!r} does not come down so often: choose one of "
            f"{', '.join(CYCLIC)}."
        )


def snapshot_points(schedule: str, params: Mapping[str, float], n_snapshots: int) -> list[float]:
    """Say after which shares of a training weights are kept.

    Parameters
    ----------
    schedule : str
        One of :data:`CYCLIC`.
    params : mapping
        Its complete parameters.
    n_snapshots : int

    Returns
    -------
    list of float
        Rising, up to 1.
    """
    if schedule != "fast_geometric":
        return [(i + 1) / n_snapshots for i in range(n_snapshots)]
    # The rate is lowest in the middle of each cycle, and the training ends in that of the last.
    share, cycles = params["share"], n_snapshots - 0.5
    return [share + (1 - share) * (i + 0.5) / cycles for i in range(n_snapshots)]


def cycle_progress(progress: float, n_cycles: int) -> float:
    """Say how much of its cycle a training has done, of cycles that are equally long.

    Parameters
    ----------
    progress : float
        Share of the training that is done, 0–1.
    n_cycles : int

    Returns
    -------
    float
        0–1; the end of one cycle is the start of the next.

    References
    ----------
    Huang, G., Li, Y., Pleiss, G., Liu, Z., Hopcroft, J. E., & Weinberger, K. Q. (2017). Snapshot
    ensembles: train 1, get M for free. ICLR.
    """
    done = progress * n_cycles
    return max(0.0, done - min(int(done + _ROUNDING), n_cycles - 1))


def geometric_factor(params: Mapping[str, float], progress: float, n_cycles: int) -> float:
    """Compute what the rate of fast geometric ensembling is multiplied by.

    Over its first ``share`` the rate falls from 1 to ``high``; then it goes down to ``low`` and up
    again in straight lines, and ends at the lowest point of the last cycle. Published are cycles of
    two to four epochs, after a training whose rate has come down to a fifth or a half.

    Parameters
    ----------
    params : mapping
        Complete parameters of the schedule.
    progress : float
        Share of the training that is done, 0–1.
    n_cycles : int

    Returns
    -------
    float

    References
    ----------
    Garipov, T., Izmailov, P., Podoprikhin, D., Vetrov, D., & Wilson, A. G. (2018). Loss surfaces,
    mode connectivity, and fast ensembling of DNNs. NeurIPS.
    """
    share, high, low = params["share"], params["high"], params["low"]
    if progress < share:
        return 1 + (high - 1) * progress / share
    cycles = (n_cycles - 0.5) * (min(progress, 1.0) - share) / (1 - share)
    from_lowest = abs(2 * (cycles % 1) - 1)
    return low + (high - low) * from_lowest


class Snapshots:
    """The weights that are kept in a training.

    Parameters
    ----------
    points : sequence of float
        As of :func:`snapshot_points`.

    Attributes
    ----------
    weights : list of ndarray
        Those of one snapshot after those of another.
    """

    def __init__(self, points: list[float]) -> None:
        self._points = points
        self._passed = 0
        self.weights: list[NDArray[Any]] = []

    @property
    def next_point(self) -> float:
        """Share of the training after which weights are kept next."""
        return self._points[min(self._passed, len(self._points) - 1)]

    def is_due(self, progress: float) -> bool:
        """Say whether a point was reached since weights were kept last.

        Parameters
        ----------
        progress : float
            Share of the training that is done, 0–1.

        Returns
        -------
        bool
            A time budget may pass several points in one step: that is one snapshot.
        """
        before, self._passed = self._passed, self._count(progress)
        return self._passed > before

    def is_lacking(self) -> bool:
        """Say whether the last point was not reached, as where the time was over before."""
        return self._passed < len(self._points)

    def resume(self, weights: list[NDArray[Any]], progress: float) -> None:
        """Take over what an interrupted training had kept.

        Parameters
        ----------
        weights : list of ndarray
        progress : float
            Share of the training that was done.
        """
        self.weights, self._passed = weights, self._count(progress)

    def _count(self, progress: float) -> int:
        return sum(point <= progress + _ROUNDING for point in self._points)
