"""How far a figure, or the difference of two systems, could be off by chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import hypot
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.arrays import check_classes, check_count, check_level, encode_labels
from fer_ensemble.evaluation.confusion import confusion_figures

BOOTSTRAPPED = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1")
"""What `bootstrap_intervals` gives an interval for."""


@dataclass(frozen=True)
class Comparison:
    """What `compare_predictions` found about two systems a and b.

    Attributes
    ----------
    difference : float
        Accuracy of a less that of b, from -1 to 1; above 0, a is better.
    interval : tuple of (float, float)
        Percentile bootstrap interval of that difference.
    mcnemar_p : float
        Two-sided p-value of McNemar's exact test that both are right equally often.
    n_only_a, n_only_b : int
        How many samples only a, and only b, gets right.
    n : int
        Number of samples.
    confidence : float
        The level of the interval.
    """

    difference: float
    interval: tuple[float, float]
    mcnemar_p: float
    n_only_a: int
    n_only_b: int
    n: int
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists and numbers, ready for JSON."""
        return asdict(self) | {"interval": list(self.interval)}


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
    confidence = check_level(confidence)
    drawn = check_random_state(random_state).multinomial(
        n, counts.ravel() / n, size=check_count(n_bootstrap, "n_bootstrap")
    )
    figures = confusion_figures(drawn.reshape(-1, *counts.shape))
    return {name: _percentile_interval(getattr(figures, name), confidence) for name in BOOTSTRAPPED}


def compare_predictions(
    y_true: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    n_bootstrap: int = 10_000,
    confidence: float = 0.95,
    random_state: int | np.random.RandomState | None = 0,
) -> Comparison:
    """Say by how much one system is more accurate than another, and how sure that is.

    Only samples that one system gets right and the other wrong tell them apart; that both are
    measured on the same samples makes the interval far narrower than two intervals beside each
    other.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    a, b : array-like of shape (n_samples,)
        Labels that each system predicts, for the same samples in the same order.
    classes : array-like of shape (n_classes,), optional
        Every class that there is; without it, any label is accepted.
    n_bootstrap : int, default=10000
        Number of resamples for the interval.
    confidence : float, default=0.95
        Level of the interval, between 0 and 1.
    random_state : int, RandomState instance or None, default=0
        Seed of the resampling.

    Returns
    -------
    Comparison
        Difference, interval and test.

    Raises
    ------
    ValueError
        If there are no samples, lengths differ, labels are missing, of different kinds or not
        among the classes, or a parameter is out of range.

    Notes
    -----
    The interval is the paired percentile bootstrap (Efron and Tibshirani 1993, chapter 13).
    Drawing samples with replacement leads to multinomial counts of "only a right", "only b right"
    and "no difference"; these are drawn straight away, which is the same and much faster. The
    test is that of McNemar (1947) with the exact binomial distribution in place of chi-squared;
    for classifiers it is what Dietterich (1998) recommends where each was trained only once. Both
    take the samples as independent, and neither covers the chance in a training.

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12(2), 1947, pages 153-157.

    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993.

    T. G. Dietterich, "Approximate statistical tests for comparing supervised classification
    learning algorithms", Neural Computation 10(7), 1998, pages 1895-1923.

    Examples
    --------
    >>> found = compare_predictions([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 0, 0])
    >>> found.difference, found.n_only_a, found.n_only_b, found.mcnemar_p
    (0.5, 2, 0, 0.5)
    """
    # Imported late: SciPy's statistics take a noticeable part of a second.
    from scipy.stats import binomtest

    check_level(confidence)
    n_bootstrap = check_count(n_bootstrap, "n_bootstrap")
    right_a, right_b = _mark_right(y_true, a, b, classes)
    n = right_a.size
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    discordant = only_a + only_b
    return Comparison(
        difference=(only_a - only_b) / n,
        interval=_bootstrap_difference(only_a, only_b, n, n_bootstrap, confidence, random_state),
        # Without a sample that tells the systems apart there is nothing to toss a coin about.
        mcnemar_p=float(binomtest(only_a, discordant).pvalue) if discordant else 1.0,
        n_only_a=only_a,
        n_only_b=only_b,
        n=n,
        confidence=float(confidence),
    )


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


def _bootstrap_difference(
    only_a: int, only_b: int, n: int, n_bootstrap: int, confidence: float, random_state: Any
) -> tuple[float, float]:
    from sklearn.utils import check_random_state

    shares = np.array([only_a, only_b, n - only_a - only_b]) / n
    # Three cells in place of n rows: nothing else of a resample changes the difference.
    counts = check_random_state(random_state).multinomial(n, shares, size=n_bootstrap)
    differences = (counts[:, 0] - counts[:, 1]) / n
    return _percentile_interval(differences, confidence)


def _percentile_interval(drawn: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _mark_right(
    y_true: ArrayLike, a: ArrayLike, b: ArrayLike, classes: ArrayLike | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    arrays = {"y_true": np.asarray(y_true), "a": np.asarray(a), "b": np.asarray(b)}
    _check_kinds(arrays)
    if classes is None:
        labels = [label for array in arrays.values() for label in array.ravel().tolist()]
        # NaN is no label, and the only value that is not equal to itself.
        declared = [x for x in dict.fromkeys(labels) if x is not None and x == x]
    else:
        declared = check_classes(classes)
    truth, of_a, of_b = (
        encode_labels(array, declared, what=name) for name, array in arrays.items()
    )
    if truth.size == 0:
        raise ValueError("There is nothing to compare: y_true is empty.")
    if not truth.size == of_a.size == of_b.size:
        raise ValueError(
            f"Both systems must predict the same samples: y_true has {truth.size} labels, "
            f"a {of_a.size} and b {of_b.size}."
        )
    return truth == of_a, truth == of_b


def _check_kinds(arrays: dict[str, NDArray[Any]]) -> None:
    # Text never equals a number: both systems would silently be wrong on every sample.
    kinds = {name: "text" if x.dtype.kind in "US" else "number" for name, x in arrays.items()}
    known = {kinds[name] for name, x in arrays.items() if x.dtype.kind != "O" and x.size}
    if len(known) > 1:
        listing = ", ".join(f"{name} holds {kind}s" for name, kind in kinds.items())
        raise ValueError(f"Labels must be of one kind ({listing}): encode them alike.")
