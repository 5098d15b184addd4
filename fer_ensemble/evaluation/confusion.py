"""Figures that the confusion matrix alone decides, of one matrix or of thousands at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ConfusionFigures:
    """What `confusion_figures` found; undefined figures are 0.

    Attributes
    ----------
    accuracy, balanced_accuracy, macro_f1, weighted_f1 : ndarray of shape (...)
        One for each matrix.
    precision, recall, f1 : ndarray of shape (..., n_classes)
        Of every class.
    support : ndarray of shape (..., n_classes)
        How many true labels are of the class.
    present : ndarray of bool of shape (..., n_classes)
        Whether the class occurs among the true labels: those that plain means are taken over.
    """

    accuracy: NDArray[np.float64]
    balanced_accuracy: NDArray[np.float64]
    macro_f1: NDArray[np.float64]
    weighted_f1: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]
    present: NDArray[np.bool_]


def count_confusion(
    truth: NDArray[np.intp], predicted: NDArray[np.intp], n_classes: int
) -> NDArray[np.int64]:
    """Count what was taken for what.

    Parameters
    ----------
    truth : ndarray of shape (n_samples,)
        Place of each true label among the classes.
    predicted : ndarray of shape (n_samples,)
        The same of each prediction; `n_classes` where there is none.
    n_classes : int

    Returns
    -------
    ndarray of shape (n_classes, n_classes + 1)
        Rows are true classes, columns predicted ones; the last column is for no prediction.
    """
    # One pass over the samples, much faster than adding to a matrix cell by cell.
    cells = truth * (n_classes + 1) + predicted
    counts = np.bincount(cells, minlength=n_classes * (n_classes + 1))
    return counts.reshape(n_classes, n_classes + 1)


def confusion_figures(confusion: NDArray[np.int64]) -> ConfusionFigures:
    """Compute the figures of confusion matrices.

    Parameters
    ----------
    confusion : ndarray of shape (..., n_classes, n_classes) or (..., n_classes, n_classes + 1)
        Counts, as `count_confusion` makes them. What is not predicted lowers the recall.

    Returns
    -------
    ConfusionFigures

    Notes
    -----
    Every plain mean over classes is over those that occur in the truth: balanced accuracy, the
    mean recall (K. H. Brodersen, C. S. Ong, K. E. Stephan and J. M. Buhmann, "The balanced
    accuracy and its posterior distribution", International Conference on Pattern Recognition,
    2010), and macro precision and F1 alike. What is taken for a class that does not occur costs
    the recall of its own. scikit-learn's macro F1 counts a class that is only predicted with 0;
    for the same, give it ``labels=numpy.unique(y_true)``.

    Examples
    --------
    >>> figures = confusion_figures(np.array([[2, 1], [0, 3]]))
    >>> figures.recall.round(3).tolist(), round(float(figures.accuracy), 3)
    ([0.667, 1.0], 0.833)
    """
    # Sums over the last two axes alone: the bootstrap hands in thousands of matrices at once.
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    support = confusion.sum(axis=-1)
    predicted = confusion.sum(axis=-2)[..., : confusion.shape[-2]]
    # F1 from counts: as the harmonic mean of precision and recall it would be 0 / 0 at their zero.
    recall, f1 = _ratio(right, support), _ratio(2 * right, support + predicted)
    present, n = support > 0, support.sum(axis=-1)
    n_present = present.sum(axis=-1)
    return ConfusionFigures(
        accuracy=_ratio(right.sum(axis=-1), n),
        balanced_accuracy=_ratio(recall.sum(axis=-1), n_present),
        macro_f1=_ratio(f1.sum(axis=-1), n_present),
        weighted_f1=_ratio((f1 * support).sum(axis=-1), n),
        precision=_ratio(right, predicted),
        recall=recall,
        f1=f1,
        support=support,
        present=present,
    )


def confusion_rates(
    confusion: NDArray[np.int64], support: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Turn counts into shares of each true class.

    Parameters
    ----------
    confusion : ndarray of shape (n_classes, n_classes)
        Counts: rows are true classes, columns predicted ones.
    support : ndarray of shape (n_classes,), optional
        How many true labels are of each class; the sums of the rows by default.

    Returns
    -------
    ndarray of shape (n_classes, n_classes)
        From 0 to 1; the diagonal is the recall, and a class that does not occur has 0 throughout.
    """
    total = confusion.sum(axis=1) if support is None else support
    return _ratio(confusion, total[:, np.newaxis])


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    part, whole = np.broadcast_arrays(part, whole)
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
