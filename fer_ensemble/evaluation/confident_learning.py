"""Confident learning: which labels a model, that has not seen them, has good reason to doubt.

C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident learning: estimating uncertainty in dataset
labels", Journal of Artificial Intelligence Research 70, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.arrays import check_scored
from fer_ensemble.suggestions import did_you_mean

# Probabilities that miss a threshold by no more than this reach it: means of equal probabilities
# differ from them by rounding.
_SLACK = 1e-6

#: By name, how far a label is to be trusted, from 0 to 1; see `label_quality`.
QUALITIES = ("self_confidence", "normalized_margin")


@dataclass(frozen=True, eq=False)
class ConfidentLabels:
    """What confident learning says of labels.

    Attributes
    ----------
    thresholds : ndarray of shape (n_classes,)
        The mean probability of each class among the samples that carry it; 2, which no probability
        reaches, where none does.
    confident : ndarray of shape (n_samples,), int
        The class that each sample is confidently taken for: the most probable of those that reach
        their thresholds; -1 where none does.
    joint : ndarray of shape (n_classes, n_classes), int
        How many samples with the label of the row belong to the class of the column: confident
        counts, scaled so that each row sums to the count of its label.
    is_suspect : ndarray of shape (n_samples,), bool
        Samples off the diagonal of the confident counts, whose label is not the most probable
        class.
    """

    thresholds: NDArray[np.float64]
    confident: NDArray[np.intp]
    joint: NDArray[np.int64]
    is_suspect: NDArray[np.bool_]

    @property
    def n_wrong(self) -> int:
        """How many labels are wrong, by the joint."""
        return int(self.joint.sum() - np.trace(self.joint))


def confident_labels(
    y: ArrayLike, probabilities: ArrayLike, classes: ArrayLike | None = None
) -> ConfidentLabels:
    """Estimate which labels are wrong, and how many of each class are of another.

    A sample counts for a class whose probability is at least what it is, on average, among the
    samples that carry this label [1]_. So a class that the model is never sure of does not lose its
    samples to one that it is always sure of.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels as they were given.
    probabilities : array-like of shape (n_samples, n_classes)
        Of a model that was not fitted on the sample, as out-of-fold probabilities are.
    classes : array-like of shape (n_classes,), optional
        The label that each column stands for; by default ``0`` to ``n_classes - 1``.

    Returns
    -------
    ConfidentLabels

    Raises
    ------
    ValueError
        If there are no samples, lengths differ, labels are not among the classes, or the
        probabilities are not distributions.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident learning: estimating uncertainty
       in dataset labels", Journal of Artificial Intelligence Research 70, 2021: equations 1 to 3.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 1, 1]
    >>> p = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]]
    >>> found = confident_labels(y, p)
    >>> found.is_suspect.tolist()
    [False, False, True, False, False, False]
    >>> found.joint.tolist()
    [[2, 1], [0, 3]]
    """
    given, proba = _check(y, probabilities, classes)
    n_classes = proba.shape[1]
    counts = np.bincount(given, minlength=n_classes)
    sums = np.bincount(given, proba[np.arange(len(given)), given], minlength=n_classes)
    # Never below what rounding could reach: a class that is always given zero has no confident one.
    thresholds = np.where(counts > 0, np.maximum(sums / np.maximum(counts, 1), 2 * _SLACK), 2.0)
    reaches = proba >= thresholds - _SLACK
    n_reached = reaches.sum(axis=1)
    # Where several reach theirs, the most probable class of all is meant.
    confident = np.where(n_reached > 1, proba.argmax(axis=1), reaches.argmax(axis=1))
    confident[n_reached == 0] = -1
    joint = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(joint, (given[confident >= 0], confident[confident >= 0]), 1)
    np.fill_diagonal(joint, np.maximum(np.diagonal(joint), 1))
    off_diagonal = (confident >= 0) & (confident != given)
    return ConfidentLabels(
        thresholds, confident, _calibrate(joint, counts), off_diagonal & ~_wins(given, proba)
    )


def label_quality(
    y: ArrayLike,
    probabilities: ArrayLike,
    classes: ArrayLike | None = None,
    *,
    by: str = "self_confidence",
) -> NDArray[np.float64]:
    """Say how far each label is to be trusted.

    Parameters
    ----------
    y, probabilities, classes : array-like
        As of `confident_labels`.
    by : {'self_confidence', 'normalized_margin'}, default='self_confidence'
        The probability of the label; or by how much it exceeds that of the best other class,
        brought to 0–1.

    Returns
    -------
    ndarray of shape (n_samples,)
        From 0, surely wrong, to 1.

    Raises
    ------
    ValueError
        As of `confident_labels`, or if there is no such measure.

    Examples
    --------
    >>> label_quality([0], [[0.25, 0.75]]).tolist()
    [0.25]
    >>> label_quality([0], [[0.25, 0.75]], by="normalized_margin").tolist()
    [0.25]
    """
    if by not in QUALITIES:
        raise ValueError(
            f"There is no measure {by!r}: choose {' or '.join(QUALITIES)}."
            + did_you_mean(by, QUALITIES)
        )
    given, proba = _check(y, probabilities, classes)
    rows = np.arange(len(given))
    own = proba[rows, given]
    if by == "self_confidence":
        return own
    others = proba.copy()
    others[rows, given] = -np.inf
    return (own - others.max(axis=1) + 1) / 2


def _check(
    y: ArrayLike, probabilities: ArrayLike, classes: ArrayLike | None
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    known: Any = range(np.shape(probabilities)[-1]) if classes is None else np.asarray(classes)
    return check_scored(y, probabilities, list(known))


def _wins(given: NDArray[np.intp], proba: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the label is the most probable class, or as good as that."""
    favoured = proba.copy()
    favoured[np.arange(len(given)), given] += _SLACK
    return favoured.argmax(axis=1) == given


def _calibrate(joint: NDArray[np.int64], counts: NDArray[np.intp]) -> NDArray[np.int64]:
    """Scale each row to the count of its label, in whole numbers that sum to it."""
    scaled = joint / joint.sum(axis=1, keepdims=True) * counts[:, np.newaxis]
    whole = np.rint(scaled)
    # Those that rounding changed most make up for what the row then lacks, or has too many of.
    for row, rest in enumerate(scaled - whole):
        lacking = round(counts[row] - whole[row].sum())
        order = np.argsort(rest, kind="stable")
        changed = order[len(order) - lacking :] if lacking > 0 else order[:-lacking]
        whole[row, changed] += np.sign(lacking)
    return whole.astype(np.int64)
