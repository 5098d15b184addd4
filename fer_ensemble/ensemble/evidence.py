"""What members predict: checked, put in the ensemble's order, and held against the truth.

Every array that reaches an ensemble passes here. Each check returns the array, or says what is
wrong with it, in how many rows, and where first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation import (
    SMALLEST_PROBABILITY,
    SUM_TOLERANCE,
    TOLERANCE,
    encode_labels,
    is_distribution,
)
from fer_ensemble.stored_arrays import StoredArray


# Never compared by its values: arrays have no single truth value.
@dataclass(frozen=True, eq=False)
class Evidence:
    """Predictions for rows of known labels, ready to be scored.

    Attributes
    ----------
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What each member predicts.
    labels : ndarray of shape (n_samples,)
        Indices of the true classes.
    sample_weight : ndarray of shape (n_samples,)
        How much each row counts; ones if nothing else was said.
    """

    probabilities: NDArray[np.floating[Any]]
    labels: NDArray[np.intp]
    sample_weight: NDArray[np.float64]

    def accuracy(self, scores: NDArray[np.floating[Any]]) -> float:
        """Return the share of rows whose true class has the highest score.

        Parameters
        ----------
        scores : ndarray of shape (n_classes, n_samples)
            On any scale.

        Returns
        -------
        float
            From 0 to 1. A row whose true class shares the highest score with k - 1 others counts
            as 1 / k, which is what a decision by chance is worth.
        """
        favourites = scores >= scores.max(axis=0) - TOLERANCE
        right = favourites[self.labels, np.arange(len(self.labels))]
        worth = right / np.count_nonzero(favourites, axis=0)
        return float(np.average(worth, weights=self.sample_weight))

    def log_loss(self, likelihood: NDArray[np.float64]) -> float:
        """Return the mean of -log(probability of the true class), in nats.

        Parameters
        ----------
        likelihood : ndarray of shape (n_samples,)
            Probability of each row's true class.

        Returns
        -------
        float
            Zero at best; no row counts more than 34.5.
        """
        losses = -np.log(np.maximum(likelihood, SMALLEST_PROBABILITY))
        return float(np.average(losses, weights=self.sample_weight))


def check_evidence(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> Evidence:
    """Return predictions, labels and weights that belong together, or say what is wrong.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What the members predict for rows that they were not fitted on.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts. None of them negative, not all zero.

    Returns
    -------
    Evidence
        The same, checked.

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ, the labels are not among the classes, the
        probabilities are not distributions, or the sample weights are no weights.
    """
    array = check_probabilities(probabilities)
    labels = encode_labels(y, classes)
    n_samples, _, n_classes = array.shape
    if n_classes != np.size(classes):
        raise ValueError(f"There are {n_classes} columns but {np.size(classes)} classes.")
    if len(labels) != n_samples or n_samples == 0:
        raise ValueError(
            f"At least one row is needed, and one label for each: there are {n_samples} rows and "
            f"{len(labels)} labels."
        )
    if sample_weight is None:
        return Evidence(array, labels, np.ones(n_samples))
    return Evidence(array, labels, check_sample_weight(sample_weight, n_samples))


def check_probabilities(probabilities: ArrayLike) -> NDArray[np.floating[Any]]:
    """Return the probabilities of members as an array, or say what is wrong with them.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.

    Returns
    -------
    ndarray of shape (n_samples, n_members, n_classes)
        The same numbers, as floating point; not copied when they already are.

    Raises
    ------
    ValueError
        If there are not three dimensions, at least one member and one class, or if a value is
        not finite, is negative, or a row does not sum to one (within 0.001).
    """
    array = np.asarray(probabilities)
    if array.ndim != 3 or array.shape[1] == 0 or array.shape[2] == 0:
        raise ValueError(
            "probabilities must have the shape (n_samples, n_members, n_classes) with at least "
            f"one member and one class; their shape is {array.shape}."
        )
    # Single precision stays: a copy of a million predictions as double would cost 0.4 GB.
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    # One comparison for all faults; which one it is, is asked only then.
    if not is_distribution(array).all():
        _refuse(array)
    return array


def check_weights(weights: ArrayLike, n_members: int) -> NDArray[np.float64]:
    """Return the weights of members scaled to sum to one, or say what is wrong with them.

    Parameters
    ----------
    weights : array-like of shape (n_members,)
        One weight per member, none of them negative; their scale does not matter.
    n_members : int
        How many weights there must be.

    Returns
    -------
    ndarray of shape (n_members,)
        Weights that sum to one.

    Raises
    ------
    ValueError
        If the count is wrong, or a weight is negative or not finite, or all are zero.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (n_members,):
        raise ValueError(
            f"weights must hold one number per member: {n_members} in all, not an array of "
            f"shape {array.shape}."
        )
    # Written so that NaN counts as bad.
    bad = [i for i, weight in enumerate(array) if not 0 <= weight < np.inf]
    if bad:
        listing = ", ".join(f"member {i}: {array[i]:g}" for i in bad)
        raise ValueError(f"weights must be finite and not negative ({listing}).")
    if not array.any():
        raise ValueError(f"All {n_members} weights are zero; at least one must be above zero.")
    # First by the highest, so that tiny or huge weights neither underflow nor overflow in the sum.
    array = array / array.max()
    return array / array.sum()


