"""Know samples again: copies within data, digests, and who has seen what."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def copy_groups(X: ArrayLike) -> NDArray[np.int64]:
    """Group rows that are exact copies of each other.

    Parameters
    ----------
    X : array-like of shape (n_samples, ...)
        Images, vectors, strings or objects; rows are compared by their bytes, those of objects
        by a hash of their content.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        The same number for copies, counted from 0 in the order of first appearance.
    """
    rows = np.ascontiguousarray(X.toarray() if hasattr(X, "toarray") else X)
    if rows.dtype.hasobject:
        from joblib import hash as content_hash

        keys = [content_hash(row) for row in rows]
    else:
        keys = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def row_digests(X: Any) -> NDArray[np.uint64]:
    """Return a short hash of every row, by which it is known again.

    Numbers are hashed by their values: rows of equal numbers have the same digest whatever their
    type (integers compare as double precision) and shape, alone or among other rows. That two
    different rows share a digest has a chance of 1 in 2⁶⁴.

    Parameters
    ----------
    X : array, sparse matrix or data frame whose first axis is the samples
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
        rows = np.asarray(X)
        is_numeric = rows.dtype.kind in "biuf"
        contents = _numeric_contents(rows) if is_numeric else _object_contents(rows)
    digests = [hashlib.blake2b(content, digest_size=8).digest() for content in contents]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _numeric_contents(rows: NDArray[Any]) -> Iterator[Any]:
    table = np.ascontiguousarray(rows).reshape(len(rows), math.prod(rows.shape[1:]))
    if table.dtype == np.uint8:
        yield from table
        return
    for row in table:
        # Faces are mostly given as bytes, so whatever equals bytes is hashed as bytes.
        with np.errstate(invalid="ignore"):
            pixels = row.astype(np.uint8)
        # Adding zero turns -0.0 into 0.0, which equals it but has other bytes.
        yield pixels if np.array_equal(pixels, row) else row.astype(np.float64) + 0.0


def _object_contents(rows: NDArray[Any]) -> Iterator[bytes]:
    from joblib import hash as content_hash

    # As lists, so that the hash does not depend on how NumPy stores them.
    return (content_hash(row).encode() for row in rows.astype(object).tolist())


def _sparse_contents(X: Any) -> Iterator[bytes]:
    from scipy import sparse

    table = sparse.csr_array(X, copy=True)
    table.sum_duplicates()
    table.eliminate_zeros()
    for start, stop in zip(table.indptr[:-1], table.indptr[1:], strict=True):
        values = table.data[start:stop].astype(np.float64)
        yield table.indices[start:stop].astype(np.int64).tobytes() + values.tobytes()


def check_unseen(members: Iterable[tuple[str, Any]], X: Any, what: str = "samples") -> None:
    """Refuse held-out samples on which a frozen member was fitted.

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
    X : array, sparse matrix or data frame whose first axis is the samples
        The samples held out.
    what : str
        Their name in an error.

    Raises
    ------
    ValueError
        If samples are known again; they are counted, and the first ones named.
    """
    known = list(_known(members))
    if known:
        digests = row_digests(X)
        for name, seen in known:
            refuse(f"Member {name!r} was fitted on", np.isin(digests, seen), what)


def refuse(fault: str, seen: NDArray[np.bool_], what: str) -> None:
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
    *samples : array, sparse matrix or data frame
        Samples that the ensemble itself was fitted on.

    Returns
    -------
    ndarray of uint64
        Sorted, each once; see `fer_ensemble.datasets.row_digests`.
    """
    digests = [row_digests(X) for X in samples] + [seen for _, seen in _known(members)]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *digests]))


def _known(members: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, NDArray[np.uint64]]]:
    from sklearn.frozen import FrozenEstimator

    for name, member in members:
        parts = [member] if isinstance(member, FrozenEstimator) else member.get_params().values()
        for part in parts:
            if isinstance(part, FrozenEstimator) and hasattr(part, "training_digests_"):
                yield name, np.asarray(part.training_digests_)
