"""What a search found: its trials, and their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fer_ensemble.evaluation import wilson_interval


@dataclass(frozen=True)
class SearchTrial:
    """A finished trial.

    Attributes
    ----------
    number : int
        Its place in the search, from 1.
    values : dict of str to value
        What was searched: parameters of the network or of its estimator.
    params : dict of str to value
        The same, as :func:`~fer_ensemble.models.create_member` takes it.
    status : {'completed', 'failed'}
    accuracy : float or None
        Share of right labels on the held-out samples, 0–1; ``None`` if it failed.
    n : int
        Number of held-out samples.
    seconds : float
        How long it took.
    message : str
        Why it failed, else empty.
    """

    number: int
    values: dict[str, Any]
    params: dict[str, Any]
    status: str
    accuracy: float | None
    n: int
    seconds: float
    message: str = ""

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the accuracy; ``None`` if the trial failed."""
        if self.accuracy is None:
            return None
        return wilson_interval(round(self.accuracy * self.n), self.n)


@dataclass(frozen=True)
class SearchResult:
    """A finished search.

    Attributes
    ----------
    member : str
        Whose recipe was searched.
    trials : list of SearchTrial
        In the order of their start.
    """

    member: str
    trials: list[SearchTrial]

    @property
    def ranking(self) -> list[SearchTrial]:
        """Completed trials, the best first; of equals, the earlier."""
        # Sorting is stable, which lets the earlier of equals stand first.
        completed = [trial for trial in self.trials if trial.accuracy is not None]
        return sorted(completed, key=lambda trial: -(trial.accuracy or 0.0))

    @property
    def best_params(self) -> dict[str, Any]:
        """Parameters of the best trial, for :func:`~fer_ensemble.models.create_member`."""
        return self.ranking[0].params
