"""Split rows so that no exact copy stands on both sides."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from numbers import Integral
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


def holdout_split(
    y: ArrayLike,
    *,
    test_size: float,
    groups: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
    train_indices, test_indices : ndarray of int64
        Ascending.

    Raises
    ------
    ValueError
        If `test_size` is out of range, or a class cannot have a row on each side.
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
    members = [np.unique(group_index[y_index == index]) for index in range(len(classes))]
    for name, of_class, count in zip(classes, members, np.bincount(y_index), strict=True):
        if len(of_class) < 2:
            raise ValueError(
                f"class {name} has {count} row(s), in one group of copies; to hold some out, each "
                "class needs rows in two groups. Add rows of it or leave it out."
            )
    rng = check_random_state(random_state)
    is_test = np.zeros(group_index.max() + 1, bool)
    is_placed = np.zeros_like(is_test)
    for of_class in sorted(members, key=len):
        wanted = min(max(round(share * len(of_class)), 1), len(of_class) - 1)
        free = of_class[~is_placed[of_class]]
        lacking = min(max(wanted - int(is_test[of_class].sum()), 0), len(free))
        is_test[rng.permutation(free)[:lacking]] = True
        is_placed[of_class] = True
    row_is_test = is_test[group_index]
    _check_sides(classes, y_index, row_is_test)
    return np.flatnonzero(~row_is_test), np.flatnonzero(row_is_test)


def _check_sides(
    classes: NDArray[Any], y_index: NDArray[np.int64], row_is_test: NDArray[np.bool_]
) -> None:
    n_test = np.bincount(y_index[row_is_test], minlength=len(classes))
    for name, n_out, n_all in zip(classes, n_test, np.bincount(y_index), strict=True):
        if n_out in (0, n_all):
            raise ValueError(
                f"class {name} cannot have rows on both sides: its rows are copies of rows of "
                "other classes. Remove copies that disagree on the class."
            )
