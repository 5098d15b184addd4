"""The same figures for each group of samples: by age, by lighting, by source, by anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.arrays import check_count
from fer_ensemble.evaluation.metrics import Evaluation, evaluate_predictions

MISSING = "(missing)"
"""The group of the samples that name none."""


@dataclass(frozen=True, eq=False)
class GroupScore:
    """Figures of one group.

    Attributes
    ----------
    group : object
        What the samples have in common.
    small : bool
        Whether they are so few that little can be said of them: look at n and the interval.
    scores : Evaluation
        The figures.
    """

    group: Any
    small: bool
    scores: Evaluation

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        return {"group": self.group, "small": self.small, **self.scores.to_dict()}


def evaluate_groups(
    y_true: ArrayLike,
    y_pred: ArrayLike | None = None,
    *,
    groups: ArrayLike,
    order: Sequence[Any] | None = None,
    probabilities: ArrayLike | None = None,
    answered: ArrayLike | None = None,
    small: int = 30,
    **options: Any,
) -> tuple[GroupScore, ...]:
    """Measure the predictions of every group of samples.

    Parameters
    ----------
    y_true, y_pred, probabilities, answered
        See `evaluate_predictions`.
    groups : array-like of shape (n_samples,)
        The group of each sample: any labels or numbers, each value a group. None, NaN and empty
        text are the group "(missing)".
    order : sequence, optional
        Groups in the order to give them; others follow.
    small : int, default=30
        Groups of fewer samples are marked.
    **options
        ``classes`` and what else `evaluate_predictions` takes.

    Returns
    -------
    tuple of GroupScore
        By `order`, then sorted by group, numbers before text; "(missing)" comes last.

    Raises
    ------
    ValueError
        If there is not one group for each sample, or as `evaluate_predictions`.

    Notes
    -----
    Differences between groups are subject to chance as the groups themselves are, and the more
    groups are compared, the sooner two differ by chance alone: `compare_groups` tests for it.

    Examples
    --------
    >>> found = evaluate_groups(
    ...     [0, 1, 1], [0, 1, 0], groups=["indoors", "indoors", "outdoors"], classes=[0, 1]
    ... )
    >>> [(part.group, part.scores.n, part.scores.accuracy, part.small) for part in found]
    [('indoors', 2, 1.0, True), ('outdoors', 1, 0.0, True)]
    """
    truth, small = np.asarray(y_true), check_count(small, "small")
    place, names = _places(groups, len(truth), list(order or ()))
    columns = {"y_pred": y_pred, "probabilities": probabilities, "answered": answered}
    arrays = {name: np.asarray(x) for name, x in columns.items() if x is not None}
    for name, array in arrays.items():
        if array.shape[:1] != truth.shape:
            raise ValueError(f"y_true has {len(truth)} samples and {name} {len(array)}.")
    found = []
    for i, name in enumerate(names):
        rows = place == i
        part = {column: array[rows] for column, array in arrays.items()}
        scores = evaluate_predictions(truth[rows], **part, **options)
        found.append(GroupScore(name, scores.n < small, scores))
    return tuple(found)


def _places(groups: ArrayLike, n: int, order: list[Any]) -> tuple[NDArray[np.intp], list[Any]]:
    # A list of numbers and text must not become text altogether.
    array = groups if isinstance(groups, np.ndarray) else np.asarray(groups, dtype=object)
    if array.shape != (n,):
        raise ValueError(
            f"groups must name one group for each of {n} samples; its shape is {array.shape}."
        )
    values = [MISSING if x is None or x != x or x == "" else x for x in array.tolist()]
    first = [name for name in order if name in values]
    others = set(values).difference(first)
    names = first + sorted(others, key=lambda x: (x == MISSING, isinstance(x, str), x))
    position = {name: i for i, name in enumerate(names)}
    return np.array([position[value] for value in values], dtype=np.intp), names
