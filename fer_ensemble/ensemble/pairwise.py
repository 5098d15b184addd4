"""How alike members err: measures of pairs of them.

The measures are those of Kuncheva and Whitaker (2003) on "oracle outputs": they count
on which samples each member is right, not which wrong label it gives. For two members, n11 is the
share of samples that both get right, n00 that both get wrong, n10 and n01 that only one does.

References
----------
L. I. Kuncheva and C. J. Whitaker, "Measures of diversity in classifier ensembles and their
relationship with the ensemble accuracy", Machine Learning 51, 2003, pages 181-207.

G. U. Yule, "On the association of attributes in statistics", Philosophical Transactions of the
Royal Society A 194, 1900, pages 257-319.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
    return float(_checked(correct).any(axis=1).mean())


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


def _shares(correct: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    right = _checked(correct).astype(np.float64)
    wrong = 1 - right
    return tuple(x.T @ y / len(right) for x in (right, wrong) for y in (right, wrong))


def _checked(correct: ArrayLike) -> NDArray[np.bool_]:
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


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    undefined = np.full(denominator.shape, np.nan)
    return np.divide(numerator, denominator, out=undefined, where=denominator > 0)
