"""Select members greedily, and the same one again if it helps.

References
----------
R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection from libraries of
models", International Conference on Machine Learning, 2004.

N. Erickson et al., "AutoGluon-Tabular: robust and accurate AutoML for structured data", 2020,
arXiv:2003.06505, whose ensembles stop at the best of all rounds, as these do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from fer_ensemble.ensemble.evidence import Evidence, check_evidence

METRICS = ("accuracy", "log_loss")
"""What can be selected for."""

_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class GreedySelection:
    """Which members were chosen, in which order, and what each choice brought.

    Attributes
    ----------
    weights : ndarray of shape (n_members,)
        How often each member was chosen up to the best round, divided by the number of rounds up
        to it: the weights of the ensemble, for the rule "weighted".
    chosen : ndarray of shape (n_rounds,)
        The member added in each round, those after the best included.
    scores : ndarray of shape (n_rounds,)
        The mean of the members chosen so far, measured after each round: accuracy, the higher the
        better, or log loss in nats, the lower the better.
    best_round : int
        The first round with the best score, counted from one. Its members are the ensemble.
    metric : str
        Which of the two the scores are.
    """

    weights: NDArray[np.float64]
    chosen: NDArray[np.intp]
    scores: NDArray[np.float64]
    best_round: int
    metric: str

    @property
    def used(self) -> NDArray[np.intp]:
        """The members that have weight. Only one if no other helps it."""
        return np.flatnonzero(self.weights)

    @property
    def single_score(self) -> float:
        """The score of the best single member, with which the selection starts."""
        return float(self.scores[0])

    @property
    def score(self) -> float:
        """The score of the ensemble selected; never worse than the single member's."""
        return float(self.scores[self.best_round - 1])


def select_greedily(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    *,
    n_rounds: int = 25,
    metric: str = "accuracy",
    sample_weight: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> GreedySelection:
    """Add, round by round, the member that makes the mean of those chosen best.

    The best single member comes first. A member may be chosen again, and so gets more weight.
    Scores need not rise from round to round: the ensemble ends with the first round that has the
    best of all scores.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What the members predict for rows that they were not fitted on.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    n_rounds : int
        How many members to add in all, the first included.
    metric : {"accuracy", "log_loss"}
        What to select for. Members that are equally good by accuracy are told apart by log loss,
        and members that are equal in both by chance.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts. None of them negative, not all zero.
    random_state : int, RandomState instance or None
        Seed of the choice among equals.

    Returns
    -------
    GreedySelection
        Weights, and how they came about.

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ, the labels are not among the classes, the
        probabilities are not distributions, the sample weights are no weights, there is no such
        metric or not one round.

    Examples
    --------
    Two members that are right on one row of two each, and together on both:

    >>> from fer_ensemble.ensemble import select_greedily
    >>> right, wrong = [0.9, 0.1], [0.4, 0.6]
    >>> selection = select_greedily([[right, wrong], [wrong, right]], [0, 0], classes=[0, 1])
    >>> selection.single_score, selection.score, selection.weights.tolist()
    (0.5, 1.0, [0.5, 0.5])
    """
    if metric not in METRICS:
        raise ValueError(f"There is no metric {metric!r}; choose one of {', '.join(METRICS)}.")
    if n_rounds < 1:
        raise ValueError(f"n_rounds must be at least 1, not {n_rounds}.")
    evidence = check_evidence(probabilities, y, classes, sample_weight)
    random = check_random_state(random_state)
    candidates = _Candidates(evidence)
    chosen: list[int] = []
    scores: list[float] = []
    for _ in range(n_rounds):
        best, measured = candidates.find_best(metric, random)
        candidates.add(best)
        chosen.append(best)
        scores.append(measured)
    costs = -np.array(scores) if metric == "accuracy" else np.array(scores)
    best_round = int(_lowest(costs)[0]) + 1
    counts = np.bincount(chosen[:best_round], minlength=evidence.probabilities.shape[1])
    return GreedySelection(
        weights=counts / best_round,
        chosen=np.array(chosen),
        scores=np.array(scores),
        best_round=best_round,
        metric=metric,
    )


class _Candidates:
    """The members, and the sum of those chosen so far, with the samples last: that is fastest."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.members = np.array(
            evidence.probabilities.transpose(1, 2, 0), dtype=np.float64, order="C"
        )
        self.truth = evidence.labels, np.arange(len(evidence.labels))
        self.total = np.zeros(self.members.shape[1:])
        self.n_chosen = 0

    def find_best(self, metric: str, random: np.random.RandomState) -> tuple[int, float]:
        """Return the member that is best to add, and the score that this would lead to."""
        measure = self._accuracy if metric == "accuracy" else self._log_loss
        scores = np.array([measure(member) for member in range(len(self.members))])
        equals = _lowest(-scores if metric == "accuracy" else scores)
        if metric == "accuracy" and len(equals) > 1:
            equals = equals[_lowest(np.array([self._log_loss(member) for member in equals]))]
        best = int(random.choice(equals))
        return best, float(scores[best])

    def add(self, member: int) -> None:
        self.total += self.members[member]
        self.n_chosen += 1

    def _accuracy(self, member: int) -> float:
        return self.evidence.accuracy(self.total + self.members[member])

    def _log_loss(self, member: int) -> float:
        likelihood = self.total[self.truth] + self.members[member][self.truth]
        return self.evidence.log_loss(likelihood / (self.n_chosen + 1))


def _lowest(costs: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.flatnonzero(costs <= costs.min() + _ROUNDING)
