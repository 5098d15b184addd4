"""Rules that combine the probabilities of several members into one distribution.

`RULES`, at the end of this file, is the list of them: what each rule does, where it comes from and
the function that computes it. A new rule is one such function and one entry in that list.

`combine` applies a rule to an array ``(n_samples, n_members, n_classes)`` and returns an array
``(n_samples, n_classes)`` whose rows sum to one; the predicted class is its ``argmax``. Classes
that share the highest score do not stay level: the one with the higher mean probability is put
ahead by a billionth (see `fer_ensemble.ensemble.ties`; `combine` knows other ways).

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

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.evidence import check_probabilities, check_weights
from fer_ensemble.ensemble.ties import check_ties, choose_classes, settle_ties
from fer_ensemble.evaluation import SMALLEST_PROBABILITY, SUM_TOLERANCE
from fer_ensemble.suggestions import did_you_mean

RuleLike: TypeAlias = str | Callable[..., ArrayLike]
"""A key of `RULES`, or a function of probabilities, and of weights if they are given."""

_Floats: TypeAlias = NDArray[np.float64]

# Probabilities scored at once: 1.6 MB, so that a block and what a rule makes of it stay in a
# processor's cache. All samples of a million at once take 1.6 to 3 times as long, under every rule;
# blocks ten times smaller or larger change little, except that small ones slow "borda" down.
_BLOCK_SIZE = 200_000


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
        One weight per member, none of them negative; their scale does not matter. Needed by the
        rules in `WEIGHTED_RULES`; the others pay no heed to it, so that rules can be compared in
        a loop.
    ties : {"mean_probability", "priority", "random", "abstain"}, default="mean_probability"
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
        If the rule or the way to decide ties is unknown, the rule lacks its weights, the weights
        are no weights, or the probabilities are not distributions.

    Examples
    --------
    One member is sure of the first class, two lean towards the second:

    >>> probabilities = [[[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]]
    >>> combine(probabilities, "average").round(3)
    array([[0.567, 0.433]])
    >>> combine(probabilities, "majority").round(3)
    array([[0.333, 0.667]])
    """
    check_rule(rule)
    check_ties(ties)
    array = check_probabilities(probabilities)
    shares = np.ones(array.shape[1])
    if RULES[rule].takes_weights:
        if weights is None:
            raise ValueError(f"The rule {rule!r} needs weights, one per member.")
        shares = check_weights(weights, array.shape[1])
    scores = _score_blocks(array, RULES[rule].score, shares)
    if ties == "abstain":
        return scores
    winners = choose_classes(
        scores, array, ties, weights=shares, priority=priority, random_state=random_state
    )
    return settle_ties(scores, winners)


