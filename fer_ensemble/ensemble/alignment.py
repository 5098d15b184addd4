"""Bring labels and the columns of members into one declared order of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def encode_labels(y: ArrayLike, classes: ArrayLike, *, what: str = "y") -> NDArray[np.intp]:
    """Return the position of every label in a list of classes.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type that can be sorted.
    classes : array-like of shape (n_classes,)
        The classes, each once, in any order.
    what : str
        The name of the labels in an error.

    Returns
    -------
    ndarray of shape (n_samples,)
        Indices into `classes`.

    Raises
    ------
    ValueError
        If labels are not among the classes; they are listed with their counts.
    """
    labels, inverse = np.unique(np.asarray(y), return_inverse=True)
    position = {label: i for i, label in enumerate(np.asarray(classes).tolist())}
    columns = np.array([position.get(label, -1) for label in labels.tolist()], dtype=np.intp)
    if (columns < 0).any():
        counts = np.bincount(inverse, minlength=len(labels))
        listing = ", ".join(f"{labels[i]!s} ({counts[i]}×)" for i in np.flatnonzero(columns < 0))
        raise ValueError(
            f"{what} holds labels that are not among the {len(position)} classes "
            f"{list(position)}: {listing}."
        )
    encoded: NDArray[np.intp] = columns[inverse]
    return encoded


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
