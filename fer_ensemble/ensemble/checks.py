"""Say what is wrong with the arrays that an ensemble is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUM_TOLERANCE = 1e-3
"""How far a member's row may be from summing to one: float16 and bfloat16 networks come close."""


def check_probabilities(probabilities: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return the probabilities of members as an array, or say what is wrong with them.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.

    Returns
    -------
    ndarray of shape (n_samples, n_members, n_classes)
        The same numbers, as floating point; not copied when they already are.

    Raises
    ------
    ValueError
        If there are not three dimensions, at least one member and one class, or if a value is
        not finite, is negative, or a row does not sum to one (within 0.001).
    """
    array = np.asarray(probabilities)
    if array.ndim != 3 or array.shape[1] == 0 or array.shape[2] == 0:
        raise ValueError(
            "probabilities must have the shape (n_samples, n_members, n_classes) with at least "
            f"one member and one class; their shape is {array.shape}."
        )
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    sums = np.einsum("nmk->nm", array, dtype=np.float64)
    # One comparison for all faults: it is false for NaN as well.
    if array.size and not (array.min() >= 0 and np.abs(sums - 1).max() <= SUM_TOLERANCE):
        _explain(array, sums)
    return array


def _explain(array: NDArray[np.floating[Any]], sums: NDArray[np.float64]) -> None:
    faults: tuple[tuple[str, Any], ...] = (
        ("not finite", ~np.isfinite(array).all(axis=2)),
        ("negative", (array < 0).any(axis=2)),
        (f"not summing to 1 (within {SUM_TOLERANCE:g})", np.abs(sums - 1) > SUM_TOLERANCE),
    )
    for fault, bad in faults:
        if bad.any():
            sample, member = np.argwhere(bad)[0]
            raise ValueError(
                f"Member {member} gives probabilities that are {fault} for "
                f"{bad[:, member].sum()} of {len(array)} samples; the first is sample {sample}: "
                f"{array[sample, member].tolist()}."
            )


def check_weights(weights: ArrayLike, n_members: int) -> NDArray[np.float64]:
    """Return the weights of members scaled to sum to one, or say what is wrong with them.

    Parameters
    ----------
    weights : array-like of shape (n_members,)
        One weight per member, none of them negative; their scale does not matter.
    n_members : int
        How many weights there must be.

    Returns
    -------
    ndarray of shape (n_members,)
        Weights that sum to one.

    Raises
    ------
    ValueError
        If the count is wrong, or a weight is negative or not finite, or all are zero.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (n_members,):
        raise ValueError(
            f"weights must hold one number per member: {n_members} in all, not an array of "
            f"shape {array.shape}."
        )
    bad = [i for i, weight in enumerate(array) if not 0 <= weight < np.inf]
    if bad:
        listing = ", ".join(f"member {i}: {array[i]:g}" for i in bad)
        raise ValueError(f"weights must be finite and not negative ({listing}).")
    if not array.any():
        raise ValueError(f"All {n_members} weights are zero; at least one must be above zero.")
    # Twice, so that tiny or huge weights neither underflow nor overflow in the sum.
    array = array / array.max()
    return array / array.sum()


def check_sample_weight(sample_weight: ArrayLike, n_samples: int) -> NDArray[np.float64]:
    """Return the weights of samples as an array, or say what is wrong with them.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,)
        How much each sample counts.
    n_samples : int
        How many weights there must be.

    Returns
    -------
    ndarray of shape (n_samples,)
        The same numbers, as floating point.

    Raises
    ------
    ValueError
        If the count is wrong, or a weight is negative or not finite, or all are zero.
    """
    array = np.asarray(sample_weight, dtype=np.float64)
    if array.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must hold one number per sample: {n_samples} in all, not an array of "
            f"shape {array.shape}."
        )
    bad = np.flatnonzero(~(array >= 0) | np.isinf(array))
    if bad.size:
        raise ValueError(
            f"{bad.size} of {n_samples} sample weights are negative or not finite; the first is "
            f"{array[bad[0]]:g} at row {bad[0]}."
        )
    if not array.any():
        raise ValueError("All sample weights are zero: nothing is left to learn from.")
    return array
