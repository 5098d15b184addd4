"""Whether probabilities mean what they say, and what answering only the sure samples is worth.

Of what is predicted with 70 %, 70 % should be right; answering less should be right more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.arrays import check_count, check_level, check_scored, is_unsure
from fer_ensemble.evaluation.intervals import wilson_interval

STRATEGIES = ("uniform", "quantile")
"""How `reliability` can lay its bins: of equal width, or with equally many samples each."""

MIN_CONFIDENCES = (0.5, 0.7, 0.9)
"""Least confidences that are shown by default."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence beside accuracy, bin by bin: what a reliability diagram draws.

    Attributes
    ----------
    edges : ndarray of shape (n_bins + 1,)
        Borders of the bins, from 0 to 1; a bin holds its upper border and not its lower one.
    confidence : ndarray of shape (n_bins,)
        Mean probability of the predicted class; NaN in an empty bin.
    accuracy : ndarray of shape (n_bins,)
        Share of right predictions; NaN in an empty bin.
    count : ndarray of shape (n_bins,)
        Number of samples.
    """

    edges: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """The expected calibration error, see `calibration_error`."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float(np.nansum(self.count * gaps) / self.count.sum())

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, ready for JSON: None stands for NaN."""
        return {
            "edges": self.edges.tolist(),
            "confidence": [None if np.isnan(x) else x for x in self.confidence.tolist()],
            "accuracy": [None if np.isnan(x) else x for x in self.accuracy.tolist()],
            "count": self.count.tolist(),
        }


@dataclass(frozen=True)
class CoverageScore:
    """What is answered at a least confidence, and how well.

    Attributes
    ----------
    min_confidence : float
        Probability that the most probable class must reach to be an answer.
    n : int
        How many samples are answered.
    coverage : float
        Share of the samples that are answered, from 0 to 1.
    accuracy : float or None
        Share of right labels among the answers; None if there are none.
    accuracy_interval : tuple of (float, float) or None
        Wilson's score interval of that accuracy.
    """

    min_confidence: float
    n: int
    coverage: float
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """Accuracy against coverage, at every least confidence that makes a difference.

    Attributes
    ----------
    min_confidence : ndarray of shape (n_points,)
        From the highest to the lowest confidence that occurs.
    coverage : ndarray of shape (n_points,)
        Share of the samples that are answered; the last is 1.
    accuracy : ndarray of shape (n_points,)
        Share of right labels among the answers.
    """

    min_confidence: NDArray[np.float64]
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def reliability(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    classes: ArrayLike,
    *,
    n_bins: int = 15,
    strategy: str = "uniform",
) -> Reliability:
    """Sort predictions into bins of confidence and measure the accuracy of each bin.

    The confidence of a prediction is the probability of the most probable class.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    probabilities : array-like of shape (n_samples, n_classes)
        Predicted probabilities, columns in the order of `classes`.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    n_bins : int, default=15
        Number of bins.
    strategy : {'uniform', 'quantile'}, default='uniform'
        ``'uniform'`` makes bins of equal width over 0 to 1 (Guo et al. 2017), ``'quantile'`` bins
        of equally many samples (Nguyen and O'Connor 2015). Equal confidences are never torn
        apart, so that quantiles that coincide make fewer bins.

    Returns
    -------
    Reliability
        The table.

    Raises
    ------
    ValueError
        If there are no samples, lengths differ, labels are not among the classes, the
        probabilities are not distributions, or a parameter is none of those above.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
    International Conference on Machine Learning, 2017, pages 1321-1330.

    K. Nguyen and B. O'Connor, "Posterior calibration and exploratory analysis for natural
    language processing models", Empirical Methods in Natural Language Processing, 2015.
    """
    confidences, right = _find_right(y_true, probabilities, classes)
    n_bins = check_count(n_bins, "n_bins")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}, not {strategy!r}.")
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        # Quantiles that coincide are one edge: a bin between them would hold nothing.
        edges = np.unique([0, *np.quantile(confidences, edges[1:-1]), 1])
    # As in Guo et al., a bin holds its upper border.
    place = np.digitize(confidences, edges[1:-1], right=True)
    count = np.bincount(place, minlength=len(edges) - 1)

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        total = np.bincount(place, weights=values, minlength=len(count))
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

    return Reliability(edges, mean(confidences), mean(right), count)


def calibration_error(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    classes: ArrayLike,
    *,
    n_bins: int = 15,
    strategy: str = "uniform",
) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, on average.

    It is the mean over the bins of `reliability` of the distance between confidence and
    accuracy, each bin weighted by its number of samples (Naeini et al. 2015, Guo et al. 2017).

    Parameters
    ----------
    y_true, probabilities, classes, n_bins, strategy
        See `reliability`.

    Returns
    -------
    float
        From 0, for confidence that can be trusted, to 1. With few samples it is above 0 by
        chance alone, the more so the more bins there are.

    Raises
    ------
    ValueError
        See `reliability`.

    References
    ----------
    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using
    Bayesian binning", AAAI Conference on Artificial Intelligence, 2015, pages 2901-2907.

    Examples
    --------
    Half of what is given 80 % is right:

    >>> round(calibration_error(["a", "b"], [[0.8, 0.2], [0.8, 0.2]], ["a", "b"]), 6)
    0.3
    """
    return reliability(y_true, probabilities, classes, n_bins=n_bins, strategy=strategy).error


def brier_score(y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> float:
    """Return the mean squared distance between the probabilities and the truth.

    Parameters
    ----------
    y_true, probabilities, classes
        See `reliability`.

    Returns
    -------
    float
        Summed over the classes, as in Brier's own definition: from 0, for certain and right, to
        2, for certain and wrong.

    Raises
    ------
    ValueError
        See `reliability`.

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78(1), 1950, pages 1-3.

    Examples
    --------
    >>> round(brier_score(["a"], [[0.8, 0.2]], ["a", "b"]), 6)
    0.08
    """
    truth, proba = check_scored(y_true, probabilities, classes)
    errors = proba - np.eye(proba.shape[1])[truth]
    return float(np.square(errors).sum(axis=1).mean())


def coverage_at(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    classes: ArrayLike,
    min_confidences: Sequence[float] = MIN_CONFIDENCES,
    *,
    confidence: float = 0.95,
) -> tuple[CoverageScore, ...]:
    """Measure the answers that are given at least some confidence.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    probabilities : array-like of shape (n_samples, n_classes)
        Predicted probabilities, columns in the order of `classes`; the most probable class is
        the answer, and its probability the confidence.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    min_confidences : sequence of float, default=(0.5, 0.7, 0.9)
        Least confidences, from 0 to 1.
    confidence : float, default=0.95
        Level of the intervals, between 0 and 1.

    Returns
    -------
    tuple of CoverageScore
        One for each least confidence.

    Raises
    ------
    ValueError
        If there are no samples, lengths differ, labels are not among the classes, the
        probabilities are not distributions, or a confidence is out of range.

    References
    ----------
    R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification",
    Journal of Machine Learning Research 11, 2010, pages 1605-1641.

    Examples
    --------
    >>> sure, = coverage_at(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], ["a", "b"], [0.8])
    >>> sure.coverage, sure.accuracy
    (0.5, 1.0)
    """
    confidences, right = _find_right(y_true, probabilities, classes)
    check_level(confidence)
    found = []
    for least in min_confidences:
        answers = right[~is_unsure(confidences[:, np.newaxis], least)]
        n = int(answers.size)
        accuracy = float(answers.mean()) if n else None
        interval = wilson_interval(int(answers.sum()), n, confidence) if n else None
        found.append(CoverageScore(float(least), n, n / right.size, accuracy, interval))
    return tuple(found)


def coverage_curve(
    y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike
) -> CoverageCurve:
    """Measure the answers at every least confidence, from the surest on.

    Parameters
    ----------
    y_true, probabilities, classes
        See `coverage_at`.

    Returns
    -------
    CoverageCurve
        Samples of equal confidence are answered together.

    Raises
    ------
    ValueError
        See `coverage_at`.

    Examples
    --------
    >>> curve = coverage_curve(["a", "b"], [[0.9, 0.1], [0.6, 0.4]], ["a", "b"])
    >>> curve.coverage.tolist(), curve.accuracy.tolist()
    ([0.5, 1.0], [1.0, 0.5])
    """
    confidences, right = _find_right(y_true, probabilities, classes)
    order = np.argsort(-confidences, kind="stable")
    sorted_confidences = confidences[order]
    answered = np.arange(1, right.size + 1)
    # No least confidence can answer one of two equally sure samples and not the other.
    last_of_equals = np.append(np.diff(sorted_confidences) != 0, True)
    return CoverageCurve(
        min_confidence=sorted_confidences[last_of_equals],
        coverage=(answered / right.size)[last_of_equals],
        accuracy=(np.cumsum(right[order]) / answered)[last_of_equals],
    )


def _find_right(
    y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how sure each prediction is, and whether it is right."""
    truth, proba = check_scored(y_true, probabilities, classes)
    return proba.max(axis=1), proba.argmax(axis=1) == truth