def check_sample_weight(sample_weight: ArrayLike, n_samples: int) -> NDArray[np.float64]:
    """Return the weights of samples as an array, or say what is wrong with them.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,)
        How much each sample counts.
    n_samples : int
        How many weights there must be.

    Returns
    -------
    ndarray of shape (n_samples,)
        The same numbers, as floating point.

    Raises
    ------
    ValueError
        If the count is wrong, or a weight is negative or not finite, or all are zero.
    """
    array = np.asarray(sample_weight, dtype=np.float64)
    if array.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must hold one number per sample: {n_samples} in all, not an array of "
            f"shape {array.shape}."
        )
    bad = np.flatnonzero(~(array >= 0) | np.isinf(array))
    if bad.size:
        raise ValueError(
            f"{bad.size} of {n_samples} sample weights are negative or not finite; the first is "
            f"{array[bad[0]]:g} at row {bad[0]}."
        )
    if not array.any():
        raise ValueError("All sample weights are zero: nothing is left to learn from.")
    return array


def check_classes(member_classes: ArrayLike | None, classes: ArrayLike, name: str) -> list[Any]:
    """Return the classes of one member as a list, if they are those of the ensemble.

    Parameters
    ----------
    member_classes : array-like of shape (n_classes,) or None
        The member's own ``classes_``; None if it has none.
    classes : array-like of shape (n_classes,)
        The ensemble's classes.
    name : str
        The member's name, for errors.

    Returns
    -------
    list
        The member's classes in the member's order.

    Raises
    ------
    ValueError
        If the member has no classes, lacks one of the ensemble's or knows another.
    """
    if member_classes is None:
        raise ValueError(
            f"Member {name!r} has no classes_ after its fit, so that nobody knows what its "
            "columns mean."
        )
    # As Python's own values, which compare and print alike whatever NumPy's types are.
    own: list[Any] = np.asarray(member_classes).tolist()
    wanted: list[Any] = np.asarray(classes).tolist()
    missing = [label for label in wanted if label not in own]
    foreign = [label for label in own if label not in wanted]
    if missing or foreign:
        faults = [f"lacks {missing}"] * bool(missing) + [f"also knows {foreign}"] * bool(foreign)
        raise ValueError(
            f"Member {name!r} knows {len(own)} classes and the ensemble {len(wanted)}: the member "
            f"{' and '.join(faults)}. Fit every member on the same classes."
        )
    return own


def align_columns(
    probabilities: ArrayLike, member_classes: ArrayLike | None, classes: ArrayLike, name: str
) -> NDArray[np.float64]:
    """Put the columns of one member's probabilities into the ensemble's order of classes.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes)
        What the member's ``predict_proba`` returned.
    member_classes : array-like of shape (n_classes,) or None
        The member's own ``classes_``; None if it has none.
    classes : array-like of shape (n_classes,)
        The ensemble's classes.
    name : str
        The member's name, for errors.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        One column per class of the ensemble.

    Raises
    ------
    ValueError
        If the member's classes are not the ensemble's (see `check_classes`), or if it has not one
        column for each of them.
    """
    own = check_classes(member_classes, classes, name)
    array = np.asarray(probabilities, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != len(own):
        raise ValueError(
            f"Member {name!r} knows {len(own)} classes but its predict_proba returned an array "
            f"of shape {array.shape}; one column per class is expected."
        )
    return array[:, [own.index(label) for label in np.asarray(classes).tolist()]]


def predict_member(name: str, member: Any, X: Any, classes: ArrayLike) -> NDArray[np.float64]:
    """Ask a member for probabilities, in the ensemble's order of classes.

    Parameters
    ----------
    name : str
        The member's, for errors.
    member : classifier
        Fitted.
    X : array, sparse matrix, data frame or StoredArray whose first axis is the samples
        Stored ones are predicted a batch at a time.
    classes : array-like of shape (n_classes,)
        The ensemble's classes.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        As `align_columns`.
    """
    if isinstance(X, StoredArray):
        probabilities = X.in_parts(member.predict_proba)
    else:
        probabilities = member.predict_proba(X)
    return align_columns(probabilities, member.classes_, classes, name)


def _refuse(array: NDArray[np.floating[Any]]) -> None:
    """Raise an error for the first fault that there is, in the order of how bad they are."""
    faults: tuple[tuple[str, Any], ...] = (
        ("not finite", ~np.isfinite(array).all(axis=2)),
        ("negative", (array < 0).any(axis=2)),
        (f"not summing to 1 (within {SUM_TOLERANCE:g})", ~is_distribution(array)),
    )
    for fault, bad in faults:
        if bad.any():
            sample, member = np.argwhere(bad)[0]
            raise ValueError(
                f"Member {member} gives probabilities that are {fault} for "
                f"{bad[:, member].sum()} of {len(array)} samples; the first is sample {sample}: "
                f"{array[sample, member].tolist()}."
            )
