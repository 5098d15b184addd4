"""Arrays in files, of which only the rows that are asked for are read.

By reads and not by a memory map: what was touched of a map counts as memory of the process until
the system takes it back, and who trains under a limit would be killed for it.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from fer_ensemble.atomic_files import open_atomically

#: Rows that are read, changed and written at a time: 9 MB of faces, 26 MB of HOG features.
BATCH = 4096

_HEADER = 128  # bytes of it, which are written anew once the number of rows is known

Change = Callable[[NDArray[Any]], NDArray[Any]]


class StoredArray:
    """The rows of one or several ``.npy`` files, or some of them, read when they are needed.

    It has the shape and the type of an array and is indexed by rows as one. A slice, a mask or
    numbers of rows give a `StoredArray` again and read nothing; one number gives a row, and
    `numpy.asarray` reads everything. Copies in other processes, which open the files themselves,
    cost no more than the numbers of their rows.

    Parameters
    ----------
    paths : path-like or sequence of path-like
        Files that `numpy.save` wrote, or `write_array`, in this order; all of one type, and of one
        shape beyond the rows.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype

    Raises
    ------
    ValueError
        If a file is no such array, is cut short, or does not go with the first.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     stored = write_array(f"{folder}/faces.npy", [np.zeros((3, 48, 48), np.uint8)])
    ...     some = stored[[0, 2]]
    ...     some.shape, np.asarray(some).max()
    ((2, 48, 48), np.uint8(0))
    """

    def __init__(self, paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> None:
        given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        self._files = tuple(map(_read_header, given))
        first = self._files[0]
        for file in self._files:
            if (file.shape[1:], file.dtype) != (first.shape[1:], first.dtype):
                raise ValueError(
                    f"{file.path} holds {file.dtype} of shape {file.shape[1:]} a row, and "
                    f"{first.path} {first.dtype} of shape {first.shape[1:]}: they cannot be joined."
                )
        self._rows = np.arange(self._n_stored)
        self._changes: tuple[Change, ...] = ()
        self._sample_shape, self.dtype = first.shape[1:], first.dtype
        self._digest: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """See above."""
        return (len(self._rows), *self._sample_shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return 1 + len(self._sample_shape)

    @property
    def nbytes(self) -> int:
        """What all rows would take in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Any:
        """Choose rows; only one that is chosen by its number is read at once."""
        if isinstance(key, tuple):  # as scikit-learn does: X[rows, ...]
            key, *others = key
            if any(other is not Ellipsis and other != slice(None) for other in others):
                raise IndexError("of a StoredArray, only rows can be chosen")
        rows = self._rows[key]
        return self._read(rows[np.newaxis])[0] if isinstance(key, Integral) else self._view(rows)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.batches():
            yield from batch

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        read = self._read(self._rows)
        return read if dtype is None else read.astype(dtype, copy=False)

    def batches(self, size: int = BATCH) -> Iterator[NDArray[Any]]:
        """Read everything, so many rows at a time.

        Parameters
        ----------
        size : int, default=4096
            At most.

        Yields
        ------
        ndarray of shape (n_rows, ...)
        """
        for start in range(0, len(self), size):
            yield self._read(self._rows[start : start + size])

    def in_parts(self, function: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
        """Call a function that gives a row for each sample, a batch at a time.

        Parameters
        ----------
        function : callable

        Returns
        -------
        ndarray of shape (n_samples, ...)
            What it gave for all of them.
        """
        return np.concatenate([function(batch) for batch in self.batches()])

    def mapped(self, change: Change) -> StoredArray:
        """Have the rows changed whenever they are read.

        Parameters
        ----------
        change : callable
            From rows, as an array, to as many rows; of each by itself. One that can be pickled, if
            the array is to be.

        Returns
        -------
        StoredArray
        """
        changed = self._view(self._rows)
        changed._changes = (*self._changes, change)
        probe = changed._read(self._rows[:1])
        changed._sample_shape, changed.dtype = probe.shape[1:], probe.dtype
        return changed

    def followed_by(self, other: StoredArray) -> StoredArray:
        """Put the rows of another array after those of this one.

        Parameters
        ----------
        other : StoredArray
            Of the same shape beyond the rows, and changed by the same functions.

        Returns
        -------
        StoredArray

        Raises
        ------
        ValueError
            If it is none of these.
        """
        if (self._changes, self.shape[1:], self.dtype) != (
            other._changes,
            other.shape[1:],
            other.dtype,
        ):
            raise ValueError(f"{other!r} cannot follow {self!r}: they are of two kinds.")
        both = self._view(np.concatenate([self._rows, other._rows + self._n_stored]))
        both._files = self._files + other._files
        return both

    @property
    def _n_stored(self) -> int:
        return sum(file.shape[0] for file in self._files)

    def digest(self) -> str:
        """Hash shape, type and content.

        Returns
        -------
        str
            Equal for equal arrays, wherever they are stored.
        """
        if self._digest is None:
            content = hashlib.blake2b(repr((self.shape, self.dtype.str)).encode(), digest_size=16)
            for batch in self.batches():
                content.update(np.ascontiguousarray(batch).data)
            self._digest = content.hexdigest()
        return self._digest

    def __repr__(self) -> str:
        return f"StoredArray({[str(file.path) for file in self._files]}, shape={self.shape})"

    def _view(self, rows: NDArray[np.intp]) -> StoredArray:
        view = object.__new__(StoredArray)
        vars(view).update(vars(self), _rows=rows, _digest=None)
        return view

    def _read(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        # In the order of the files, since jumps to and fro cost most.
        order = np.argsort(rows, kind="stable")
        wanted = rows[order]
        read = np.empty((len(rows), *self._files[0].shape[1:]), self._files[0].dtype)
        start = begin = 0
        for file in self._files:
            end = begin + int(np.searchsorted(wanted[begin:], start + file.shape[0]))
            file.read(wanted[begin:end] - start, read[begin:end])
            start, begin = start + file.shape[0], end
        if not np.array_equal(order, np.arange(len(order))):
            placed = np.empty_like(read)
            placed[order] = read
            read = placed
        for change in self._changes:
            read = change(read)
        return read


class _File(NamedTuple):
    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def read(self, rows: NDArray[np.intp], out: NDArray[Any]) -> None:
        """Read rows in rising order."""
        if not out.size:
            return
        size = out[:1].nbytes
        content = memoryview(out.reshape(-1).view(np.uint8).data)
        ends = np.append(np.flatnonzero(np.diff(rows) != 1) + 1, len(rows))
        with open(self.path, "rb", buffering=0) as stream:
            begin = 0
            for end in ends.tolist():
                stream.seek(self.offset + int(rows[begin]) * size)
                part = content[begin * size : end * size]
                while part:
                    n_bytes = stream.readinto(part)
                    if not n_bytes:
                        raise ValueError(f"{self.path} is cut short: make it again.")
                    part = part[n_bytes:]
                begin = end


def _read_header(path: str | os.PathLike[str]) -> _File:
    path = Path(path).absolute()
    with open(path, "rb") as stream:
        try:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, by_columns, dtype = read(stream)
        except ValueError as error:
            raise ValueError(f"{path} is no array that numpy.save wrote ({error}).") from error
        offset = stream.tell()
        there = stream.seek(0, os.SEEK_END)
    if dtype.hasobject or not shape or (by_columns and len(shape) > 1):
        raise ValueError(
            f"{path} holds objects, one number, or columns one after the other: save it by "
            "numpy.save(path, numpy.ascontiguousarray(array))."
        )
    needed = offset + math.prod(shape) * dtype.itemsize
    if there < needed:
        raise ValueError(f"{path} is cut short: {there:,} bytes of {needed:,}. Make it again.")
    return _File(path, offset, shape, dtype)


def write_array(
    path: str | os.PathLike[str], batches: Iterable[NDArray[Any]], *, lasting: bool = True
) -> StoredArray:
    """Write arrays one after the other into one ``.npy`` file, which `numpy.load` reads too.

    Parameters
    ----------
    path : path-like
    batches : iterable of ndarray of shape (n_rows, ...)
        At least one; all of one type, and of one shape beyond the rows.
    lasting : bool, default=True
        Whether the file is to be safe from a power cut.

    Returns
    -------
    StoredArray

    Raises
    ------
    ValueError
        If there is none, or one does not go with the first.
    OSError
        If the file cannot be written. What stood there before stays.
    """
    kind: tuple[tuple[int, ...], np.dtype[Any]] | None = None
    n_rows = 0
    with open_atomically(path, lasting=lasting) as stream:
        stream.write(bytes(_HEADER))
        for batch in batches:
            if kind is None:
                kind = batch.shape[1:], batch.dtype
            elif kind != (batch.shape[1:], batch.dtype):
                raise ValueError(
                    f"{batch.dtype} of shape {batch.shape[1:]} a row cannot follow {kind[1]} of "
                    f"shape {kind[0]} in {os.fspath(path)}."
                )
            stream.write(np.ascontiguousarray(batch).reshape(-1).view(np.uint8).data)
            n_rows += len(batch)
        if kind is None:
            raise ValueError(f"There is nothing to write into {os.fspath(path)}.")
        stream.seek(0)
        stream.write(_header((n_rows, *kind[0]), kind[1]))
    return StoredArray(path)


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    beginning = npy.magic(1, 0) + (_HEADER - 10).to_bytes(2, "little")
    content = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    return beginning + repr(content).encode().ljust(_HEADER - 11) + b"\n"
