"""Bring classes to a number of samples, by repeating some and leaving others out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TARGETS: dict[str, Any] = {"max": np.max, "min": np.min, "mean": np.mean}


@dataclass(frozen=True)
class BalancedRows:
    """Which samples to take so that classes have the wanted number.

    Parameters
    ----------
    rows : ndarray of shape (n_after,)
        Their rows, some of them more than once; in the order of the rows, repetitions last.
    repeated : ndarray of bool of shape (n_after,)
        Which of `rows` repeat an earlier one.
    before, after : dict
        Samples of each label.
    """

    rows: NDArray[np.intp]
    repeated: NDArray[np.bool_]
    before: dict[Any, int]
    after: dict[Any, int]


def balance_rows(
    y: ArrayLike,
    target: int | str | Mapping[Any, int],
    random_state: int | np.random.RandomState | None = None,
) -> BalancedRows:
    """Choose rows so that classes have a wanted number of samples.

    A class with fewer is oversampled: each sample is repeated as often as any other, give or take
    one. A class with more is undersampled: some are left out at random. Balance training data
    only, after test data have been set apart: a sample repeated on both sides is a leak.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type.
    target : int, mapping of label to int, or {'max', 'min', 'mean'}
        Samples wanted of every class, of each class named (others stay as they are), or as many
        as the largest, the smallest or the average class has.
    random_state : int, RandomState instance or None, default=None
        Source of the draw.

    Returns
    -------
    BalancedRows

    Raises
    ------
    ValueError
        If `target` is none of these, names a label that `y` lacks, or is below 1.

    Examples
    --------
    >>> from fer_ensemble.datasets import balance_rows
    >>> balanced = balance_rows(["happy"] * 5 + ["disgust"], 3, random_state=0)
    >>> balanced.before, balanced.after
    ({'disgust': 1, 'happy': 5}, {'disgust': 3, 'happy': 3})
    """
    from sklearn.utils import check_random_state

    labels, targets = np.unique(np.asarray(y), return_inverse=True)
    counts = np.bincount(targets)
    wanted = _wanted(target, labels, counts)
    random = check_random_state(random_state)
    first, again = [], []
    # Classes are drawn one after the other, in the order of their labels: recorded figures rest on
    # these draws.
    for label, (count, size) in enumerate(zip(counts, wanted, strict=True)):
        rows = np.flatnonzero(targets == label)
        kept = rows if size >= count else random.choice(rows, size, replace=False)
        first.append(np.sort(kept))
        # Whole rounds, so that no sample is repeated twice before each was repeated once.
        rounds = [random.permutation(rows) for _ in range(-(-max(size - count, 0) // count))]
        again.append(np.concatenate([rows[:0], *rounds])[: max(size - count, 0)])
    kept_rows, repeated_rows = np.sort(np.concatenate(first)), np.concatenate(again)
    names = labels.tolist()
    return BalancedRows(
        rows=np.concatenate([kept_rows, repeated_rows]),
        repeated=np.arange(len(kept_rows) + len(repeated_rows)) >= len(kept_rows),
        before=dict(zip(names, counts.tolist(), strict=True)),
        after=dict(zip(names, wanted.tolist(), strict=True)),
    )


def _wanted(
    target: int | str | Mapping[Any, int], labels: NDArray[Any], counts: NDArray[np.intp]
) -> NDArray[np.intp]:
    if isinstance(target, str):
        if target not in _TARGETS:
            raise ValueError(
                f"Cannot balance to {target!r}: give a number, a mapping from label to number, "
                f"or one of {sorted(_TARGETS)}."
            )
        wanted = np.full(len(counts), int(_TARGETS[target](counts)))
    elif isinstance(target, Mapping):
        unknown = [label for label in target if label not in labels.tolist()]
        if unknown:
            raise ValueError(f"Cannot balance labels {unknown}: there are {labels.tolist()}.")
        wanted = np.array(
            [target.get(label, n) for label, n in zip(labels.tolist(), counts, strict=True)]
        )
    else:
        wanted = np.full(len(counts), target)
    if wanted.min() < 1:
        raise ValueError(f"Cannot balance to {target}: every class keeps at least one sample.")
    return wanted
