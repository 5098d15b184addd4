"""What members add to each other: how differently they err, and what is lost without one of them.

`measure_diversity` finds out all at once. `leave_one_out` compares the ensemble with the one that
lacks a member. The measures of pairs are those of Kuncheva and Whitaker (2003) on "oracle outputs":
they count on which samples each member is right, not which wrong label it gives. For two members,
n11 is the share of samples that both get right, n00 that both get wrong, n10 and n01 that only one
does.

References
----------
L. I. Kuncheva and C. J. Whitaker, "Measures of diversity in classifier ensembles and their
relationship with the ensemble accuracy", Machine Learning 51, 2003, pages 181-207.

G. U. Yule, "On the association of attributes in statistics", Philosophical Transactions of the
Royal Society A 194, 1900, pages 257-319.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.evidence import check_evidence
from fer_ensemble.ensemble.rules import RuleLike, combine_by
from fer_ensemble.evaluation import Comparison, compare_predictions


def measure_diversity(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    rule: RuleLike = "average",
    *,
    weights: ArrayLike | None = None,
    n_bootstrap: int = 10_000,
    random_state: int | np.random.RandomState | None = 0,
) -> Diversity:
    """Measure how differently members err, and what each of them adds.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What two members or more predict for rows that none of them was fitted on.
    y, classes, rule, weights, n_bootstrap, random_state
        See `leave_one_out`.

    Returns
    -------
    Diversity
        All measures.

    Raises
    ------
    ValueError
        See `leave_one_out`.
    """
    contributions = leave_one_out(
        probabilities,
        y,
        classes,
        rule,
        weights=weights,
        n_bootstrap=n_bootstrap,
        random_state=random_state,
    )
    evidence = check_evidence(probabilities, y, classes)
    array, labels = evidence.probabilities, evidence.labels
    # A member that is undecided counts with the first of its classes, as its own predict answers.
    correct = array.argmax(axis=2) == labels[:, None]
    combined = combine_by(array, rule, weights).argmax(axis=1)
    return Diversity(
        n=len(labels),
        member_accuracy=correct.mean(axis=0),
        ensemble_accuracy=float((combined == labels).mean()),
        oracle_accuracy=oracle_accuracy(correct),
        disagreement=disagreement(correct),
        q_statistic=q_statistic(correct),
        kappa=kappa(correct),
        contributions=contributions,
    )


@dataclass(frozen=True, eq=False)
class Diversity:
    """What `measure_diversity` found.

    Attributes
    ----------
    n : int
        Number of samples.
    member_accuracy : ndarray of shape (n_members,)
        Of each member alone.
    ensemble_accuracy : float
        Of all of them by the rule.
    oracle_accuracy : float
        Share of samples that at least one member gets right: what no choice among the members'
        answers can surpass.
    disagreement, q_statistic, kappa : ndarray of shape (n_members, n_members)
        Of every pair; see the functions of these names.
    contributions : tuple of Comparison
        Of each member; see `leave_one_out`.
    """

    n: int
    member_accuracy: NDArray[np.float64]
    ensemble_accuracy: float
    oracle_accuracy: float
    disagreement: NDArray[np.float64]
    q_statistic: NDArray[np.float64]
    kappa: NDArray[np.float64]
    contributions: tuple[Comparison, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists and numbers, ready for JSON: None stands for NaN.

        ``mean_disagreement``, ``mean_q_statistic`` and ``mean_kappa`` are means over the pairs.
        """
        pairwise = ("disagreement", "q_statistic", "kappa")
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return (
            fields
            | {"member_accuracy": self.member_accuracy.tolist()}
            | {name: _plain(fields[name]) for name in pairwise}
            | {f"mean_{name}": _plain(mean_over_pairs(fields[name])) for name in pairwise}
            | {"contributions": [found.to_dict() for found in self.contributions]}
        )


def leave_one_out(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    rule: RuleLike = "average",
    *,
    weights: ArrayLike | None = None,
    n_bootstrap: int = 10_000,
    random_state: int | np.random.RandomState | None = 0,
) -> tuple[Comparison, ...]:
    """Compare the ensemble with the ensemble that lacks one member, for each member.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What two members or more predict for rows that none of them was fitted on.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    rule : str or callable, default='average'
        A key of `RULES`, or a function from (n_samples, n_members, n_classes) to (n_samples,
        n_classes) for any number of members.
    weights : array-like of shape (n_members,), optional
        Passed to the rule, if they are given; the remaining members keep theirs. Where these are
        all zero, as beside the only member that greedy selection took, they weigh the same.
    n_bootstrap : int, default=10000
        Number of resamples for the interval of 95 %.
    random_state : int, RandomState instance or None, default=0
        Seed of the resampling.

    Returns
    -------
    tuple of Comparison
        For each member, accuracy with all members (a) less that without it (b): above 0, the
        ensemble is better for having it.

    Raises
    ------
    ValueError
        If there are no samples or less than two members, lengths differ, labels are not among
        the classes, the probabilities are not distributions, or the rule refuses its arrays.
    """
    evidence = check_evidence(probabilities, y, classes)
    array, labels = evidence.probabilities, evidence.labels
    n_members = array.shape[1]
    # Not "the ensemble less nobody": a difference of zero would say that the member adds nothing.
    if n_members < 2:
        raise ValueError("Without its only member, nothing is left: give two members or more.")
    whole = combine_by(array, rule, weights).argmax(axis=1)
    found = []
    for member in range(n_members):
        kept = np.delete(np.arange(n_members), member)
        # Not learned anew: the difference is to be this member's, not that of other weights.
        kept_weights = None if weights is None else np.asarray(weights)[kept]
        if kept_weights is not None and not kept_weights.any():
            kept_weights = np.ones(len(kept))
        part = combine_by(array[:, kept], rule, kept_weights).argmax(axis=1)
        found.append(
            compare_predictions(
                labels, whole, part, n_bootstrap=n_bootstrap, random_state=random_state
            )
        )
    return tuple(found)


