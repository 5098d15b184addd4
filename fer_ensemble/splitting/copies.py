"""Copies of samples, digests by which samples are known again, and who has seen what.

What a model predicts of samples that it was fitted on says nothing of how it predicts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.stored_arrays import StoredArray

# Bytes of stored samples that are compared at a time: most samples differ in their first.
_COMPARED = 16


def copy_groups(X: Any) -> NDArray[np.int64]:
    """Group rows that are exact copies of each other.

    Parameters
    ----------
    X : array-like, sparse matrix or data frame whose first axis is the samples
        Faces, tables, strings or objects. Rows are compared by their bytes, so that -0.0 is no
        copy of 0.0; those of objects by a hash of their content.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        The same number for copies, counted from 0 in the order of first appearance.

    Examples
    --------
    >>> copy_groups(["a", "b", "a"]).tolist()
    [0, 1, 0]
    """
    rows = _as_rows(X.toarray() if hasattr(X, "toarray") else X)
    if rows.dtype.hasobject:
        contents = _object_contents(rows)
    else:
        contents = (row.tobytes() for batch in _in_memory(rows) for row in _flat_rows(batch))
    hashes = b"".join(hashlib.blake2b(content, digest_size=16).digest() for content in contents)
    keys = np.frombuffer(hashes, "V16")
    _, first, groups = np.unique(keys, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[groups].astype(np.int64)


def row_digests(X: Any) -> NDArray[np.uint64]:
    """Return a short hash of every row, by which it is known again.

    Numbers are hashed by their values: rows of equal numbers have the same digest whatever their
    type (integers compare as double precision) and shape, alone or among other rows. That two
    different rows share a digest has a chance of 1 in 2⁶⁴.

    Parameters
    ----------
    X : array-like, sparse matrix or data frame whose first axis is the samples
        Faces, tables, strings or objects. Sparse rows are hashed by their entries that are not
        zero, so that they never equal dense ones.

    Returns
    -------
    ndarray of shape (n_samples,), uint64
        BLAKE2b of 8 bytes.

    Examples
    --------
    >>> import numpy as np
    >>> faces = np.zeros((2, 48, 48), np.uint8)
    >>> faces[1, 0, 0] = 255
    >>> first, second = row_digests(faces)
    >>> bool(first == second)
    False
    >>> bool(row_digests(faces[1:].astype(float).reshape(1, -1))[0] == second)
    True
    """
    if hasattr(X, "tocsr"):
        contents = _sparse_contents(X)
    else:
        rows = _as_rows(X)
        if rows.dtype.kind in "biuf":
            contents = chain.from_iterable(map(_numeric_contents, _in_memory(rows)))
        else:
            contents = _object_contents(rows)
    # Saved ensembles hold these digests, so that neither the hash nor its length may change.
    digests = [hashlib.blake2b(content, digest_size=8).digest() for content in contents]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def content_hash(value: Any) -> str:
    """Hash parameters and data, the latter by what is in them, wherever they are.

    Parameters
    ----------
    value : object
        What `joblib.hash` takes, and `StoredArray`, in lists, tuples and dictionaries.

    Returns
    -------
    str
    """
    from joblib import hash as hash_content

    return str(hash_content(_by_content(value)))


def _by_content(value: Any) -> Any:
    if isinstance(value, StoredArray):
        return ("StoredArray", value.digest())
    if isinstance(value, dict):
        return {name: _by_content(part) for name, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_by_content, value))
    return type(value)(map(_by_content, value)) if type(value) in (list, tuple) else value


def distinct_samples(
    X: Any, y: ArrayLike, groups: ArrayLike | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the distinct samples, and which rows must not be parted.

    Parameters
    ----------
    X : array-like, sparse matrix or data frame whose first axis is the samples
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
    ranks = _content_ranks(X)
    tied = _tie_groups(ranks, groups)
    codes = np.unique(np.asarray(y), return_inverse=True)[1]
    _, distinct = np.unique(np.column_stack([ranks, codes]), axis=0, return_index=True)
    first = np.unique(tied[distinct], return_index=True)[1]
    places = np.argsort(np.argsort(first))
    return distinct, places[np.unique(tied, return_inverse=True)[1]]


def unite_groups(groups: NDArray[np.integer], links: NDArray[np.integer]) -> NDArray[np.int64]:
    """Make one group of all that are linked, directly or by others.

    Parameters
    ----------
    groups : ndarray of shape (n_samples,), int
        Numbers from 0, such as `copy_groups` gives.
    links : ndarray of shape (n_links, 2), int
        Pairs of such numbers; numbers that no sample has may stand between two that are linked.

    Returns
    -------
    ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> import numpy as np
    >>> unite_groups(np.array([0, 1, 0, 2, 3]), np.array([[0, 3]])).tolist()
    [0, 1, 0, 2, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_nodes = max(int(groups.max(initial=-1)), int(links.max(initial=-1))) + 1
    graph = coo_array((np.ones(len(links)), links.T), shape=(n_nodes, n_nodes))
    united = connected_components(graph, directed=False)[1].astype(np.int64)
    return united[groups]


def _tie_groups(copies: NDArray[np.intp], groups: ArrayLike | None) -> NDArray[np.intp]:
    """Give rows the same number that share a copy or a group, even by a chain."""
    if groups is None:
        return copies
    given = np.asarray(groups)
    if given.shape != copies.shape:
        raise ValueError(
            f"groups must hold one value per sample: {len(copies)} in all, not an array of shape "
            f"{given.shape}."
        )
    # Copies and groups are the two kinds of nodes of one graph, and every row is an edge: the
    # groups are numbered on from the copies.
    codes = np.unique(given, return_inverse=True)[1] + copies.max(initial=-1) + 1
    return unite_groups(copies, np.column_stack([copies, codes]))


def _content_ranks(X: Any) -> NDArray[np.intp]:
    """Return the place of every row in the order of the contents; copies share theirs.

    The order means nothing. It is there because it is the same however the rows are shuffled, and
    it decides every draw: another order would give other folds for the same seed.
    """
    if isinstance(X, StoredArray):
        return _stored_ranks(X)
    if hasattr(X, "tocsr"):
        table = row_digests(X)[:, np.newaxis]
    else:
        table = _flat_rows(np.asarray(X))
        if table.dtype.kind == "O":
            from sklearn.preprocessing import OrdinalEncoder

            table = OrdinalEncoder().fit_transform(table)
        table = _without_negative_zeros(table)
    keys = table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel()
    ranks: NDArray[np.intp] = np.unique(keys, return_inverse=True)[1]
    return ranks


def _stored_ranks(X: StoredArray) -> NDArray[np.intp]:
    """Rank rows as `_content_ranks` does, some bytes at a time, as far as they are needed."""
    copies = copy_groups(X)
    undecided = np.unique(copies, return_index=True)[1]
    # Of each group of copies, how many groups come before it, without those that start alike.
    before = np.zeros(len(undecided), np.intp)
    for start in range(0, math.prod(X.shape[1:]) * X.dtype.itemsize, _COMPARED):
        groups = copies[undecided]
        keys = _sort_keys(before[groups], X[undecided], slice(start, start + _COMPARED))
        _, first, number, counts = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )
        smaller = np.cumsum(counts) - counts
        # What comes before those with the same number so far is counted in it already.
        known = before[groups][first]
        smaller -= smaller[np.searchsorted(known, known)]
        before[groups] += smaller[number]
        undecided = undecided[counts[number] > 1]
        if not len(undecided):
            break
    return np.argsort(np.argsort(before))[copies]


