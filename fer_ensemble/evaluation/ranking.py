"""Whether the truth is among the most probable classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fer_ensemble.evaluation.checks import check_count, check_scored


def top_k_accuracy(
    y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, *, k: int = 2
) -> float:
    """Return how often the true class is among the `k` most probable ones.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    probabilities : array-like of shape (n_samples, n_classes)
        Predicted probabilities, columns in the order of `classes`.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    k : int, default=2
        How many classes to name.

    Returns
    -------
    float
        From 0 to 1. Where classes are exactly as probable as the true one, it counts with the
        chance of being named if they were drawn at random: the order of the classes decides
        nothing.

    Raises
    ------
    ValueError
        If there are no samples, lengths differ, labels are not among the classes, the
        probabilities are not distributions, or `k` is no whole number from 1 on.

    Examples
    --------
    >>> top_k_accuracy(["c", "b"], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], ["a", "b", "c"])
    0.5
    >>> top_k_accuracy(["c"], [[0.5, 0.25, 0.25]], ["a", "b", "c"])
    0.5
    """
    truth, proba = check_scored(y_true, probabilities, classes)
    given = proba[np.arange(truth.size), truth][:, np.newaxis]
    above, level = (proba > given).sum(axis=1), (proba == given).sum(axis=1)
    return float(np.clip((check_count(k, "k") - above) / level, 0, 1).mean())
