"""Rules that combine the probabilities of several members into one distribution.

Every rule is a pure function on an array ``(n_samples, n_members, n_classes)`` and returns an
array ``(n_samples, n_classes)`` whose rows sum to one; the predicted class is its ``argmax``.

References
----------
J. Kittler, M. Hatef, R. P. W. Duin and J. Matas, "On combining classifiers", IEEE Transactions
on Pattern Analysis and Machine Intelligence 20(3), 1998, pages 226-239.

L. I. Kuncheva, "Combining Pattern Classifiers: Methods and Algorithms", Wiley, 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.checks import check_probabilities, check_weights

TIE_BREAK = 1e-6
"""Share of the mean probability in `majority`: below the smallest difference between two counts
of votes, so that it decides ties and nothing else."""


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
        If the probabilities are not distributions (see `check_probabilities`).
    """
    return _normalised(_sum_over_members(check_probabilities(probabilities)))


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
        If the probabilities are not distributions, or the weights are no weights (see
        `check_probabilities` and `check_weights`).
    """
    array = check_probabilities(probabilities)
    return _normalised(np.einsum("nmk,m->nk", array, check_weights(weights, array.shape[1])))


def majority(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Count one vote per member, for its most probable class (Kuncheva 2004, section 4.2).

    A member whose highest probability is shared by several classes splits its vote evenly among
    them, so a member that knows nothing favours nobody. The result is the share of votes, into
    which a millionth of the mean probability is mixed: a tie goes to the class with the higher
    mean probability, and the winner is always the ``argmax`` of the result. Only classes that
    are equal in votes *and* in mean probability remain tied.

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
        If the probabilities are not distributions (see `check_probabilities`).
    """
    array = check_probabilities(probabilities)
    favourites = array == array.max(axis=2, keepdims=True)
    vote = 1 / np.count_nonzero(favourites, axis=2)
    shares = np.einsum("nmk,nm->nk", favourites, vote) / array.shape[1]
    mean = _normalised(_sum_over_members(array))
    return _normalised((1 - TIE_BREAK) * shares + TIE_BREAK * mean)


def _sum_over_members(array: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    # As a product, because NumPy's own sums are several times slower over so short an axis.
    total: NDArray[np.float64] = np.einsum("nmk,m->nk", array, np.ones(array.shape[1]))
    return total


def _normalised(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    normalised: NDArray[np.float64] = rows / rows.sum(axis=1, keepdims=True)
    return normalised


RULES: Mapping[str, Callable[..., NDArray[np.float64]]] = MappingProxyType(
    {"average": average, "weighted": weighted, "majority": majority}
)
"""The rules by name."""

WEIGHTED_RULES = frozenset({"weighted"})
"""Names of the rules that take weights."""


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
    probabilities: ArrayLike, rule: str, weights: ArrayLike | None = None
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

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one.

    Raises
    ------
    ValueError
        If the rule is unknown, lacks its weights, or refuses the arrays.
    """
    function = RULES[check_rule(rule)]
    if rule not in WEIGHTED_RULES:
        return function(probabilities)
    if weights is None:
        raise ValueError(f"The rule {rule!r} needs weights, one per member.")
    return function(probabilities, weights)
