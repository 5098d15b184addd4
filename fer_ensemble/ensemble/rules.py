"""Rules that combine the probabilities of several members into one distribution.

Every rule is a pure function on an array ``(n_samples, n_members, n_classes)`` and returns an
array ``(n_samples, n_classes)`` whose rows sum to one; the predicted class is its ``argmax``.
Classes that share the highest score do not stay level: the one with the higher mean probability
is put ahead by a billionth (see `fer_ensemble.ensemble.ties`; `combine` knows other ways).

References
----------
J. Kittler, M. Hatef, R. P. W. Duin and J. Matas, "On combining classifiers", IEEE Transactions
on Pattern Analysis and Machine Intelligence 20(3), 1998, pages 226-239.

L. I. Kuncheva, "Combining Pattern Classifiers: Methods and Algorithms", Wiley, 2004.

C. Genest and J. V. Zidek, "Combining probability distributions: a critique and an annotated
bibliography", Statistical Science 1(1), 1986, pages 114-135.

T. K. Ho, J. J. Hull and S. N. Srihari, "Decision combination in multiple classifier systems",
IEEE Transactions on Pattern Analysis and Machine Intelligence 16(1), 1994, pages 66-75.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble import pooling
from fer_ensemble.ensemble.evidence import check_probabilities, check_weights
from fer_ensemble.ensemble.ties import check_ties, choose_classes, settle_ties
from fer_ensemble.evaluation import SUM_TOLERANCE


def average(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Take the mean of the members' probabilities: the sum rule of Kittler et al. (1998).

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one.

    Raises
    ------
    ValueError
        If the probabilities are not distributions.
    """
    return combine(probabilities, "average")


