"""Choose the rows that are held out of an ensemble's fit, whatever form the samples have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from fer_ensemble.datasets.splits import copy_groups, holdout_split, row_digests


def hold_out(
    X: Any,
    y: ArrayLike,
    *,
    fraction: float,
    groups: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Divide rows into those to fit on and those to hold out, each class in proportion.

    Exact copies of one sample stay on one side, and so does every group. The choice is made
    among the distinct samples: it depends neither on their order nor on how often each occurs,
    so that repeating a row is the same as giving it more weight. A class of a single distinct
    sample, or group, cannot be on both sides and is fitted on as a whole.

    Parameters
    ----------
    X : array, sparse matrix or data frame whose first axis is the samples
        Pictures, tables, texts.
    y : array-like of shape (n_samples,)
        Labels.
    fraction : float
        Share of the distinct samples of each class to hold out, between 0 and 1.
    groups : array-like of shape (n_samples,), optional
        Samples that belong together, as pictures of one person do.
    random_state : int, RandomState instance or None
        Seed of the choice.

    Returns
    -------
    fitted, held : ndarray of int
        Two sorted arrays of row numbers that share none.

    Raises
    ------
    ValueError
        If there is no class with two distinct samples, or groups, that could be divided.
    """
    labels = np.asarray(y)
    distinct, together = distinct_samples(X, labels, groups)
    divisible = _divisible(np.unique(labels[distinct], return_inverse=True)[1], together[distinct])
    if not divisible.any():
        names, counts = np.unique(labels[distinct], return_counts=True)
        listing = ", ".join(f"{name}: {n}" for name, n in zip(names, counts, strict=True))
        raise ValueError(
            "Nothing can be held out: no class has two distinct samples in two groups (distinct "
            f"samples by class: {listing})."
        )
    distinct = distinct[divisible]
    _, held = holdout_split(
        labels[distinct],
        test_size=fraction,
        groups=together[distinct],
        random_state=random_state,
    )
    is_held = np.isin(together, together[distinct[held]])
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def distinct_samples(
    X: Any, y: ArrayLike, groups: ArrayLike | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the distinct samples, and which rows must not be parted.

    Parameters
    ----------
    X : array, sparse matrix or data frame whose first axis is the samples
        Pictures, tables, texts.
    y : array-like of shape (n_samples,)
        Labels.
    groups : array-like of shape (n_samples,), optional
        Samples that belong together, as pictures of one person do.

    Returns
    -------
    distinct : ndarray of int
        One row of each distinct sample, in the order of their content. Copies that disagree on
        the label have one for either label.
    together : ndarray of shape (n_samples,), int
        The same number for rows that share a copy or a group, even by a chain; counted from 0
        in the order of `distinct`, so that it does not depend on the order of the rows.

    Raises
    ------
    ValueError
        If there is not one group per sample.
    """
    rows = _as_table(X)
    merged = _merged(copy_groups(rows), groups)
    codes = np.unique(np.asarray(y), return_inverse=True)[1]
    _, distinct = np.unique(np.column_stack([_ranks(rows), codes]), axis=0, return_index=True)
    first = np.unique(merged[distinct], return_index=True)[1]
    places = np.argsort(np.argsort(first))
    return distinct, places[np.unique(merged, return_inverse=True)[1]]


def _divisible(codes: NDArray[np.intp], groups: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which rows remain when every class has two groups among those that remain."""
    remain = np.ones(len(codes), dtype=bool)
    while remain.any():
        pairs = np.unique(np.column_stack([codes[remain], groups[remain]]), axis=0)
        classes, n_groups = np.unique(pairs[:, 0], return_counts=True)
        alone = np.isin(codes, classes[n_groups < 2]) & remain
        if not alone.any():
            break
        remain &= ~np.isin(groups, groups[alone])
    return remain


def _as_table(X: Any) -> NDArray[Any]:
    """Return one row of comparable numbers per sample, equal where the samples are equal."""
    if sparse.issparse(X):
        return row_digests(X)[:, np.newaxis]
    array = np.asarray(X)
    array = np.ascontiguousarray(array.reshape(len(array), -1))
    if array.dtype.kind == "O":
        from sklearn.preprocessing import OrdinalEncoder

        array = OrdinalEncoder().fit_transform(array)
    # Adding zero turns -0.0 into 0.0, which equals it but has other bytes.
    return array + 0 if array.dtype.kind == "f" else array


def _ranks(rows: NDArray[Any]) -> NDArray[np.intp]:
    """Return the place of every row in the order of the rows' bytes."""
    keys = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    ranks: NDArray[np.intp] = np.unique(keys, return_inverse=True)[1]
    return ranks


def _merged(copies: NDArray[np.intp], groups: ArrayLike | None) -> NDArray[np.intp]:
    """Return groups in which rows stand together that share a copy or a group, even by a chain."""
    copies = np.unique(copies, return_inverse=True)[1]
    if groups is None:
        return copies
    given = np.asarray(groups)
    if given.shape != copies.shape:
        raise ValueError(
            f"groups must hold one value per sample: {len(copies)} in all, not an array of shape "
            f"{given.shape}."
        )
    given = np.unique(given, return_inverse=True)[1]
    offset = int(copies.max()) + 1
    n_nodes = offset + int(given.max()) + 1
    links = sparse.coo_array(
        (np.ones(len(copies), dtype=bool), (copies, given + offset)), shape=(n_nodes, n_nodes)
    )
    components: NDArray[np.intp] = connected_components(links, directed=False)[1]
    return components[copies]
