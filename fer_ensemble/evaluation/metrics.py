"""Every figure of one set of predictions, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.calibration import brier_score, calibration_error
from fer_ensemble.evaluation.checks import (
    check_classes,
    check_labels,
    check_level,
    check_names,
    check_probabilities,
)
from fer_ensemble.evaluation.confusion import ConfusionFigures, confusion_figures, count_confusion
from fer_ensemble.evaluation.coverage import MIN_CONFIDENCES, coverage_at
from fer_ensemble.evaluation.intervals import bootstrap_intervals, wilson_interval
from fer_ensemble.evaluation.ranking import top_k_accuracy
from fer_ensemble.evaluation.scores import ClassScore, Evaluation


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
    truth = check_labels(y_true, declared, "y_true")
    if truth.size == 0:
        raise ValueError("There is nothing to evaluate: y_true is empty.")
    given = _check_answered(answered, truth.size)
    predicted, proba = _answers(y_pred, probabilities, given, declared)
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


def _answers(
    y_pred: ArrayLike | None,
    probabilities: ArrayLike | None,
    given: NDArray[np.bool_],
    declared: list[Any],
) -> tuple[NDArray[np.intp], NDArray[np.float64] | None]:
    """Return predicted columns, the number of classes where there is none, and probabilities."""
    # Stand-ins for what is not answered keep the rows that errors name those of the caller.
    proba = None
    if probabilities is not None:
        n_classes = len(declared)
        filled = _fill(probabilities, given, 1 / n_classes)
        proba = check_probabilities(filled, given.size, n_classes)
    if y_pred is not None:
        predicted = check_labels(_fill(y_pred, given, declared[0]), declared, "y_pred")
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
    return float(-np.log(np.maximum(likelihood, np.finfo(np.float64).eps)).mean())


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

    return mean("macro avg", figures.listed), mean("weighted avg", figures.support)
