"""Faces from files, read in threads; whatever is wrong with a file is told."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.decode import (
    MAX_PICTURE_BYTES,
    TooManyPixels,
    UnreadableImage,
    decode_gray,
    to_face,
)

#: Side of a face, in pixels.
FACE_SIZE = 48

#: What became of a file.
Status = Literal["ok", "unreadable", "empty", "missing", "too_large"]


@dataclass(frozen=True, slots=True)
class FaceFile:
    """A file, and the face that was read from it.

    Parameters
    ----------
    path : str
        The file.
    face : ndarray of shape (size, size), uint8, or None
        None if no face could be read.
    status : {"ok", "unreadable", "empty", "missing", "too_large"}
        What became of the file.
    reason : str
        Why there is no face, in plain words; empty if there is one.
    """

    path: str
    face: NDArray[np.uint8] | None
    status: Status
    reason: str = ""


def read_face(path: str | os.PathLike[str], size: int = FACE_SIZE) -> FaceFile:
    """Read a file that shows one face and nothing else; whatever is wrong with it is told.

    Parameters
    ----------
    path : path-like
        A file in any format that `decode_gray` reads.
    size : int, default=48
        Side that the face is brought to, in pixels.

    Returns
    -------
    FaceFile
        With the face, or with the reason why there is none.
    """
    name = os.fspath(path)
    try:
        status = os.stat(name)
        if stat.S_ISDIR(status.st_mode):
            return FaceFile(name, None, "unreadable", "a folder that cannot be opened")
        if not stat.S_ISREG(status.st_mode):
            return FaceFile(name, None, "unreadable", "not a regular file")
        if status.st_size > MAX_PICTURE_BYTES:
            limit = MAX_PICTURE_BYTES // 2**20
            reason = f"{status.st_size:,} bytes large, at most {limit} MiB are read"
            return FaceFile(name, None, "too_large", reason)
        data = Path(name).read_bytes()
        if not data:
            return FaceFile(name, None, "empty", "the file is empty")
        return FaceFile(name, to_face(decode_gray(data), size), "ok")
    except (FileNotFoundError, NotADirectoryError):
        reason = "a link to nothing" if os.path.islink(name) else "no such file"
        return FaceFile(name, None, "missing", reason)
    except OSError as error:
        return FaceFile(name, None, "unreadable", f"cannot be opened ({error.strerror})")
    except TooManyPixels as error:
        return FaceFile(name, None, "too_large", str(error))
    except UnreadableImage as error:
        return FaceFile(name, None, "unreadable", str(error))


def read_faces(
    paths: Iterable[str | os.PathLike[str]],
    *,
    ahead: int,
    n_jobs: int = -1,
    size: int = FACE_SIZE,
) -> Iterator[FaceFile]:
    """Read faces in threads, in the order of the paths.

    Parameters
    ----------
    paths : iterable of path-like
        Files; the iterable is not taken further than `ahead` paths beyond the yielded one.
    ahead : int
        How many files are read before they are asked for, at most.
    n_jobs : int, default=-1
        Threads; -1 for one on each of the processor's cores.
    size : int, default=48
        Side that the faces are brought to, in pixels.

    Yields
    ------
    FaceFile
        One for every path.
    """
    import joblib

    # joblib's own generators start on new files as old ones are done, not as they are taken, so
    # that the faces would pile up before a classifier that is slower than the decoding.
    pool = ThreadPoolExecutor(n_jobs if n_jobs > 0 else joblib.cpu_count())
    waiting: deque[Future[FaceFile]] = deque()
    try:
        for path in paths:
            waiting.append(pool.submit(read_face, path, size))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
