"""Learn how much each member should count, from predictions for rows it was not fitted on.

`learn_weights` knows three methods; `select_greedily`, which one of them uses, can be called for
itself to see which members help, and by how much.

References
----------
L. Breiman, "Stacked regressions", Machine Learning 24, 1996, pages 49-64.

P. Smyth and D. Wolpert, "Linearly combining density estimators via stacking", Machine Learning 36,
1999, pages 59-83.

R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble selection from libraries of
models", International Conference on Machine Learning, 2004.

L. I. Kuncheva, "Combining Pattern Classifiers: Methods and Algorithms", Wiley, 2004.

C. M. Bishop, "Pattern Recognition and Machine Learning", Springer, 2006, chapter 9.

L. I. Kuncheva and J. J. Rodríguez, "A weighted voting framework for classifiers ensembles",
Knowledge and Information Systems 38, 2014, pages 259-275.

N. Erickson et al., "AutoGluon-Tabular: robust and accurate AutoML for structured data", 2020,
arXiv:2003.06505, whose ensembles stop at the best of all rounds, as these do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from fer_ensemble.ensemble.evidence import Evidence, check_evidence
from fer_ensemble.evaluation import SMALLEST_PROBABILITY
from fer_ensemble.suggestions import did_you_mean

WEIGHTING = ("log_loss", "accuracy", "greedy")
"""The ways to learn weights."""

SELECTION_METRICS = ("accuracy", "log_loss")
"""What `select_greedily` can select for."""

# Scores no further apart than this are equal: the same members, added in another order, give means
# that differ by rounding, and that must neither choose a member nor make a later round the best.
_SCORE_TOLERANCE = 1e-12

# By how much, relatively, the odds of a member must surpass those of chance. A member that is right
# exactly as often as chance would be must not get a weight by rounding, when sample weights make
# fractions of the counts.
_CHANCE_TOLERANCE = 1e-9


def learn_weights(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    *,
    method: str = "log_loss",
    sample_weight: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
    tolerance: float = 1e-8,
    max_iter: int = 10_000,
) -> NDArray[np.float64]:
    """Find out how much each member should count.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What the members predict for rows that they were not fitted on.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    method : {"log_loss", "accuracy", "greedy"}, default="log_loss"
        What the weights are made for:

        - "log_loss": the weights with which the weighted mean has the lowest log loss.
        - "accuracy": each member by its own accuracy, whatever the others do: for weighted votes.
        - "greedy": the shares of the members in a `select_greedily` for accuracy; members that
          do not help get no weight.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts. None of them negative, not all zero.
    random_state : int, RandomState instance or None, default=None
        Seed with which "greedy" decides between members that are exactly alike; the other methods
        never depend on chance.
    tolerance : float, default=1e-8
        For "log_loss": stop when the mean log loss is proved to be within this distance, in nats,
        of the lowest.
    max_iter : int, default=10000
        For "log_loss": stop after this many steps in any case.

    Returns
    -------
    ndarray of shape (n_members,)
        Weights from 0 to 1 that sum to one.

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ, the labels are not among the classes, the
        probabilities are not distributions, the sample weights are no weights, or there is no
        such method.

    Notes
    -----
    "log_loss" (Breiman 1996; Smyth & Wolpert 1999): The log loss of a weighted mean is convex in
    the weights, so there is one lowest value. The weights are the proportions of a mixture whose
    components, the members, are fixed; expectation maximisation (Bishop 2006, section 9.3) raises
    the likelihood in every step, keeps the weights on the simplex, and needs no step size. It
    starts from equal weights, so the result is never worse than the plain average on these rows.

    "accuracy": If members err independently and spread their errors evenly over the other classes,
    the best weight of a vote among K classes is log((K - 1) a / (1 - a)), where a is the member's
    accuracy (Kuncheva 2004, section 4.3, for K = 2; Kuncheva & Rodríguez 2014). It is zero at
    a = 1 / K, and a member that is no better than that gets zero; if none is, nothing speaks for
    one of them more than for another, and all weigh the same. The accuracy is drawn towards
    chance as if K more rows had been seen, one of them answered rightly: without it, a member
    without a mistake would have an infinite weight.
    """
    if check_weighting(method) == "greedy":
        selection = select_greedily(
            probabilities, y, classes, sample_weight=sample_weight, random_state=random_state
        )
        return selection.weights
    evidence = check_evidence(probabilities, y, classes, sample_weight)
    if method == "accuracy":
        return _log_odds(evidence)
    return _maximise_likelihood(evidence, tolerance, max_iter)


def check_weighting(method: str) -> str:
    """Return the name of a way to learn weights, or list the names that there are.

    Raises
    ------
    ValueError
        If there is no way of this name.
    """
    if not isinstance(method, str) or method not in WEIGHTING:
        raise ValueError(
            f"Weights cannot be learned by {method!r}; choose one of {', '.join(WEIGHTING)}."
            + did_you_mean(method, WEIGHTING)
        )
    return method


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

    The best single member comes first. A member may be chosen again, and so gets more weight
    (Caruana et al. 2004). Scores need not rise from round to round: the ensemble ends with the
    first round that has the best of all scores (Erickson et al. 2020).

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What the members predict for rows that they were not fitted on.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    n_rounds : int, default=25
        How many members to add in all, the first included.
    metric : {"accuracy", "log_loss"}, default="accuracy"
        What to select for. Members that are equally good by accuracy are told apart by log loss,
        and members that are equal in both by chance.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts. None of them negative, not all zero.
    random_state : int, RandomState instance or None, default=None
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
    if metric not in SELECTION_METRICS:
        raise ValueError(
            f"There is no metric {metric!r}; choose one of "
            f"{', '.join(SELECTION_METRICS)}." + did_you_mean(metric, SELECTION_METRICS)
        )
    if n_rounds < 1:
        raise ValueError(f"n_rounds must be at least 1, not {n_rounds}.")
    evidence = check_evidence(probabilities, y, classes, sample_weight)
    random = check_random_state(random_state)
    candidates = _Candidates(evidence, metric)
    chosen: list[int] = []
    scores: list[float] = []
    # All rounds, and not only up to the first that brings nothing: a later one may well help again.
    for _ in range(n_rounds):
        best, score = candidates.find_best(random)
        candidates.add(best)
        chosen.append(best)
        scores.append(score)
    best_round = int(candidates.find_equals(np.array(scores))[0]) + 1
    counts = np.bincount(chosen[:best_round], minlength=evidence.probabilities.shape[1])
    return GreedySelection(
        weights=counts / best_round,
        chosen=np.array(chosen),
        scores=np.array(scores),
        best_round=best_round,
        metric=metric,
    )


class _Candidates:
    """The members, and the sum of those chosen so far."""

    def __init__(self, evidence: Evidence, metric: str) -> None:
        self.evidence = evidence
        self.metric = metric
        # With the samples last, sums and maxima over classes run along contiguous rows.
        self.members = np.array(
            evidence.probabilities.transpose(1, 2, 0), dtype=np.float64, order="C"
        )
        self.truth = evidence.labels, np.arange(len(evidence.labels))
        self.total = np.zeros(self.members.shape[1:])
        self.n_chosen = 0

    def find_best(self, random: np.random.RandomState) -> tuple[int, float]:
        """Return the member that is best to add, and the score that this would lead to."""
        measure = self._accuracy if self.metric == "accuracy" else self._log_loss
        scores = np.array([measure(member) for member in range(len(self.members))])
        equals = self.find_equals(scores)
        if self.metric == "accuracy" and len(equals) > 1:
            equals = equals[_find_lowest(np.array([self._log_loss(member) for member in equals]))]
        best = int(random.choice(equals))
        return best, float(scores[best])

    def find_equals(self, scores: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the positions of the best scores."""
        return _find_lowest(-scores if self.metric == "accuracy" else scores)

    def add(self, member: int) -> None:
        self.total += self.members[member]
        self.n_chosen += 1

    def _accuracy(self, member: int) -> float:
        # The sum has the same highest class as the mean, and needs no division.
        return self.evidence.accuracy(self.total + self.members[member])

    def _log_loss(self, member: int) -> float:
        likelihood = self.total[self.truth] + self.members[member][self.truth]
        return self.evidence.log_loss(likelihood / (self.n_chosen + 1))


