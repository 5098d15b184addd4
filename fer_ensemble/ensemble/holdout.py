"""Choose the rows that are held out of an ensemble's fit, whatever form the samples have."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from fer_ensemble.datasets.splits import copy_groups, holdout_split


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
    rows = _as_table(X)
    together = _merged(copy_groups(rows), groups)
    # One row stands for each distinct sample; copies that disagree on the label keep one
    # for either label, in the same group.
    content = _ranks(rows)
    codes = np.unique(labels, return_inverse=True)[1]
    _, chosen = np.unique(np.column_stack([content, codes]), axis=0, return_index=True)
    _, first, renumbered = np.unique(together[chosen], return_index=True, return_inverse=True)
    in_order = np.argsort(np.argsort(first))[renumbered]
    divisible = _divisible(codes[chosen], in_order)
    if not divisible.any():
        names, counts = np.unique(labels[chosen], return_counts=True)
        listing = ", ".join(f"{name}: {n}" for name, n in zip(names, counts, strict=True))
        raise ValueError(
            "Nothing can be held out: no class has two distinct samples in two groups (distinct "
            f"samples by class: {listing})."
        )
    chosen = chosen[divisible]
    _, held = holdout_split(
        labels[chosen], test_size=fraction, groups=in_order[divisible], random_state=random_state
    )
    is_held = np.isin(together, together[chosen[held]])
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


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
        return _sparse_digests(X)
    array = np.asarray(X)
    array = np.ascontiguousarray(array.reshape(len(array), -1))
    if array.dtype.kind == "O":
        from sklearn.preprocessing import OrdinalEncoder

        array = OrdinalEncoder().fit_transform(array)
    # Adding zero turns -0.0 into 0.0, which equals it but has other bytes.
    return array + 0 if array.dtype.kind == "f" else array


def _sparse_digests(X: Any) -> NDArray[np.uint8]:
    table = sparse.csr_array(X, copy=True)
    table.sum_duplicates()
    table.eliminate_zeros()
    digests = bytearray()
    for start, stop in zip(table.indptr[:-1], table.indptr[1:], strict=True):
        row = hashlib.sha256(table.indices[start:stop].astype(np.int64).tobytes())
        row.update(table.data[start:stop].tobytes())
        digests += row.digest()
    return np.frombuffer(bytes(digests), dtype=np.uint8).reshape(table.shape[0], -1)


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
