"""What figures of predictions look like: of one class, and of all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.evaluation.confusion import confusion_rates
from fer_ensemble.evaluation.coverage import CoverageScore


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
        Plain mean of F1 over the classes that occur among the true or the predicted labels.
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
        The macro and the weighted mean of precision, recall and F1.
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
    def confusion_rates(self) -> NDArray[np.float64]:
        """The confusion matrix as shares of each true class, from 0 to 1."""
        return confusion_rates(self.confusion, np.array([row.support for row in self.per_class]))

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        return asdict(self) | {"confusion": self.confusion.tolist()}
