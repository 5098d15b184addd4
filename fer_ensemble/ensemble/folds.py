"""Deal samples out to folds, so that none has a copy or a relative in another fold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from fer_ensemble.ensemble.holdout import distinct_samples


def assign_folds(
    X: Any,
    y: ArrayLike,
    *,
    n_splits: int = 5,
    groups: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.intp]:
    """Return the fold of every row, each class spread evenly over the folds.

    Exact copies of one sample stand in one fold, and so does every group. Classes are dealt from
    the one with the fewest groups to the one with the most; within a class, the groups with the
    most samples first, each to the fold that has the fewest of the class. The choice is made
    among the distinct samples: it depends neither on their order nor on how often each occurs.

    Parameters
    ----------
    X : array, sparse matrix or data frame whose first axis is the samples
        Pictures, tables, texts.
    y : array-like of shape (n_samples,)
        Labels.
    n_splits : int
        Number of folds, at least 2.
    groups : array-like of shape (n_samples,), optional
        Samples that belong together, as pictures of one person do.
    random_state : int, RandomState instance or None
        Seed of the choice.

    Returns
    -------
    ndarray of shape (n_samples,), int
        Numbers from 0 to ``n_splits - 1``.

    Raises
    ------
    ValueError
        If a class has fewer distinct samples, or groups, than there are folds, or stands in one
        fold alone because its samples belong to groups of other classes. Counts are named.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1], [2], [3], [1], [2], [3], [4], [5]])
    >>> folds = assign_folds(X, [0, 0, 1, 0, 0, 1, 1, 0], n_splits=2, random_state=0)
    >>> bool((folds[:3] == folds[3:6]).all())
    True
    """
    labels = np.asarray(y)
    distinct, together = distinct_samples(X, labels, groups)
    classes, codes = np.unique(labels[distinct], return_inverse=True)
    counts = np.zeros((together.max() + 1, len(classes)), dtype=np.intp)
    np.add.at(counts, (together[distinct], codes), 1)
    _check_enough(classes, (counts > 0).sum(axis=0), n_splits)
    dealt, in_fold = _deal(counts, n_splits, check_random_state(random_state))
    _check_every_class_is_left(classes, in_fold)
    return dealt[together]


def _check_enough(classes: NDArray[Any], n_groups: NDArray[np.intp], n_splits: int) -> None:
    if n_groups.min() < n_splits:
        raise ValueError(
            f"n_splits={n_splits} folds need {n_splits} distinct samples of each class, in as "
            f"many groups; there are {_listing(classes, n_groups)}. Add samples of the rarest "
            "class, leave it out, or take fewer folds."
        )


def _check_every_class_is_left(classes: NDArray[Any], in_fold: NDArray[np.intp]) -> None:
    for fold, left in enumerate(in_fold.sum(axis=0) - in_fold):
        if not left.all():
            raise ValueError(
                f"Outside fold {fold} there are {_listing(classes, left)} distinct samples: the "
                "members would not know every class. The groups, or copies that disagree on the "
                "label, tie classes together; take other groups, fewer folds or another "
                "random_state."
            )


def _listing(classes: NDArray[Any], counts: NDArray[np.intp]) -> str:
    return ", ".join(f"{label}: {count}" for label, count in zip(classes, counts, strict=True))


def _deal(
    counts: NDArray[np.intp], n_splits: int, random: np.random.RandomState
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the fold of every group, and the samples of each class in each fold."""
    folds = np.full(len(counts), -1, dtype=np.intp)
    in_fold = np.zeros((n_splits, counts.shape[1]), dtype=np.intp)
    for label in np.argsort((counts > 0).sum(axis=0), kind="stable"):
        free = random.permutation(np.flatnonzero((folds < 0) & (counts[:, label] > 0)))
        for group in free[np.argsort(-counts[free].sum(axis=1), kind="stable")]:
            # Of folds that have equally few of the class, one that has few of the group's others.
            crowding = in_fold[:, label], in_fold @ (counts[group] > 0), in_fold.sum(axis=1)
            folds[group] = np.lexsort(crowding[::-1])[0]
            in_fold[folds[group]] += counts[group]
    return folds, in_fold