def disagreement(correct: ArrayLike) -> NDArray[np.float64]:
    """Return on which share of the samples one of two members is right and the other wrong.

    Parameters
    ----------
    correct : array-like of bool of shape (n_samples, n_members)
        Which member is right on which sample.

    Returns
    -------
    ndarray of shape (n_members, n_members)
        n10 + n01 of every pair: from 0, also on the diagonal, to 1.

    Raises
    ------
    ValueError
        If the array has not two dimensions, is empty, or holds anything but true and false.
    """
    _, n10, n01, _ = _shares(correct)
    return n10 + n01


def q_statistic(correct: ArrayLike) -> NDArray[np.float64]:
    """Return Yule's Q of every pair of members.

    Parameters
    ----------
    correct : array-like of bool of shape (n_samples, n_members)
        Which member is right on which sample.

    Returns
    -------
    ndarray of shape (n_members, n_members)
        (n11 n00 - n10 n01) / (n11 n00 + n10 n01): 1 for members that err on the same samples, 0
        for independent ones, down to -1 for members that err on different samples. NaN where
        that is 0 / 0, as for two members of which one is always right or always wrong.

    Raises
    ------
    ValueError
        If the array has not two dimensions, is empty, or holds anything but true and false.
    """
    n11, n10, n01, n00 = _shares(correct)
    return _ratio(n11 * n00 - n10 * n01, n11 * n00 + n10 * n01)


def kappa(correct: ArrayLike) -> NDArray[np.float64]:
    """Return the agreement of every pair of members beyond chance: Cohen's kappa.

    Parameters
    ----------
    correct : array-like of bool of shape (n_samples, n_members)
        Which member is right on which sample.

    Returns
    -------
    ndarray of shape (n_members, n_members)
        2 (n11 n00 - n10 n01) / ((n11 + n10) (n10 + n00) + (n11 + n01) (n01 + n00)): 1 for
        members that err on the same samples, 0 for agreement by chance. NaN where that is 0 / 0,
        for two members that are both always right or both always wrong.

    Raises
    ------
    ValueError
        If the array has not two dimensions, is empty, or holds anything but true and false.
    """
    n11, n10, n01, n00 = _shares(correct)
    by_chance = (n11 + n10) * (n10 + n00) + (n11 + n01) * (n01 + n00)
    return _ratio(2 * (n11 * n00 - n10 * n01), by_chance)


def oracle_accuracy(correct: ArrayLike) -> float:
    """Return the share of samples that at least one member gets right.

    Parameters
    ----------
    correct : array-like of bool of shape (n_samples, n_members)
        Which member is right on which sample.

    Returns
    -------
    float
        From 0 to 1: what no choice among the members' answers can surpass.

    Raises
    ------
    ValueError
        If the array has not two dimensions, is empty, or holds anything but true and false.
    """
    return float(_check_correct(correct).any(axis=1).mean())


def mean_over_pairs(measure: ArrayLike) -> float:
    """Return the mean of a pairwise measure over the pairs of different members.

    Parameters
    ----------
    measure : array-like of shape (n_members, n_members)
        Symmetric, as the functions of this module return it.

    Returns
    -------
    float
        Pairs where the measure is NaN are left out; NaN if that leaves none.
    """
    array = np.asarray(measure, dtype=np.float64)
    pairs = array[np.triu_indices(len(array), k=1)]
    defined = pairs[~np.isnan(pairs)]
    return float(defined.mean()) if defined.size else float("nan")


def _check_correct(correct: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(correct)
    if array.ndim != 2 or not array.size:
        raise ValueError(
            "correct must have the shape (n_samples, n_members) with at least one of each; its "
            f"shape is {array.shape}."
        )
    # Written so that NaN counts as bad.
    bad = ~((array == 0) | (array == 1))
    if bad.any():
        sample, member = np.argwhere(bad)[0]
        raise ValueError(
            f"correct must hold true or false only, not {array[sample, member]!s} (sample "
            f"{sample}, member {member})."
        )
    return array.astype(bool)


def _shares(correct: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Return n11, n10, n01 and n00 of every pair."""
    right = _check_correct(correct).astype(np.float64)
    wrong = 1 - right
    # A product of matrices counts all pairs at once.
    return tuple(x.T @ y / len(right) for x in (right, wrong) for y in (right, wrong))


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    # NaN and not 0, which would say that members are independent, or agree by chance.
    undefined = np.full(denominator.shape, np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)


def _plain(values: NDArray[np.float64] | float) -> Any:
    plain = np.array(values, dtype=object)
    plain[np.isnan(values)] = None  # NaN is no JSON
    return plain.tolist()