def weighted(probabilities: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """Take the weighted mean of the members' probabilities (Kuncheva 2004, section 5.2.2).

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.
    weights : array-like of shape (n_members,)
        One weight per member, none of them negative; their scale does not matter.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one.

    Raises
    ------
    ValueError
        If the probabilities are not distributions, or the weights are no weights.
    """
    return combine(probabilities, "weighted", weights)


def majority(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Count one vote per member, for its most probable class (Kuncheva 2004, section 4.2).

    A member whose highest probability is shared by several classes splits its vote evenly among
    them, so a member that knows nothing favours nobody.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Shares of the votes.

    Raises
    ------
    ValueError
        If the probabilities are not distributions.
    """
    return combine(probabilities, "majority")


def weighted_majority(probabilities: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """Count votes as `majority` does, each by its member's weight (Kuncheva 2004, section 4.3).

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.
    weights : array-like of shape (n_members,)
        One weight per member, none of them negative; their scale does not matter.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Shares of the weighted votes.

    Raises
    ------
    ValueError
        If the probabilities are not distributions, or the weights are no weights.
    """
    return combine(probabilities, "weighted_majority", weights)


def geometric(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Take the geometric mean: the logarithmic opinion pool of equal weights (Genest & Zidek 1986).

    A class that one member all but excludes can hardly win. Probabilities below 1e-15 count as
    1e-15, so that no single member excludes a class for good.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one.

    Raises
    ------
    ValueError
        If the probabilities are not distributions.
    """
    return combine(probabilities, "geometric")


def median(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Take the median of the members' probabilities for each class (Kittler et al. 1998).

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        The medians, scaled so that rows sum to one. If all medians are zero, as when most members
        rule out every class but another, all classes are tied.

    Raises
    ------
    ValueError
        If the probabilities are not distributions.
    """
    return combine(probabilities, "median")


def maximum(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Take the highest of the members' probabilities for each class (Kittler et al. 1998).

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        The maxima, scaled so that rows sum to one.

    Raises
    ------
    ValueError
        If the probabilities are not distributions.
    """
    return combine(probabilities, "max")


def borda(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Count, over the members, how many classes each class is ranked above (Ho et al. 1994).

    Within a member the most probable of K classes gets K - 1 points and the least probable none;
    classes of equal probability share the mean of their points.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Shares of the points.

    Raises
    ------
    ValueError
        If the probabilities are not distributions.
    """
    return combine(probabilities, "borda")


RULES: Mapping[str, Callable[..., NDArray[np.float64]]] = MappingProxyType(
    {
        "average": average,
        "weighted": weighted,
        "majority": majority,
        "weighted_majority": weighted_majority,
        "geometric": geometric,
        "median": median,
        "max": maximum,
        "borda": borda,
    }
)
"""The rules by name."""

WEIGHTED_RULES = frozenset({"weighted", "weighted_majority"})
"""Names of the rules that take weights."""

_POOLS: Mapping[str, pooling.Pool] = MappingProxyType(
    {
        "average": pooling.mean,
        "weighted": pooling.mean,
        "majority": pooling.votes,
        "weighted_majority": pooling.votes,
        "geometric": pooling.geometric_mean,
        "median": pooling.median,
        "max": pooling.maximum,
        "borda": pooling.ranks,
    }
)


def check_rule(rule: str) -> str:
    """Return the name of a rule, or list the names that there are.

    Raises
    ------
    ValueError
        If there is no rule of this name.
    """
    if not isinstance(rule, str) or rule not in RULES:
        raise ValueError(f"There is no rule {rule!r}; choose one of {', '.join(RULES)}.")
    return rule


def combine(
    probabilities: ArrayLike,
    rule: str,
    weights: ArrayLike | None = None,
    *,
    ties: str = "mean_probability",
    priority: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.float64]:
    """Combine the members' probabilities by the rule of a given name.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.
    rule : str
        A key of `RULES`.
    weights : array-like of shape (n_members,), optional
        Needed by the rules in `WEIGHTED_RULES`; the others pay no heed to it, so that rules can
        be compared in a loop.
    ties : {"mean_probability", "priority", "random", "abstain"}
        How to decide between classes that share a sample's highest score. The one chosen is put
        ahead by a billionth; with "abstain" they stay level.
    priority, random_state
        See `choose_classes`.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one, whose ``argmax`` is the class chosen.

    Raises
    ------
    ValueError
        If the rule or the way to decide ties is unknown, the rule lacks its weights, or the
        arrays are refused.
    """
    check_rule(rule)
    check_ties(ties)
    array = check_probabilities(probabilities)
    shares = np.ones(array.shape[1])
    if rule in WEIGHTED_RULES:
        if weights is None:
            raise ValueError(f"The rule {rule!r} needs weights, one per member.")
        shares = check_weights(weights, array.shape[1])
    scores = pooling.pool_blocks(array, _POOLS[rule], shares)
    if ties == "abstain":
        return scores
    winners = choose_classes(
        scores, array, ties, weights=shares, priority=priority, random_state=random_state
    )
    return settle_ties(scores, winners)


Rule: TypeAlias = str | Callable[..., ArrayLike]
"""A key of `RULES`, or a function of probabilities, and of weights if they are given."""


def combine_by(
    probabilities: ArrayLike, rule: Rule, weights: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Combine the members' probabilities by a rule's name or by any function.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.
    rule : str or callable
        A key of `RULES`, or a function from `probabilities` to (n_samples, n_classes).
    weights : array-like of shape (n_members,), optional
        A function receives them as its second argument, if they are given.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one.

    Raises
    ------
    ValueError
        If the rule is unknown, lacks its weights or refuses the arrays, or if a function does not
        return one distribution per sample.
    """
    if not callable(rule):
        return combine(probabilities, rule, weights)
    given = () if weights is None else (weights,)
    combined = np.asarray(rule(probabilities, *given), dtype=np.float64)
    n_samples, _, n_classes = np.shape(probabilities)
    if combined.shape != (n_samples, n_classes):
        raise ValueError(
            f"The rule must return one distribution per sample, of the shape ({n_samples}, "
            f"{n_classes}); it returned the shape {combined.shape}."
        )
    sums_to_one = np.allclose(combined.sum(axis=1), 1, rtol=0, atol=SUM_TOLERANCE)
    # Written so that NaN counts as bad.
    if not ((combined >= 0).all() and sums_to_one):
        raise ValueError(
            "The rule must return distributions: finite, not negative, each row summing to 1."
        )
    return combined
