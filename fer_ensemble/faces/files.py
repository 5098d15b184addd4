"""Bytes of files; whatever is wrong with a file is told."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from fer_ensemble.faces.decode import MAX_PICTURE_BYTES, TooManyPixels, UnreadableImage

#: What became of an input.
Status = Literal["ok", "no_face", "unreadable", "empty", "missing", "too_large"]


class FileProblem(Exception):  # noqa: N818 - an input's state, which becomes a row
    """Why nothing can be seen in a file.

    Parameters
    ----------
    status : {"unreadable", "empty", "missing", "too_large"}
    reason : str
        The same in plain words.
    """

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@contextmanager
def naming_problems(path: str) -> Iterator[None]:
    """Turn the errors that a file can cause into `FileProblem`.

    Parameters
    ----------
    path : str
        The file.

    Raises
    ------
    FileProblem
        For an error of the system, or one of decoding.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileProblem("missing", _why_missing(path)) from error
    except OSError as error:
        raise FileProblem("unreadable", f"cannot be opened ({error.strerror})") from error
    except TooManyPixels as error:
        raise FileProblem("too_large", str(error)) from error
    except UnreadableImage as error:
        raise FileProblem("unreadable", str(error)) from error
    except MemoryError as error:
        raise FileProblem("too_large", "does not fit into memory") from error


def check_file(path: str) -> int:
    """Make sure that a file can be read.

    Parameters
    ----------
    path : str

    Returns
    -------
    int
        How many bytes it has.

    Raises
    ------
    FileProblem
        If it is no regular file or is empty, or no file can have that name.
    OSError
        If there is no such file, or its folder cannot be opened.
    """
    try:
        status = os.stat(path)
    except ValueError as error:  # it holds a zero byte
        raise FileProblem("missing", "no file can have this name") from error
    if stat.S_ISDIR(status.st_mode):
        raise FileProblem("unreadable", "a folder that cannot be opened")
    if not stat.S_ISREG(status.st_mode):
        raise FileProblem("unreadable", "not a regular file")
    if status.st_size == 0:
        raise FileProblem("empty", "the file is empty")
    return status.st_size


def read_file(path: str) -> bytes:
    """Read a file that may be a picture.

    Parameters
    ----------
    path : str

    Returns
    -------
    bytes

    Raises
    ------
    FileProblem, OSError
        As `check_file`; or if the file is larger than `MAX_PICTURE_BYTES`.
    """
    size = check_file(path)
    if size > MAX_PICTURE_BYTES:
        limit = MAX_PICTURE_BYTES // 2**20
        raise FileProblem("too_large", f"{size:,} bytes large, at most {limit} MiB are read")
    return Path(path).read_bytes()


def _why_missing(path: str) -> str:
    if os.path.islink(path):
        return "a link to nothing"
    return "nothing matches this pattern" if glob.has_magic(path) else "no such file"
