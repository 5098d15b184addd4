"""Combine members by the name of a rule, or by a function of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.checks import SUM_TOLERANCE
from fer_ensemble.ensemble.rules import combine

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
