"""What is gained by not answering where a classifier is unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.checks import check_level, check_scored
from fer_ensemble.evaluation.intervals import wilson_interval

MIN_CONFIDENCES = (0.5, 0.7, 0.9)
"""Least confidences that are shown by default."""


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
    confidences, right = _answers(y_true, probabilities, classes)
    check_level(confidence)
    found = []
    for least in min_confidences:
        if not 0 <= least <= 1:
            raise ValueError(f"A least confidence must lie from 0 to 1, not at {least}.")
        answers = right[confidences >= least]
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
    confidences, right = _answers(y_true, probabilities, classes)
    order = np.argsort(-confidences, kind="stable")
    sorted_confidences = confidences[order]
    answered = np.arange(1, right.size + 1)
    last_of_equals = np.append(np.diff(sorted_confidences) != 0, True)
    return CoverageCurve(
        min_confidence=sorted_confidences[last_of_equals],
        coverage=(answered / right.size)[last_of_equals],
        accuracy=(np.cumsum(right[order]) / answered)[last_of_equals],
    )


def _answers(
    y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    truth, proba = check_scored(y_true, probabilities, classes)
    return proba.max(axis=1), proba.argmax(axis=1) == truth
