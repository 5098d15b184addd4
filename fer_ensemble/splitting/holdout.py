"""Hold rows out, or deal them out to folds, so that no copy stands on both sides.

scikit-learn's own splitters know groups, but not copies, and draw among the rows in their order.
Here copies are groups too, and where samples are given, the draw is made among the distinct ones:
to shuffle the data, or to repeat a row in place of a larger weight, changes nothing.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.splitting.copies import distinct_samples


def holdout_split(
    y: ArrayLike,
    *,
    test_size: float,
    groups: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split rows in two, each class in proportion, groups kept together.

    Each class has at least one row on each side. Classes are served from the rarest to the most
    common one, so that a group whose rows disagree on the class counts for the rarer.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Classes.
    test_size : float or int
        Part of each class to hold out (between 0 and 1), or how many rows in all; met up to
        rounding within the classes and the sizes of the groups.
    groups : array-like of shape (n_samples,), optional
        Rows with the same value stay on one side, such as `copy_groups` gives.
    random_state : int, RandomState or None, default=None
        Seed of the draw.

    Returns
    -------
    train_indices, test_indices : ndarray of int
        Ascending.

    Raises
    ------
    ValueError
        If `test_size` is out of range, or a class cannot have a row on each side.

    See Also
    --------
    distinct_holdout_split : Finds copies itself, and depends neither on the order nor on how often
        a sample occurs.
    """
    from sklearn.utils import check_consistent_length, check_random_state

    classes, y_index = np.unique(np.asarray(y), return_inverse=True)
    n_samples = len(y_index)
    if n_samples == 0:
        raise ValueError("there are no rows to split")
    check_consistent_length(y, groups)
    share = test_size / n_samples if isinstance(test_size, Integral) else float(test_size)
    if not 0 < share < 1:
        raise ValueError(
            f"test_size must be between 0 and 1, or a count below the {n_samples} rows; "
            f"got {test_size}"
        )
    rows = np.arange(n_samples) if groups is None else np.asarray(groups)
    group_index = np.unique(rows, return_inverse=True)[1]
    groups_of = [np.unique(group_index[y_index == index]) for index in range(len(classes))]
    for name, of_class, count in zip(classes, groups_of, np.bincount(y_index), strict=True):
        if len(of_class) < 2:
            raise ValueError(
                f"class {name} has {count} row(s), in one group of copies; to hold some out, each "
                "class needs rows in two groups. Add rows of it or leave it out."
            )
    rng = check_random_state(random_state)
    is_test = np.zeros(group_index.max() + 1, bool)
    is_placed = np.zeros_like(is_test)
    for of_class in sorted(groups_of, key=len):
        # Groups that rarer classes share are placed already: only what lacks is drawn.
        wanted = min(max(round(share * len(of_class)), 1), len(of_class) - 1)
        free = of_class[~is_placed[of_class]]
        lacking = min(max(wanted - int(is_test[of_class].sum()), 0), len(free))
        is_test[rng.permutation(free)[:lacking]] = True
        is_placed[of_class] = True
    row_is_test = is_test[group_index]
    _check_sides(classes, y_index, row_is_test)
    return np.flatnonzero(~row_is_test), np.flatnonzero(row_is_test)