def combine_by(
    probabilities: ArrayLike, rule: RuleLike, weights: ArrayLike | None = None
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


def check_rule(rule: str, names: Collection[str] = ()) -> str:
    """Return the name of a rule, or list the names that there are: those of `RULES`, or others.

    Raises
    ------
    ValueError
        If there is no rule of this name.
    """
    # A parameter of an estimator may be anything, also what cannot be looked up in a dictionary.
    names = names or RULES
    if not isinstance(rule, str) or rule not in names:
        raise ValueError(
            f"There is no rule {rule!r}; choose one of {', '.join(names)}."
            + did_you_mean(rule, names)
        )
    return rule


@dataclass(frozen=True)
class CombiningRule:
    """A rule that `combine` knows by name.

    Attributes
    ----------
    name : str
        Its key in `RULES`.
    summary : str
        What the rule does, in one line.
    source : str
        Where it comes from, by author and year; the module has the full references.
    takes_weights : bool
        Whether the rule needs one weight per member.
    note : str
        What else a user should know; empty if that is nothing.
    score : callable
        The arithmetic, from a block of probabilities of shape (n_members, n_classes, n_samples)
        and weights of shape (n_members,) to scores of shape (n_classes, n_samples) on any scale,
        none of them negative. Rules without weights are passed ones.

    Examples
    --------
    >>> for rule in list(RULES.values())[:3]:
    ...     print(f"{rule.name:10}{rule.summary} ({rule.source})")
    average   Mean of the members' probabilities: the sum rule. (Kittler et al. 1998)
    weighted  Weighted mean of the members' probabilities. (Kuncheva 2004, section 5.2.2)
    majority  One vote per member, for its most probable class. (Kuncheva 2004, section 4.2)
    """

    name: str
    summary: str
    source: str
    score: Callable[[_Floats, _Floats], _Floats] = field(repr=False)
    takes_weights: bool = False
    note: str = ""


def _score_blocks(
    array: NDArray[np.floating[Any]],
    score: Callable[[_Floats, _Floats], _Floats],
    weights: _Floats,
) -> _Floats:
    """Score the classes of every sample, a block of samples at a time.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Scores scaled to sum to one in each row; where all are zero, the classes share alike.
    """
    n_samples, n_members, n_classes = array.shape
    combined = np.empty((n_samples, n_classes))
    step = max(1, _BLOCK_SIZE // (n_members * n_classes))
    for start in range(0, n_samples, step):
        rows = slice(start, start + step)
        # With the samples last, every operation runs along long contiguous rows, not along seven
        # members or seven classes.
        block = np.array(array[rows].transpose(1, 2, 0), dtype=np.float64, order="C")
        scores = score(block, weights)
        total = scores.sum(axis=0)
        # Medians can all be zero, where most members rule out every class but another.
        scores[:, total == 0] = 1
        total[total == 0] = n_classes
        combined[rows] = (scores / total).T
    return combined


def _average_probabilities(block: _Floats, weights: _Floats) -> _Floats:
    scores: _Floats = np.einsum("mkn,m->kn", block, weights)
    return scores


def _count_votes(block: _Floats, weights: _Floats) -> _Floats:
    favourites = block == block.max(axis=1, keepdims=True)
    shares = favourites / favourites.sum(axis=1, keepdims=True)
    scores: _Floats = np.einsum("mkn,m->kn", shares, weights)
    return scores


def _average_logarithms(block: _Floats, weights: _Floats) -> _Floats:
    logarithms = np.log(np.maximum(block, SMALLEST_PROBABILITY))
    scores = np.einsum("mkn,m->kn", logarithms, weights / weights.sum())
    exponentials: _Floats = np.exp(scores - scores.max(axis=0))
    return exponentials


def _take_median(block: _Floats, weights: _Floats) -> _Floats:
    # In less than half the time of NumPy's own median, which looks for NaN as well.
    middle = (len(block) - 1) // 2, len(block) // 2
    ordered = np.partition(block, middle, axis=0)
    scores: _Floats = (ordered[middle[0]] + ordered[middle[1]]) / 2
    return scores


def _take_maximum(block: _Floats, weights: _Floats) -> _Floats:
    scores: _Floats = block.max(axis=0)
    return scores


def _add_ranks(block: _Floats, weights: _Floats) -> _Floats:
    # Each class against each other, a draw counting one half: that needs no sorting.
    n_members, n_classes, n_samples = block.shape
    scores = np.full((n_classes, n_samples), n_members * (n_classes - 1) / 2)
    for i in range(n_classes):
        for j in range(i):
            above, below = block[:, i] > block[:, j], block[:, i] < block[:, j]
            lead = np.subtract(above, below, dtype=np.int8).sum(axis=0) / 2
            scores[i] += lead
            scores[j] -= lead
    return scores


_RULES = (
    CombiningRule(
        "average",
        "Mean of the members' probabilities: the sum rule.",
        "Kittler et al. 1998",
        _average_probabilities,
    ),
    CombiningRule(
        "weighted",
        "Weighted mean of the members' probabilities.",
        "Kuncheva 2004, section 5.2.2",
        _average_probabilities,
        takes_weights=True,
    ),
    CombiningRule(
        "majority",
        "One vote per member, for its most probable class.",
        "Kuncheva 2004, section 4.2",
        _count_votes,
        note="A member whose highest probability is shared by several classes splits its vote "
        "evenly among them, so a member that knows nothing favours nobody.",
    ),
    CombiningRule(
        "weighted_majority",
        "Votes as those of majority, each by its member's weight.",
        "Kuncheva 2004, section 4.3",
        _count_votes,
        takes_weights=True,
        note="Votes are split as those of majority.",
    ),
    CombiningRule(
        "geometric",
        "Geometric mean of the members' probabilities: the logarithmic opinion pool.",
        "Genest & Zidek 1986",
        _average_logarithms,
        note="All members weigh the same. A class that one member all but excludes can hardly "
        f"win. Probabilities below {SMALLEST_PROBABILITY:g} count as that, so that no single "
        "member excludes a class for good.",
    ),
    CombiningRule(
        "median",
        "Median of the members' probabilities for each class.",
        "Kittler et al. 1998",
        _take_median,
        note="If all medians are zero, as when most members rule out every class but another, all "
        "classes are tied.",
    ),
    CombiningRule(
        "max",
        "Highest of the members' probabilities for each class.",
        "Kittler et al. 1998",
        _take_maximum,
    ),
    CombiningRule(
        "borda",
        "How many classes each class is ranked above, over all members.",
        "Ho et al. 1994",
        _add_ranks,
        note="Within a member the most probable of K classes gets K - 1 points and the least "
        "probable none; classes of equal probability share the mean of their points.",
    ),
)

RULES: Mapping[str, CombiningRule] = MappingProxyType({rule.name: rule for rule in _RULES})
"""The rules by name."""

WEIGHTED_RULES = frozenset(rule.name for rule in _RULES if rule.takes_weights)
"""Names of the rules that take weights."""
