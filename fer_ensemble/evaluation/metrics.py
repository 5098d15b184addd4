"""Accuracy, F1, log loss and the confusion matrix of one set of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class ClassScore:
    """How well one class is recognised.

    Attributes
    ----------
    name : str
        Name of the class.
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
    accuracy : float
        Share of right labels, from 0 to 1.
    accuracy_interval : tuple of (float, float)
        Wilson's score interval of the accuracy.
    confidence : float
        The level of that interval.
    macro_f1 : float
        Plain mean of F1 over the classes that occur among the true or the predicted labels.
    weighted_f1 : float
        Mean of F1 over the classes, weighted by support.
    log_loss : float or None
        Mean of -log(probability of the true class) in nats; None without probabilities.
    per_class : tuple of ClassScore
        One for every declared class, in the declared order; a class that does not occur has
        support 0.
    confusion : ndarray of shape (n_classes, n_classes)
        Counts: rows are true classes, columns predicted ones.
    """

    n: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    confidence: float
    macro_f1: float
    weighted_f1: float
    log_loss: float | None
    per_class: tuple[ClassScore, ...]
    confusion: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {
            "accuracy_interval": list(self.accuracy_interval),
            "per_class": [asdict(score) for score in self.per_class],
            "confusion": self.confusion.tolist(),
        }


def evaluate_predictions(
    y_true: ArrayLike,
    y_pred: ArrayLike | None = None,
    *,
    probabilities: ArrayLike | None = None,
    classes: ArrayLike,
    class_names: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> Evaluation:
    """Measure predictions against the truth.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    y_pred : array-like of shape (n_samples,), optional
        Predicted labels; without them, the most probable class of `probabilities`.
    probabilities : array-like of shape (n_samples, n_classes), optional
        Predicted probabilities, columns in the order of `classes`; the log loss needs them.
    classes : array-like of shape (n_classes,)
        Every class that there is, whether it occurs or not, in the order of the report.
    class_names : sequence of str, optional
        What to call the classes; their labels by default.
    confidence : float
        Level of the interval, between 0 and 1.

    Returns
    -------
    Evaluation
        The figures.

    Raises
    ------
    ValueError
        If there is nothing to measure, lengths differ, labels are not among the classes, values
        are missing, or the probabilities are not distributions.

    Notes
    -----
    The interval is that of E. B. Wilson, "Probable inference, the law of succession, and
    statistical inference", Journal of the American Statistical Association 22, 1927. The
    macro F1 follows scikit-learn's convention: a class that is neither in the truth nor
    predicted is left out of the mean, and one that is only predicted counts with F1 = 0.
    """
    # Imported late: scikit-learn's metrics take a noticeable part of a second.
    from scipy.stats import binomtest
    from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

    declared = _checked_classes(classes)
    names = _checked_names(class_names, declared)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not at {confidence}.")
    truth = _indices(y_true, declared, "y_true")
    if truth.size == 0:
        raise ValueError("There is nothing to evaluate: y_true is empty.")
    proba = None
    if probabilities is not None:
        proba = _checked_probabilities(probabilities, truth.size, len(declared))
    if y_pred is not None:
        predicted = _indices(y_pred, declared, "y_pred")
        if predicted.size != truth.size:
            raise ValueError(f"y_true has {truth.size} labels and y_pred {predicted.size}.")
    elif proba is not None:
        predicted = proba.argmax(axis=1)
    else:
        raise ValueError("Give y_pred, probabilities, or both: there is nothing to evaluate.")

    every = np.arange(len(declared))
    correct = int((truth == predicted).sum())
    interval = binomtest(correct, truth.size).proportion_ci(confidence, method="wilson")
    table = precision_recall_fscore_support(truth, predicted, labels=every, zero_division=0)
    return Evaluation(
        n=int(truth.size),
        accuracy=correct / truth.size,
        accuracy_interval=(float(interval.low), float(interval.high)),
        confidence=float(confidence),
        macro_f1=float(f1_score(truth, predicted, average="macro", zero_division=0)),
        weighted_f1=float(f1_score(truth, predicted, average="weighted", zero_division=0)),
        log_loss=None if proba is None else _log_loss(truth, proba),
        per_class=tuple(
            ClassScore(name, float(p), float(r), float(f), int(s))
            for name, p, r, f, s in zip(names, *table, strict=True)
        ),
        confusion=confusion_matrix(truth, predicted, labels=every).astype(np.int64),
    )


def _log_loss(truth: NDArray[np.intp], proba: NDArray[np.float64]) -> float:
    likelihood = proba[np.arange(truth.size), truth] / proba.sum(axis=1)
    return float(-np.log(np.maximum(likelihood, np.finfo(np.float64).eps)).mean())


def _checked_classes(classes: ArrayLike) -> list[Any]:
    declared: list[Any] = np.asarray(classes).ravel().tolist()
    if not declared or len(set(declared)) != len(declared):
        raise ValueError(f"classes must name every class once; they are {declared}.")
    return declared


def _checked_names(class_names: Sequence[str] | None, declared: list[Any]) -> list[str]:
    names = [str(name) for name in (declared if class_names is None else class_names)]
    if len(names) != len(declared):
        raise ValueError(f"There are {len(declared)} classes and {len(names)} class_names.")
    return names


def _indices(labels: ArrayLike, declared: list[Any], what: str) -> NDArray[np.intp]:
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"{what} must be one label per sample; its shape is {array.shape}.")
    position = {label: i for i, label in enumerate(declared)}
    indices = np.array([position.get(label, -1) for label in array.tolist()], dtype=np.intp)
    unknown = np.flatnonzero(indices < 0)
    if unknown.size:
        raise ValueError(
            f"{what} holds {unknown.size} labels that are not among the classes {declared}; the "
            f"first is {array[unknown[0]]!s} at row {unknown[0]}."
        )
    return indices


def _checked_probabilities(
    probabilities: ArrayLike, n_samples: int, n_classes: int
) -> NDArray[np.float64]:
    proba = np.asarray(probabilities, dtype=np.float64)
    if proba.shape != (n_samples, n_classes):
        raise ValueError(
            f"probabilities must have the shape (n_samples, n_classes) = ({n_samples}, "
            f"{n_classes}), not {proba.shape}."
        )
    # Written so that NaN and infinity count as bad.
    good = (proba >= 0).all(axis=1) & (np.abs(proba.sum(axis=1) - 1) <= _SUM_TOLERANCE)
    bad = np.flatnonzero(~good)
    if bad.size:
        raise ValueError(
            f"{bad.size} of {n_samples} rows of probabilities are no distribution (finite, not "
            f"negative, summing to 1 within {_SUM_TOLERANCE:g}); the first is row {bad[0]}: "
            f"{proba[bad[0]].tolist()}."
        )
    return proba