def _find_lowest(costs: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.flatnonzero(costs <= costs.min() + _SCORE_TOLERANCE)


def _log_odds(evidence: Evidence) -> NDArray[np.float64]:
    """Weigh each member by the log odds of its accuracy above chance; see `learn_weights`."""
    _, n_members, n_classes = evidence.probabilities.shape
    members = evidence.probabilities.transpose(1, 2, 0)
    n_seen = evidence.sample_weight.sum()
    n_right = n_seen * np.array([evidence.accuracy(member) for member in members])
    # K more rows, one of them right; numerator and denominator of the odds, both times n_seen + K.
    right, wrong = (n_right + 1) * (n_classes - 1), n_seen - n_right + n_classes - 1
    better = right > wrong * (1 + _CHANCE_TOLERANCE)
    weights = np.zeros(n_members)
    weights[better] = np.log(right[better] / wrong[better])
    return weights / weights.sum() if better.any() else np.full(n_members, 1 / n_members)


def _maximise_likelihood(
    evidence: Evidence, tolerance: float, max_iter: int
) -> NDArray[np.float64]:
    """Fit the proportions of a mixture by expectation maximisation; see `learn_weights`."""
    n_samples, n_members, _ = evidence.probabilities.shape
    share = evidence.sample_weight / evidence.sample_weight.sum()
    likelihood = evidence.probabilities[np.arange(n_samples), :, evidence.labels]
    likelihood = np.maximum(likelihood.astype(np.float64), SMALLEST_PROBABILITY)
    weights = np.full(n_members, 1 / n_members)
    for _ in range(max_iter):
        # The gradient. By concavity no weights at all can gain more than its maximum minus one.
        gain = (share / (likelihood @ weights)) @ likelihood
        if gain.max() - 1 <= tolerance:
            break
        weights = weights * gain
    learned: NDArray[np.float64] = weights / weights.sum()
    return learned
