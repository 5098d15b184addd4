"""How often sets of labels hold the true one, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.arrays import encode_labels
from fer_ensemble.evaluation.intervals import wilson_interval


@dataclass(frozen=True)
class SetScore:
    """What the sets of some samples are worth.

    Attributes
    ----------
    name : str
        Of the class that all samples have; empty for those of any class.
    n : int
        Number of samples.
    coverage : float or None
        Share of the samples whose set holds the true label; None if there are no samples.
    interval : tuple of (float, float) or None
        Wilson's score interval of that share.
    mean_size : float or None
        Mean number of labels in a set.
    """

    name: str
    n: int
    coverage: float | None
    interval: tuple[float, float] | None
    mean_size: float | None


@dataclass(frozen=True)
class SetEvaluation:
    """What sets are worth, for all samples and for those of each class.

    Attributes
    ----------
    all : SetScore
    per_class : list of SetScore
        In the order of the classes.
    sizes : list of float
        Share of the sets that have no label, one, two, and so on up to all.
    """

    all: SetScore
    per_class: list[SetScore]
    sizes: list[float]

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        return asdict(self)


def evaluate_sets(
    y_true: ArrayLike,
    sets: ArrayLike,
    classes: ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    level: float = 0.95,
) -> SetEvaluation:
    """Measure sets of labels.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true labels.
    sets : array-like of shape (n_samples, n_classes), bool
        Whether each class belongs to the set.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    class_names : sequence of str, optional
        What to call the classes; by default as they are.
    level : float, default=0.95
        Of the intervals.

    Returns
    -------
    SetEvaluation

    Raises
    ------
    ValueError
        If there are no samples, the shapes do not fit, or a label is not among the classes.

    Examples
    --------
    >>> found = evaluate_sets([0, 1], [[True, False], [True, False]], [0, 1])
    >>> found.all.coverage, found.all.mean_size, found.sizes
    (0.5, 1.0, [0.0, 1.0, 0.0])
    """
    labels = encode_labels(y_true, classes)
    members = np.asarray(sets, bool)
    n_classes = np.size(classes)
    if members.shape != (len(labels), n_classes) or not len(labels):
        raise ValueError(
            f"sets must have the shape (n_samples, n_classes), at least one sample: there are "
            f"{len(labels)} labels, {n_classes} classes, and sets of shape {members.shape}."
        )
    held, sizes = members[np.arange(len(labels)), labels], members.sum(axis=1)
    names = list(map(str, np.asarray(classes).tolist())) if class_names is None else class_names
    return SetEvaluation(
        all=_score("", held, sizes, level),
        per_class=[
            _score(name, held[labels == place], sizes[labels == place], level)
            for place, name in enumerate(names)
        ],
        sizes=(np.bincount(sizes, minlength=n_classes + 1) / len(sizes)).tolist(),
    )


def _score(name: str, held: NDArray[np.bool_], sizes: NDArray[np.intp], level: float) -> SetScore:
    if not len(held):
        return SetScore(name, 0, None, None, None)
    interval = wilson_interval(int(held.sum()), len(held), level)
    return SetScore(name, len(held), float(held.mean()), interval, float(sizes.mean()))