def _sort_keys(numbers: NDArray[np.intp], samples: StoredArray, columns: slice) -> NDArray[np.void]:
    """Join numbers, and some bytes of samples, to what sorts by the former and then the latter."""
    parts = [
        # Copied: a view would keep all of its batch.
        _without_negative_zeros(_flat_rows(batch)).view(np.uint8)[:, columns].copy()
        for batch in samples.batches()
    ]
    # Big-endian, so that the order of the bytes is that of the numbers.
    known = numbers.astype(">i8")[:, np.newaxis].view(np.uint8)
    joined = np.hstack([known, np.concatenate(parts)])
    return joined.view(np.dtype((np.void, joined.shape[1]))).ravel()


def _as_rows(X: Any) -> Any:
    return X if isinstance(X, StoredArray) else np.asarray(X)


def _in_memory(rows: Any) -> Iterator[NDArray[Any]]:
    yield from rows.batches() if isinstance(rows, StoredArray) else [rows]


def _numeric_contents(rows: NDArray[Any]) -> Iterator[Any]:
    table = _flat_rows(rows)
    if table.dtype == np.uint8:
        yield from table
        return
    for row in table:
        # Faces are mostly given as bytes, so whatever equals bytes is hashed as bytes.
        with np.errstate(invalid="ignore"):
            pixels = row.astype(np.uint8)
        is_bytes = np.array_equal(pixels, row)
        yield pixels if is_bytes else _without_negative_zeros(row.astype(np.float64))


