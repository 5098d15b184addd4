"""Read files from elsewhere: regular ones alone, and nothing larger than what they may be."""

from __future__ import annotations

import errno
import io
import math
import os
import stat
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# What arrays of ours consist of: truth values, whole and other numbers, text.
_KINDS = "biufU"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_MOST_ENTRIES = 10_000


class UnusableFileError(OSError):
    """A file is larger than it may be."""


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading.

    A pipe would be waited for without an end, and a device such as ``/dev/zero`` has none.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    binary file

    Raises
    ------
    OSError
        If there is no such file, it cannot be opened, or it is a folder, a pipe or a device.

    Examples
    --------
    >>> open_regular("/dev/null")
    Traceback (most recent call last):
    OSError: [Errno 22] not a regular file (a pipe or a device): '/dev/null'
    """
    _check_regular(os.stat(path), path)
    # Without waiting, should a pipe have taken its place since.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        _check_regular(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_bounded(path: str | os.PathLike[str], limit: int) -> bytes:
    """Read a regular file that is not too large.

    Parameters
    ----------
    path : path-like
    limit : int
        Most bytes.

    Returns
    -------
    bytes

    Raises
    ------
    UnusableFileError
        If it is too large.
    OSError
        As of :func:`open_regular`.
    """
    with open_regular(path) as stream:
        status = os.fstat(stream.fileno())
        content = stream.read(limit + 1) if status.st_size <= limit else b""
    if max(status.st_size, len(content)) > limit:
        raise UnusableFileError(f"it is larger than {_megabytes(limit)}")
    return content


def _check_regular(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder", str(Path(path)))
    if not stat.S_ISREG(status.st_mode):
        reason = "not a regular file (a pipe or a device)"
        raise OSError(errno.EINVAL, reason, str(Path(path)))


def open_archive(content: bytes, limit: int) -> zipfile.ZipFile:
    """Open a zip file in memory whose entries together are not too large.

    Parameters
    ----------
    content : bytes
    limit : int
        Most bytes of all entries, once they are expanded.

    Returns
    -------
    zipfile.ZipFile
        Its entries are to be read by :func:`read_entry`.

    Raises
    ------
    ValueError
        If it is no zip file, or holds too much, or what only other tools can read.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
        raise ValueError(f"it is no whole zip file ({error})") from error
    entries = archive.infolist()
    if len({entry.filename for entry in entries}) != len(entries) or len(entries) > _MOST_ENTRIES:
        raise ValueError("its entries are too many, or share a name")
    total = sum(entry.file_size for entry in entries)
    if total > limit:
        raise ValueError(
            f"it would expand to {_megabytes(total)}, and {_megabytes(limit)} is the limit"
        )
    return archive


def read_entry(archive: zipfile.ZipFile, name: str) -> bytearray:
    """Read an entry of a zip file, at most as much as its directory told.

    Parameters
    ----------
    archive : zipfile.ZipFile
        As of :func:`open_archive`.
    name : str

    Returns
    -------
    bytearray

    Raises
    ------
    ValueError
        If there is no such entry, or it is damaged.
    """
    try:
        entry = archive.getinfo(name)
        # Other methods expand as much as there is at once, whatever the directory tells.
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"its entry {name!r} is packed by an unknown method")
        content = bytearray()
        with archive.open(entry) as stream:
            while part := stream.read(2**20):
                content += part
    except KeyError:
        raise ValueError(f"it has no entry {name!r}") from None
    except ValueError:
        raise
    except Exception as error:  # zipfile and zlib raise whatever a damaged file makes them meet
        raise ValueError(f"its entry {name!r} is damaged ({error})") from error
    if len(content) != entry.file_size:
        raise ValueError(f"its entry {name!r} is cut short")
    return content


def read_array(
    content: bytearray, name: str = "array", *, record: np.dtype[Any] | None = None
) -> NDArray[Any]:
    """Take an array out of the content of an ``.npy`` file, without a copy.

    Parameters
    ----------
    content : bytearray
    name : str, default='array'
        What errors call it.
    record : dtype, default=None
        Of the records that it may hold as well.

    Returns
    -------
    ndarray
        Of numbers or text; never of objects.

    Raises
    ------
    ValueError
        If it is damaged, or its header tells of another size than it has.
    """
    stream = io.BytesIO(bytes(content[:20_000]))
    try:
        version = np.lib.format.read_magic(stream)
        shape, by_columns, dtype = _HEADERS[version](stream)
    except Exception as error:  # NumPy parses the header as Python's literals
        raise ValueError(f"its {name} is no array ({error})") from error
    if (dtype.kind not in _KINDS and dtype != record) or any(side < 0 for side in shape):
        raise ValueError(f"its {name} is an array of {dtype}, and not of numbers or text")
    if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(f"its {name} has not the size that its header tells")
    if not math.prod(shape):
        return np.empty(shape, dtype)
    flat = np.frombuffer(content, dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if by_columns else "C")


def read_arrays(content: bytes, limit: int) -> dict[str, NDArray[Any]]:
    """Read the arrays of an ``.npz`` file that are not too large together.

    Parameters
    ----------
    content : bytes
    limit : int
        Most bytes of all arrays.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ValueError
        If it is damaged, holds too much, or anything but numbers and text.
    """
    with open_archive(content, limit) as archive:
        return {
            name.removesuffix(".npy"): read_array(read_entry(archive, name), name)
            for name in archive.namelist()
        }


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB" if size >= 2**20 else f"{size:,} bytes"