def distinct_holdout_split(
    X: Any,
    y: ArrayLike,
    *,
    test_size: float,
    groups: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split samples in two as `holdout_split` does, by a draw among the distinct ones.

    Exact copies of one sample stay on one side, and so does every group. The choice depends
    neither on the order of the rows nor on how often each sample occurs, so that repeating a row
    is the same as giving it more weight. A class of a single distinct sample, or group, cannot be
    on both sides and is fitted on as a whole.

    Parameters
    ----------
    X : array-like, sparse matrix or data frame whose first axis is the samples
        Pictures, tables, texts.
    y : array-like of shape (n_samples,)
        Labels.
    test_size : float
        Share of the distinct samples of each class to hold out, between 0 and 1.
    groups : array-like of shape (n_samples,), optional
        Samples that belong together, as pictures of one person do.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice.

    Returns
    -------
    train_indices, test_indices : ndarray of int
        Ascending.

    Raises
    ------
    ValueError
        If there is no class with two distinct samples, or groups, that could be divided.
    """
    labels = np.asarray(y)
    distinct, together = distinct_samples(X, labels, groups)
    divisible = _divisible(np.unique(labels[distinct], return_inverse=True)[1], together[distinct])
    if not divisible.any():
        counts = _listing(*np.unique(labels[distinct], return_counts=True))
        raise ValueError(
            "Nothing can be held out: no class has two distinct samples in two groups (distinct "
            f"samples by class: {counts})."
        )
    distinct = distinct[divisible]
    _, held = holdout_split(
        labels[distinct],
        test_size=test_size,
        groups=together[distinct],
        random_state=random_state,
    )
    is_held = np.isin(together, together[distinct[held]])
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


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
    X : array-like, sparse matrix or data frame whose first axis is the samples
        Pictures, tables, texts.
    y : array-like of shape (n_samples,)
        Labels.
    n_splits : int, default=5
        Number of folds, at least 2.
    groups : array-like of shape (n_samples,), optional
        Samples that belong together, as pictures of one person do.
    random_state : int, RandomState instance or None, default=None
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
    from sklearn.utils import check_random_state

    labels = np.asarray(y)
    distinct, together = distinct_samples(X, labels, groups)
    classes, codes = np.unique(labels[distinct], return_inverse=True)
    counts = np.zeros((together.max() + 1, len(classes)), dtype=np.intp)
    np.add.at(counts, (together[distinct], codes), 1)
    _check_enough(classes, (counts > 0).sum(axis=0), n_splits)
    fold_of_group, in_fold = _deal(counts, n_splits, check_random_state(random_state))
    _check_every_class_is_left(classes, in_fold)
    return fold_of_group[together]


def _check_sides(
    classes: NDArray[Any], y_index: NDArray[np.intp], row_is_test: NDArray[np.bool_]
) -> None:
    n_test = np.bincount(y_index[row_is_test], minlength=len(classes))
    for name, n_out, n_all in zip(classes, n_test, np.bincount(y_index), strict=True):
        if n_out in (0, n_all):
            raise ValueError(
                f"class {name} cannot have rows on both sides: its rows are copies of rows of "
                "other classes. Remove copies that disagree on the class."
            )


def _divisible(codes: NDArray[np.intp], groups: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which rows remain when every class has two groups among those that remain."""
    remain = np.ones(len(codes), dtype=bool)
    # A class that goes takes its groups along, and so perhaps rows that another class needs.
    while remain.any():
        pairs = np.unique(np.column_stack([codes[remain], groups[remain]]), axis=0)
        classes, n_groups = np.unique(pairs[:, 0], return_counts=True)
        alone = np.isin(codes, classes[n_groups < 2]) & remain
        if not alone.any():
            break
        remain &= ~np.isin(groups, groups[alone])
    return remain


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
    # The rarest class first, while every fold is still free to take its groups.
    for label in np.argsort((counts > 0).sum(axis=0), kind="stable"):
        free = random.permutation(np.flatnonzero((folds < 0) & (counts[:, label] > 0)))
        # Large groups first: small ones can level out what these leave uneven. The sort is
        # stable, so that groups of one size stay in the order of the draw.
        for group in free[np.argsort(-counts[free].sum(axis=1), kind="stable")]:
            # Of folds that have equally few of the class, one that has few of the group's others.
            crowding = in_fold[:, label], in_fold @ (counts[group] > 0), in_fold.sum(axis=1)
            folds[group] = np.lexsort(crowding[::-1])[0]
            in_fold[folds[group]] += counts[group]
    return folds, in_fold