def _object_contents(rows: NDArray[Any]) -> Iterator[bytes]:
    from joblib import hash as content_hash

    # As lists, so that the hash does not depend on how NumPy stores them.
    return (content_hash(row).encode() for row in rows.astype(object).tolist())


def _sparse_contents(X: Any) -> Iterator[bytes]:
    from scipy import sparse

    table = sparse.csr_array(X, copy=True)
    # One matrix can be stored in many ways: entries in parts, or zeros among them.
    table.sum_duplicates()
    table.eliminate_zeros()
    for start, stop in zip(table.indptr[:-1], table.indptr[1:], strict=True):
        values = table.data[start:stop].astype(np.float64)
        yield table.indices[start:stop].astype(np.int64).tobytes() + values.tobytes()


def _flat_rows(rows: NDArray[Any]) -> NDArray[Any]:
    """Return every sample as one row of memory, whatever its shape."""
    # Not -1, which NumPy cannot work out for no rows at all.
    return np.ascontiguousarray(rows).reshape(len(rows), math.prod(rows.shape[1:]))


def _without_negative_zeros(values: NDArray[Any]) -> NDArray[Any]:
    # Adding zero turns -0.0 into 0.0, which equals it but has other bytes.
    return values + 0 if values.dtype.kind == "f" else values


def check_unseen(members: Iterable[tuple[str, Any]], X: Any, what: str = "samples") -> None:
    """Raise an error if a frozen member was fitted on held-out samples.

    The estimators of this package keep ``training_digests_``, the sorted digests of the samples
    given to their ``fit``, the share that they hold out themselves included; samples that they
    were given as ``validation_data`` are not counted. To an estimator of another make the
    attribute can be given by hand: ``np.unique(row_digests(X_train))``. Nothing is known of one
    without it.

    Parameters
    ----------
    members : iterable of (str, estimator)
        Frozen ones are looked at, and frozen parts of others, such as the classifier in
        ``CalibratedClassifierCV(FrozenEstimator(classifier))``.
    X : array-like, sparse matrix or data frame whose first axis is the samples
        The samples held out.
    what : str, default='samples'
        Their name in an error.

    Raises
    ------
    ValueError
        If samples are known again; they are counted, and the first ones named.
    """
    known = list(_frozen_digests(members))
    # Hashing takes its time, and mostly no member is frozen.
    if known:
        digests = row_digests(X)
        for name, seen in known:
            raise_if_seen(f"Member {name!r} was fitted on", np.isin(digests, seen), what)


def raise_if_seen(fault: str, seen: NDArray[np.bool_], what: str) -> None:
    """Raise an error if samples that must be new are not.

    Parameters
    ----------
    fault : str
        The beginning of the error.
    seen : ndarray of shape (n_samples,), bool
        Which samples are not new.
    what : str
        The name of the samples.

    Raises
    ------
    ValueError
        If there is one.
    """
    rows = np.flatnonzero(seen)
    if rows.size:
        listing = ", ".join(map(str, rows[:5])) + ", …" * (rows.size > 5)
        raise ValueError(
            f"{fault} {rows.size} of the {len(seen)} {what} (rows {listing}): what members say "
            "of samples that they have seen tells nothing of how they predict. Leave these rows "
            "out, or fit the members without them."
        )


def seen_digests(members: Iterable[tuple[str, Any]], *samples: Any) -> NDArray[np.uint64]:
    """Return what an ensemble keeps as its own ``training_digests_``.

    Parameters
    ----------
    members : iterable of (str, estimator)
        What its frozen members are known to have been fitted on is counted in.
    *samples : array-like, sparse matrix or data frame
        Samples that the ensemble itself was fitted on.

    Returns
    -------
    ndarray of uint64
        Sorted, each once; see :func:`~fer_ensemble.splitting.row_digests`.
    """
    digests = [row_digests(X) for X in samples] + [seen for _, seen in _frozen_digests(members)]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *digests]))


def _frozen_digests(members: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, NDArray[np.uint64]]]:
    from sklearn.frozen import FrozenEstimator

    for name, member in members:
        # The only parameter of a frozen estimator is the one within, which is not frozen itself.
        parts = [member] if isinstance(member, FrozenEstimator) else member.get_params().values()
        for part in parts:
            # A part that is not frozen is fitted anew, so that what it saw before does not count.
            if isinstance(part, FrozenEstimator) and hasattr(part, "training_digests_"):
                yield name, np.asarray(part.training_digests_)
