"""All figures of a set of predictions, of each class and over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.arrays import (
    check_classes,
    check_count,
    check_level,
    check_names,
    check_probabilities,
    check_scored,
    check_truth,
    encode_labels,
    floored_log,
)
from fer_ensemble.evaluation.confusion import (
    ConfusionFigures,
    confusion_figures,
    confusion_rates,
    count_confusion,
)
from fer_ensemble.evaluation.intervals import bootstrap_intervals, wilson_interval
from fer_ensemble.evaluation.reliability import (
    MIN_CONFIDENCES,
    CoverageScore,
    brier_score,
    calibration_error,
    coverage_at,
)


@dataclass(frozen=True)
class ClassScore:
    """How well one class is recognised, or all of them on average.

    Attributes
    ----------
    name : str
        Name of the class, or of the mean.
    precision, recall, f1 : float
        From 0 to 1; 0 where the figure is undefined (nothing predicted, or nothing to find).
    support : int
        How many true labels are of this class.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate_predictions` found.

    Attributes
    ----------
    n : int
        Number of samples.
    n_answered : int
        How many of them have a prediction; the others count as errors.
    accuracy : float
        Share of right labels, from 0 to 1.
    accuracy_interval : tuple of (float, float)
        Wilson's score interval of the accuracy.
    confidence : float
        The level of all intervals.
    balanced_accuracy : float
        Mean recall of the classes that occur among the true labels.
    macro_f1 : float
        Mean F1 of the same classes.
    weighted_f1 : float
        Mean of F1 over the classes, weighted by support.
    bootstrap_intervals : dict of str to tuple of (float, float), or None
        Percentile bootstrap intervals of the four figures above; None if none were asked for.
    top_2 : float or None
        How often the true class is among the two most probable ones. It is None without
        probabilities, as are the next three.
    log_loss : float or None
        Mean of -log(probability of the true class) in nats.
    brier_score, calibration_error : float or None
        See the functions of these names.
    coverage : tuple of CoverageScore
        What is answered, and how well, at some least confidences; empty without probabilities.
    per_class : tuple of ClassScore
        One for every declared class, in the declared order; a class that does not occur has
        support 0.
    averages : tuple of ClassScore
        Of precision, recall and F1 the macro mean, plain over the classes that occur among the
        true labels, and the mean weighted by support.
    confusion : ndarray of shape (n_classes, n_classes)
        Counts: rows are true classes, columns predicted ones. What has no prediction stands in
        no column.
    """

    n: int
    n_answered: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    confidence: float
    balanced_accuracy: float
    macro_f1: float
    weighted_f1: float
    bootstrap_intervals: dict[str, tuple[float, float]] | None
    top_2: float | None
    log_loss: float | None
    brier_score: float | None
    calibration_error: float | None
    coverage: tuple[CoverageScore, ...]
    per_class: tuple[ClassScore, ...]
    averages: tuple[ClassScore, ...]
    confusion: NDArray[np.int64]

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes that do not occur, over which no plain mean is taken."""
        return tuple(row.name for row in self.per_class if not row.support)

    @property
    def confusion_rates(self) -> NDArray[np.float64]:
        """The confusion matrix as shares of each true class, from 0 to 1."""
        return confusion_rates(self.confusion, np.array([row.support for row in self.per_class]))

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        return asdict(self) | {"confusion": self.confusion.tolist()}


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
    # Level classes share the places left to them: naming the first by their order would favour
    # one class over another.
    given = proba[np.arange(truth.size), truth][:, np.newaxis]
    above, level = (proba > given).sum(axis=1), (proba == given).sum(axis=1)
    return float(np.clip((check_count(k, "k") - above) / level, 0, 1).mean())


def evaluate_predictions(
    y_true: ArrayLike,
    y_pred: ArrayLike | None = None,
    *,
    probabilities: ArrayLike | None = None,
    classes: ArrayLike,
    class_names: Sequence[str] | None = None,
    answered: ArrayLike | None = None,
    confidence: float = 0.95,
    min_confidences: Sequence[float] = MIN_CONFIDENCES,
    n_bootstrap: int = 0,
    random_state: int | np.random.RandomState | None = 0,
) -> Evaluation:
    """Measure predictions against the truth.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,), optional
        Predicted labels; without them, the most probable class of `probabilities`.
    probabilities : array-like of shape (n_samples, n_classes), optional
        Predicted probabilities, columns in the order of `classes`. Top 2, log loss, Brier score,
        calibration error and coverage need them, and heed no `y_pred`.
    classes : array-like of shape (n_classes,)
        Every class that there is, whether it occurs or not, in the order of the report.
    class_names : sequence of str, optional
        What to call the classes; their labels by default.
    answered : array-like of bool of shape (n_samples,), optional
        Which samples have a prediction; all by default. The others count as errors in accuracy,
        recall and F1, their rows of `y_pred` and `probabilities` are not looked at, and figures
        of probabilities are those of the answered.
    confidence : float, default=0.95
        Level of the intervals, between 0 and 1.
    min_confidences : sequence of float, default=(0.5, 0.7, 0.9)
        Where to measure the coverage, see `coverage_at`.
    n_bootstrap : int, default=0
        Number of resamples for the bootstrap intervals; 0 makes none.
    random_state : int, RandomState instance or None, default=0
        Seed of the resampling.

    Returns
    -------
    Evaluation
        The figures.

    Raises
    ------
    ValueError
        If there is nothing to measure, lengths differ, labels are not among the classes, values
        are missing, the probabilities are not distributions, or a parameter is out of range.

    Notes
    -----
    Intervals, and what each mean does with classes that do not occur, are explained with
    `wilson_interval`, `bootstrap_intervals` and `confusion_figures`.

    Examples
    --------
    >>> found = evaluate_predictions(
    ...     ["happy", "sad", "sad"], ["happy", "happy", "sad"], classes=["happy", "sad"]
    ... )
    >>> found.balanced_accuracy, found.per_class[1].recall
    (0.75, 0.5)
    """
    declared = check_classes(classes)
    names = check_names(class_names, declared)
    confidence = check_level(confidence)
    truth = check_truth(y_true, declared)
    given = _check_answered(answered, truth.size)
    predicted, proba = _find_predicted(y_pred, probabilities, given, declared)
    confusion = count_confusion(truth, predicted, len(declared))
    figures, intervals = confusion_figures(confusion), None
    if n_bootstrap:
        intervals = bootstrap_intervals(
            confusion, n_bootstrap=n_bootstrap, confidence=confidence, random_state=random_state
        )
    n, n_right = int(truth.size), int(np.trace(confusion))
    return Evaluation(
        n=n,
        n_answered=int(given.sum()),
        accuracy=n_right / n,
        accuracy_interval=wilson_interval(n_right, n, confidence),
        confidence=confidence,
        balanced_accuracy=float(figures.balanced_accuracy),
        macro_f1=float(figures.macro_f1),
        weighted_f1=float(figures.weighted_f1),
        bootstrap_intervals=intervals,
        # Of the answered alone: there are no probabilities of the others.
        **_probability_figures(truth[given], proba, min_confidences, confidence),
        per_class=_per_class(names, figures),
        averages=_averages(figures),
        confusion=confusion[:, :-1],
    )


def _check_answered(answered: ArrayLike | None, n: int) -> NDArray[np.bool_]:
    given = np.ones(n, dtype=bool) if answered is None else np.asarray(answered)
    if given.shape != (n,) or given.dtype != bool:
        raise ValueError(
            f"answered must hold True or False for each of {n} samples; it has the shape "
            f"{given.shape} and holds {given.dtype}."
        )
    return given


def _find_predicted(
    y_pred: ArrayLike | None,
    probabilities: ArrayLike | None,
    given: NDArray[np.bool_],
    declared: list[Any],
) -> tuple[NDArray[np.intp], NDArray[np.float64] | None]:
    """Return predicted columns, the number of classes where there is none, and probabilities."""
    # Rows that are not answered get a stand-in and are not cut out before the checks: the rows
    # that an error names are then those of the caller.
    proba = None
    if probabilities is not None:
        n_classes = len(declared)
        filled = _fill(probabilities, given, 1 / n_classes)
        proba = check_probabilities(filled, given.size, n_classes)
    if y_pred is not None:
        predicted = encode_labels(_fill(y_pred, given, declared[0]), declared, what="y_pred")
        if predicted.size != given.size:
            raise ValueError(f"y_true has {given.size} labels and y_pred {predicted.size}.")
    elif proba is not None:
        predicted = proba.argmax(axis=1)
    else:
        raise ValueError("Give y_pred, probabilities, or both: there is nothing to evaluate.")
    return np.where(given, predicted, len(declared)), None if proba is None else proba[given]


def _fill(values: ArrayLike, given: NDArray[np.bool_], stand_in: Any) -> NDArray[Any]:
    array = np.asarray(values)
    if given.all() or array.shape[:1] != given.shape:
        return array
    # Of objects, as a stand-in of text would be cut to the length of the longest label.
    array = array.astype(object)
    array[~given] = stand_in
    return array


def _probability_figures(
    truth: NDArray[np.intp],
    proba: NDArray[np.float64] | None,
    min_confidences: Sequence[float],
    confidence: float,
) -> dict[str, Any]:
    if proba is None or truth.size == 0:
        figures = dict.fromkeys(("top_2", "log_loss", "brier_score", "calibration_error"))
        return figures | {"coverage": ()}
    scored = truth, proba, np.arange(proba.shape[1])
    return {
        "top_2": top_k_accuracy(*scored, k=2),
        "log_loss": _log_loss(truth, proba),
        "brier_score": brier_score(*scored),
        "calibration_error": calibration_error(*scored),
        "coverage": coverage_at(*scored, min_confidences, confidence=confidence),
    }


def _log_loss(truth: NDArray[np.intp], proba: NDArray[np.float64]) -> float:
    likelihood = proba[np.arange(truth.size), truth] / proba.sum(axis=1)
    return float(-floored_log(likelihood).mean())


def _per_class(names: Sequence[str], figures: ConfusionFigures) -> tuple[ClassScore, ...]:
    columns = (figures.precision, figures.recall, figures.f1, figures.support)
    rows = zip(names, *(column.tolist() for column in columns), strict=True)
    return tuple(ClassScore(*row) for row in rows)


def _averages(figures: ConfusionFigures) -> tuple[ClassScore, ...]:
    def mean(name: str, weights: NDArray[Any]) -> ClassScore:
        precision, recall, f1 = (
            float(np.average(column, weights=weights))
            for column in (figures.precision, figures.recall, figures.f1)
        )
        return ClassScore(name, precision, recall, f1, int(figures.support.sum()))

    # Called as in scikit-learn's classification_report, beside which they are read.
    return mean("macro avg", figures.present), mean("weighted avg", figures.support)
