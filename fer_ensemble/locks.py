"""One process at a time writes a file or a folder: whoever comes second is told who is first.

The lock is the system's, on a hidden file in the folder (``.lock``) or beside the file
(``.rows.csv.run``): it ends with its process, however that ends, so that none is ever stale. On
Linux and macOS it holds against other machines too where the network's file system passes locks on,
as NFS 4 does; where a file system has none, or the hidden file cannot be made, nothing is locked.
On Windows it is a lock on a byte far behind the file's end.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

# The first line, of a fixed length, says who holds the lock; what follows is kept between runs.
_HOLDER_BYTES = 256
_LOCKED_BYTE = 1 << 30


class InUseError(ValueError):
    """Another process writes the same file or folder; the message says which, and since when."""


class Lock:
    """A lock that is held until it is released, or its process ends.

    Parameters
    ----------
    target : path-like
        The file or folder that is to be written; a folder must exist.

    Raises
    ------
    InUseError
        If another process, or another thread of this one, holds it.
    """

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self._stream: BinaryIO | None = None
        self._file = _lock_file(Path(target))
        self._stream = _acquire(self._file, os.fspath(target))
        if self._stream is not None:
            holder = {
                "process": os.getpid(),
                "host": socket.gethostname()[:64],
                "since": datetime.now().astimezone().isoformat(" ", "seconds"),
            }
            with suppress(OSError):  # a full disk is told by whoever writes what matters
                self._write(0, json.dumps(holder).ljust(_HOLDER_BYTES - 1).encode() + b"\n")

    def read(self) -> Any:
        """Read what was noted with the lock of an earlier run.

        Returns
        -------
        object
            A JSON value; None if there is none, or it is damaged.
        """
        if self._stream is None:
            return None
        self._stream.seek(_HOLDER_BYTES)
        try:
            return json.loads(self._stream.read())
        except ValueError:
            return None

    def note(self, content: Any) -> None:
        """Note what a later run shall know; the file stays when the lock is released.

        Parameters
        ----------
        content : object
            A JSON value.
        """
        if self._stream is not None and content != self.read():
            self._write(_HOLDER_BYTES, json.dumps(content).encode())
            self._stream.truncate()

    def release(self, *, remove: bool = False) -> None:
        """Let others write.

        Parameters
        ----------
        remove : bool, default=False
            Whether to remove the hidden file.
        """
        if self._stream is None:
            return
        if remove:
            with suppress(OSError):  # on Windows an open file cannot be removed
                self._file.unlink()
        self._stream.close()
        self._stream = None

    def __del__(self) -> None:
        """Let go of what was never released, without a warning."""
        self.release()

    def _write(self, place: int, content: bytes) -> None:
        assert self._stream is not None
        self._stream.seek(place)
        self._stream.write(content)
        self._stream.flush()


@contextmanager
def holding_folder(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Make a folder if need be, and hold it while it is written.

    Parameters
    ----------
    folder : path-like

    Raises
    ------
    InUseError
        If another process, or another thread of this one, writes it.
    """
    is_new = not os.path.exists(folder)
    if is_new:  # a file in its place is told by whoever writes
        Path(folder).mkdir(parents=True, exist_ok=True)
    lock = Lock(folder)
    try:
        yield
    finally:
        lock.release(remove=True)
        if is_new:
            with suppress(OSError):  # that it is not empty
                os.rmdir(folder)


@contextmanager
def holding_file(file: str | os.PathLike[str]) -> Iterator[None]:
    """Make the folder above a file if need be, and hold the file while it is written.

    Parameters
    ----------
    file : path-like

    Raises
    ------
    InUseError
        If another process, or another thread of this one, writes it.
    """
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    lock = Lock(file)
    try:
        yield
    finally:
        lock.release(remove=True)


def _lock_file(target: Path) -> Path:
    if target.is_dir():
        return target / ".lock"
    return target.with_name(f".{target.name}.run")


def _acquire(file: Path, target: str) -> BinaryIO | None:
    """Open and lock a file; None if it cannot be made, or its file system has no locks."""
    while True:
        try:
            stream = os.fdopen(os.open(file, _FLAGS, 0o644), "r+b", buffering=0)
        except OSError:
            return None
        try:
            if not _lock(stream):
                with stream:
                    raise InUseError(_describe(stream, target))
        except OSError:
            stream.close()
            return None
        with suppress(OSError):
            # Whoever held it may have removed the file before it was locked here.
            if os.path.samestat(os.stat(file), os.fstat(stream.fileno())):
                return stream
        stream.close()


def _describe(stream: BinaryIO, target: str) -> str:
    try:
        holder = json.loads(stream.read(_HOLDER_BYTES))
        who = f"process {holder['process']:d} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return f"{target} is being written by {who}: wait until it ends, or write elsewhere"


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

if sys.platform == "win32":
    import msvcrt

    def _lock(stream: BinaryIO) -> bool:
        """Lock a file unless it is locked."""
        stream.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        finally:
            stream.seek(0)
        return True

else:
    import fcntl

    def _lock(stream: BinaryIO) -> bool:
        """Lock a file unless it is locked."""
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
