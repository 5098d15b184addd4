"""What every module agrees on: classes, labels, probabilities, and when one of them will do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from summing to one: float16 and bfloat16 networks come
close to it."""

SMALLEST_PROBABILITY = 1e-15
"""Probabilities below this count as this where a logarithm is taken: one row on which a model is
certain and wrong must not make a mean infinite, nor one member rule a class out for good."""

TOLERANCE = 1e-10
"""Scores and probabilities no further apart than this are equal: far more than sums are off by
rounding, far less than any difference that means something."""


def find_classes(y: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Split labels into sorted classes and indices of the classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type that can be sorted.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    indices : ndarray of shape (n_samples,)
        ``classes[indices]`` is `y`.

    Raises
    ------
    ValueError
        If there are fewer than two classes.
    """
    classes, indices = np.unique(np.asarray(y), return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            "A classifier can't train when only one class is present: two are needed at least, "
            f"and y holds {classes.tolist()}."
        )
    return classes, indices.reshape(-1)


def encode_labels(y: ArrayLike, classes: ArrayLike, *, what: str = "y") -> NDArray[np.intp]:
    """Return the position of every label in a list of classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type.
    classes : array-like of shape (n_classes,)
        The classes, each once, in any order.
    what : str, default='y'
        What to call the labels in an error.

    Returns
    -------
    ndarray of shape (n_samples,)
        Indices into `classes`.

    Raises
    ------
    ValueError
        If there is not one label for each sample, or labels are not among the classes; those are
        listed with their counts.
    """
    array = np.asarray(y)
    if array.ndim != 1:
        raise ValueError(f"{what} must be one label per sample; its shape is {array.shape}.")
    # A dictionary takes labels of any type in any order; searchsorted would need sorted ones.
    position = {label: i for i, label in enumerate(np.asarray(classes).tolist())}
    encoded = np.array([position.get(label, -1) for label in array.tolist()], dtype=np.intp)
    unknown = np.flatnonzero(encoded < 0)
    if unknown.size:
        counts = Counter(array[unknown].tolist())
        listing = ", ".join(f"{label} ({count}×)" for label, count in counts.items())
        raise ValueError(
            f"{what} holds {unknown.size} labels that are not among the {len(position)} classes "
            f"{list(position)}: {listing}; the first is {array[unknown[0]]!s} at row {unknown[0]}."
        )
    return encoded


def is_unsure(
    probabilities: NDArray[np.floating[Any]], min_confidence: float, *, ties: bool = False
) -> NDArray[np.bool_]:
    """Mark the samples that are not predicted surely enough to be labelled.

    Whoever abstains goes by this, and so does whoever measures what abstaining is worth.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
    min_confidence : float
        The highest probability must reach this, from 0 to 1.
    ties : bool, default=False
        Whether samples for which two classes share the highest probability are unsure as well.

    Returns
    -------
    ndarray of bool of shape (n_samples,)

    Raises
    ------
    ValueError
        If `min_confidence` is out of range.
    """
    if not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence must lie between 0 and 1, not at {min_confidence}.")
    highest = probabilities.max(axis=1, keepdims=True)
    unsure: NDArray[np.bool_] = highest[:, 0] < min_confidence
    if ties:
        unsure |= np.count_nonzero(probabilities >= highest - TOLERANCE, axis=1) > 1
    return unsure


def is_distribution(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Say which rows are distributions: finite, not negative, and summing to one.

    Parameters
    ----------
    probabilities : ndarray of shape (..., n_classes)

    Returns
    -------
    ndarray of bool of shape (...)
        Sums may be off by `SUM_TOLERANCE`, and are taken in double precision whatever the type.
    """
    # `einsum` and one minimum for all: over a last axis of seven, NumPy's own sum and minimum take
    # two to four times as long, and a million predictions are checked here.
    sums = np.einsum("...k->...", probabilities, dtype=np.float64)
    # False for NaN and infinity as well: their sums are no closer to one.
    good: NDArray[np.bool_] = np.abs(sums - 1) <= SUM_TOLERANCE
    if probabilities.size and not probabilities.min() >= 0:
        good &= (probabilities >= 0).all(axis=-1)
    return good


def floored_log(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the logarithm of probabilities, none of which counts as less than 2.2e-16.

    Parameters
    ----------
    probabilities : ndarray of any shape

    Returns
    -------
    ndarray of the same shape
        A certain error costs much, but not infinitely much.
    """
    # The floor of scikit-learn's log_loss and not SMALLEST_PROBABILITY, so that figures are equal.
    return np.log(np.maximum(probabilities, np.finfo(np.float64).eps))


def check_classes(classes: ArrayLike) -> list[Any]:
    """Return the classes as a list, or say that one of them stands there twice.

    Parameters
    ----------
    classes : array-like of shape (n_classes,)
        At least one.

    Returns
    -------
    list

    Raises
    ------
    ValueError
        If there is none, or not every class is named once.
    """
    declared: list[Any] = np.asarray(classes).ravel().tolist()
    if not declared or len(set(declared)) != len(declared):
        raise ValueError(f"classes must name every class once; they are {declared}.")
    return declared


def check_names(class_names: Sequence[str] | None, declared: Sequence[Any]) -> list[str]:
    """Return what to call each class.

    Parameters
    ----------
    class_names : sequence of str or None
        ``None`` takes the classes themselves.
    declared : sequence
        What `check_classes` returned.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If there is not one name for each class.
    """
    names = [str(name) for name in (declared if class_names is None else class_names)]
    if len(names) != len(declared):
        raise ValueError(f"There are {len(declared)} classes and {len(names)} class_names.")
    return names


def check_probabilities(
    probabilities: ArrayLike, n_samples: int, n_classes: int
) -> NDArray[np.float64]:
    """Return probabilities as an array, or say which row is no distribution.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes)
    n_samples, n_classes : int
        What the shape must be.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        If the shape is another, or a row is not finite, negative, or does not sum to one.
    """
    proba = np.asarray(probabilities, dtype=np.float64)
    if proba.shape != (n_samples, n_classes):
        raise ValueError(
            f"probabilities must have the shape (n_samples, n_classes) = ({n_samples}, "
            f"{n_classes}), not {proba.shape}."
        )
    bad = np.flatnonzero(~is_distribution(proba))
    if bad.size:
        raise ValueError(
            f"{bad.size} of {n_samples} rows of probabilities are no distribution (finite, not "
            f"negative, summing to 1 within {SUM_TOLERANCE:g}); the first is row {bad[0]}: "
            f"{proba[bad[0]].tolist()}."
        )
    return proba


def check_truth(y_true: ArrayLike, declared: Sequence[Any]) -> NDArray[np.intp]:
    """Return the column of each true label.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    declared : sequence
        What `check_classes` returned.

    Returns
    -------
    ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        As `encode_labels`, and if there are no samples.
    """
    truth = encode_labels(y_true, declared, what="y_true")
    if truth.size == 0:
        raise ValueError("There is nothing to evaluate: y_true is empty.")
    return truth


def check_scored(
    y_true: ArrayLike, probabilities: ArrayLike, classes: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the column of each true label, and probabilities that sum to one exactly.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
    probabilities : array-like of shape (n_samples, n_classes)
    classes : array-like of shape (n_classes,)

    Returns
    -------
    truth : ndarray of shape (n_samples,)
    probabilities : ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        As the functions above, and if there are no samples.
    """
    declared = check_classes(classes)
    truth = check_truth(y_true, declared)
    proba = check_probabilities(probabilities, truth.size, len(declared))
    # What float16 networks miss of one would otherwise pass for a lack of confidence.
    return truth, proba / proba.sum(axis=1, keepdims=True)


def check_level(confidence: float) -> float:
    """Return the level of an interval.

    Parameters
    ----------
    confidence : float
        Between 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it does not lie there.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not at {confidence}.")
    return float(confidence)


def check_count(value: Any, name: str, least: int = 1) -> int:
    """Return a whole number.

    Parameters
    ----------
    value : int
    name : str
        What to call it in an error.
    least : int, default=1
        The smallest that will do.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If it is none, or too small.
    """
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number from {least} on, not {value!r}.")
    return int(value)
