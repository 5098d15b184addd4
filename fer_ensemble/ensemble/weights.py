"""Learn the weights of members from predictions on rows that no member was fitted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.alignment import encode_labels
from fer_ensemble.ensemble.checks import check_probabilities, check_sample_weight

SMALLEST_PROBABILITY = 1e-15
"""Probabilities of the true class below this count as this: one row on which every member is
certain and wrong must not make the loss infinite."""


def learn_weights(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    tolerance: float = 1e-8,
    max_iter: int = 10_000,
) -> NDArray[np.float64]:
    """Find the weights with which the weighted mean has the lowest log loss.

    The log loss of a weighted mean is convex in the weights, so there is one lowest value. The
    weights are the proportions of a mixture whose components, the members, are fixed; expectation
    maximisation (Bishop 2006, section 9.3) raises the likelihood in every step, keeps the weights
    on the simplex, and needs no step size. It starts from equal weights, so the result never
    depends on chance and is never worse than the plain average on these rows.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What the members predict for rows that they were not fitted on.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts. None of them negative, not all zero.
    tolerance : float
        Stop when the mean log loss is proved to be within this distance, in nats, of the lowest.
    max_iter : int
        Stop after this many steps in any case.

    Returns
    -------
    ndarray of shape (n_members,)
        Weights from 0 to 1 that sum to one.

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ, the labels are not among the classes, the
        probabilities are not distributions, or the sample weights are no weights.

    References
    ----------
    L. Breiman, "Stacked regressions", Machine Learning 24, 1996, pages 49-64.

    P. Smyth and D. Wolpert, "Linearly combining density estimators via stacking", Machine
    Learning 36, 1999, pages 59-83.

    C. M. Bishop, "Pattern Recognition and Machine Learning", Springer, 2006, chapter 9.
    """
    array = check_probabilities(probabilities)
    labels = encode_labels(y, classes)
    n_samples, n_members, n_classes = array.shape
    if n_classes != np.size(classes):
        raise ValueError(f"There are {n_classes} columns but {np.size(classes)} classes.")
    if len(labels) != n_samples or n_samples == 0:
        raise ValueError(
            f"Weights are learned from at least one row and one label for each: there are "
            f"{n_samples} rows and {len(labels)} labels."
        )
    share = np.ones(n_samples)
    if sample_weight is not None:
        share = check_sample_weight(sample_weight, n_samples)
    share = share / share.sum()
    likelihood = array[np.arange(n_samples), :, labels].astype(np.float64)
    likelihood = np.maximum(likelihood, SMALLEST_PROBABILITY)

    weights = np.full(n_members, 1 / n_members)
    for _ in range(max_iter):
        # The gradient. By concavity no weights at all can gain more than its maximum minus one.
        gain = (share / (likelihood @ weights)) @ likelihood
        if gain.max() - 1 <= tolerance:
            break
        weights = weights * gain
    return weights / weights.sum()
