"""How far a figure could be off by chance: Wilson's interval, Newcombe's and the bootstrap."""

from __future__ import annotations

from math import hypot
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.checks import check_count, check_level
from fer_ensemble.evaluation.confusion import confusion_figures

BOOTSTRAPPED = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1")
"""What `bootstrap_intervals` gives an interval for."""


def wilson_interval(n_right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a share.

    Parameters
    ----------
    n_right : int
        Successes.
    n : int
        Trials, at least one.
    confidence : float, default=0.95
        Level of the interval, between 0 and 1.

    Returns
    -------
    tuple of (float, float)
        Lower and upper end, within 0 to 1.

    Raises
    ------
    ValueError
        If there is no trial, there are more successes than trials, or the level is out of range.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal
    of the American Statistical Association 22, 1927, pages 209-212.

    Examples
    --------
    >>> [round(end, 3) for end in wilson_interval(8, 10)]
    [0.49, 0.943]
    """
    # Imported late: SciPy's statistics take a noticeable part of a second.
    from scipy.stats import binomtest

    check_count(n, "n")
    interval = binomtest(n_right, n).proportion_ci(check_level(confidence), method="wilson")
    return float(interval.low), float(interval.high)


def difference_interval(
    n_right_a: int, n_a: int, n_right_b: int, n_b: int, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the hybrid score interval of the difference of two shares, a less b.

    For two shares of *different* samples, such as accuracies on two test sets. Two systems on the
    same samples are told apart far better by
    :func:`~fer_ensemble.evaluation.compare_predictions`.

    Parameters
    ----------
    n_right_a, n_right_b : int
        Successes.
    n_a, n_b : int
        Trials, at least one.
    confidence : float, default=0.95
        Level of the interval, between 0 and 1.

    Returns
    -------
    tuple of (float, float)
        Lower and upper end, within -1 to 1.

    Raises
    ------
    ValueError
        As `wilson_interval`.

    Notes
    -----
    Each end adds in squares how far Wilson's intervals of the two shares reach to that side, which
    needs no continuity correction and stays within bounds (method 10 of the reference).

    References
    ----------
    R. G. Newcombe, "Interval estimation for the difference between independent proportions:
    comparison of eleven methods", Statistics in Medicine 17, 1998, pages 873-890.

    Examples
    --------
    >>> [round(end, 4) for end in difference_interval(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    low_a, high_a = wilson_interval(n_right_a, n_a, confidence)
    low_b, high_b = wilson_interval(n_right_b, n_b, confidence)
    a, b = n_right_a / n_a, n_right_b / n_b
    return a - b - hypot(a - low_a, high_b - b), a - b + hypot(high_a - a, b - low_b)


def bootstrap_intervals(
    confusion: ArrayLike,
    *,
    n_bootstrap: int = 2000,
    confidence: float = 0.95,
    random_state: int | np.random.RandomState | None = 0,
) -> dict[str, tuple[float, float]]:
    """Return percentile bootstrap intervals of accuracy, balanced accuracy and F1.

    Parameters
    ----------
    confusion : array-like of shape (n_classes, n_classes) or (n_classes, n_classes + 1)
        Counts: rows are true classes, columns predicted ones, and a last column, if there is one,
        for samples without a prediction.
    n_bootstrap : int, default=2000
        Number of resamples.
    confidence : float, default=0.95
        Level of the intervals, between 0 and 1.
    random_state : int, RandomState instance or None, default=0
        Seed of the resampling.

    Returns
    -------
    dict of str to tuple of (float, float)
        An interval for each of `BOOTSTRAPPED`.

    Raises
    ------
    ValueError
        If the matrix is empty or holds anything but counts, or a parameter is out of range.

    Notes
    -----
    These figures depend on the samples through the confusion matrix alone, and drawing samples
    with replacement makes its cells multinomial; they are drawn straight away, which is the same
    as resampling rows and much faster.

    References
    ----------
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993,
    chapter 13.

    Examples
    --------
    >>> found = bootstrap_intervals([[40, 10], [20, 30]])
    >>> [round(end, 2) for end in found["accuracy"]]
    [0.61, 0.79]
    """
    # Imported late: scikit-learn takes a noticeable part of a second.
    from sklearn.utils import check_random_state

    counts = _check_counts(confusion)
    n = int(counts.sum())
    ends = (1 - check_level(confidence)) / 2, (1 + confidence) / 2
    drawn = check_random_state(random_state).multinomial(
        n, counts.ravel() / n, size=check_count(n_bootstrap, "n_bootstrap")
    )
    figures = confusion_figures(drawn.reshape(-1, *counts.shape))
    intervals = {name: np.quantile(getattr(figures, name), ends) for name in BOOTSTRAPPED}
    return {name: (float(low), float(high)) for name, (low, high) in intervals.items()}


def _check_counts(confusion: ArrayLike) -> NDArray[np.int64]:
    counts: NDArray[Any] = np.asarray(confusion)
    if counts.ndim != 2 or counts.shape[1] - counts.shape[0] not in (0, 1):
        raise ValueError(
            "confusion must have the shape (n_classes, n_classes), or one more column for samples "
            f"without a prediction; its shape is {counts.shape}."
        )
    if counts.dtype.kind not in "iu" or (counts < 0).any() or not counts.any():
        raise ValueError(
            "confusion must hold counts: whole numbers from 0 on, of one sample at least."
        )
    return counts.astype(np.int64)
