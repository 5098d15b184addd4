"""Open files to read, and nothing else that has a path."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


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
    _check(os.stat(path), path)
    # Without waiting, should a pipe have taken its place since.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        _check(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _check(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder", str(Path(path)))
    if not stat.S_ISREG(status.st_mode):
        reason = "not a regular file (a pipe or a device)"
        raise OSError(errno.EINVAL, reason, str(Path(path)))
