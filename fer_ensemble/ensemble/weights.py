"""Learn the weights of members from predictions on rows that no member was fitted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.evidence import SMALLEST_PROBABILITY, Evidence, check_evidence
from fer_ensemble.ensemble.selection import select_greedily

__all__ = ["SMALLEST_PROBABILITY", "WEIGHTING", "check_weighting", "learn_weights"]

WEIGHTING = ("log_loss", "accuracy", "greedy")
"""The ways to learn weights."""

_ROUNDING = 1e-9


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
    method : {"log_loss", "accuracy", "greedy"}
        What the weights are made for:

        - "log_loss": the weights with which the weighted mean has the lowest log loss.
        - "accuracy": each member by its own accuracy, whatever the others do: for weighted votes.
        - "greedy": the shares of the members in a `select_greedily` for accuracy; members that
          do not help get no weight.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts. None of them negative, not all zero.
    random_state : int, RandomState instance or None
        Seed with which "greedy" decides between members that are exactly alike; the other methods
        never depend on chance.
    tolerance : float
        For "log_loss": stop when the mean log loss is proved to be within this distance, in nats,
        of the lowest.
    max_iter : int
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
    "log_loss": The log loss of a weighted mean is convex in the weights, so there is one lowest
    value. The weights are the proportions of a mixture whose components, the members, are fixed;
    expectation maximisation (Bishop 2006, section 9.3) raises the likelihood in every step, keeps
    the weights on the simplex, and needs no step size. It starts from equal weights, so the result
    is never worse than the plain average on these rows.

    "accuracy": If members err independently and spread their errors evenly over the other classes,
    the best weight of a vote among K classes is log((K - 1) a / (1 - a)), where a is the member's
    accuracy (Kuncheva 2004, section 4.3, for K = 2; Kuncheva & Rodríguez 2014). It is zero at
    a = 1 / K, and a member that is no better than that gets zero; if none is, nothing speaks for
    one of them more than for another, and all weigh the same. The accuracy is drawn towards
    chance as if K more rows had been seen, one of them answered rightly: without it, a member
    without a mistake would have an infinite weight.

    References
    ----------
    L. Breiman, "Stacked regressions", Machine Learning 24, 1996, pages 49-64.

    P. Smyth and D. Wolpert, "Linearly combining density estimators via stacking", Machine
    Learning 36, 1999, pages 59-83.

    C. M. Bishop, "Pattern Recognition and Machine Learning", Springer, 2006, chapter 9.

    L. I. Kuncheva, "Combining Pattern Classifiers: Methods and Algorithms", Wiley, 2004.

    L. I. Kuncheva and J. J. Rodríguez, "A weighted voting framework for classifiers ensembles",
    Knowledge and Information Systems 38, 2014, pages 259-275.
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
        )
    return method


def _log_odds(evidence: Evidence) -> NDArray[np.float64]:
    _, n_members, n_classes = evidence.probabilities.shape
    members = evidence.probabilities.transpose(1, 2, 0)
    n_seen = evidence.sample_weight.sum()
    n_right = n_seen * np.array([evidence.accuracy(member) for member in members])
    right, wrong = (n_right + 1) * (n_classes - 1), n_seen - n_right + n_classes - 1
    better = right > wrong * (1 + _ROUNDING)
    weights = np.zeros(n_members)
    weights[better] = np.log(right[better] / wrong[better])
    return weights / weights.sum() if better.any() else np.full(n_members, 1 / n_members)


def _maximise_likelihood(
    evidence: Evidence, tolerance: float, max_iter: int
) -> NDArray[np.float64]:
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
