"""What is searched for faces: the files that inputs stand for, and the pictures and frames in them.

Paths become files (`PictureListing`), files become items (`iterate_items`), and the bytes of an
item are read last (`read_file`), by the thread that decodes them. What is wrong with a file is a
`FileProblem`, which becomes a row of the table instead of ending the run.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal

from fer_ensemble.faces.decode import (
    MAX_PICTURE_BYTES,
    PICTURE_ENDINGS,
    TooManyPixels,
    UnreadableImage,
)
from fer_ensemble.faces.video import VIDEO_ENDINGS, Frame, is_video, read_frames

#: What became of an input.
Status = Literal["ok", "no_face", "unreadable", "empty", "missing", "too_large"]

#: Stands for a list of paths on standard input.
STANDARD_INPUT = "-"

_ENDINGS = PICTURE_ENDINGS | VIDEO_ENDINGS
_CHUNK = 1 << 16  # bytes of a list that are read at once, at most


class PictureListing:
    """The files that inputs stand for: a file for itself, a folder for what is in it.

    Iterating gives paths as strings, lazily and in the order of the inputs. Folders are walked
    through with all that is below, sorted by name; links are followed. Of folders, files with
    another ending than those of pictures and videos and everything hidden are left out. A folder
    that cannot be opened is given itself, so that it is not lost without a word. A pattern
    (``photos/**/*.jpg``) that is no file's name stands for all that matches it, sorted; one that
    matches nothing is given itself. ``-`` stands for the paths in a list, see `read_path_list`;
    patterns in it are names. The counts are those of the latest iteration.

    Parameters
    ----------
    paths : iterable of path-like
        Files, folders, patterns and ``-``; files need not exist.
    standard_input : binary file, optional
        The list that ``-`` stands for. Without it, ``-`` is a file's name.
    left_out : path-like, optional
        A folder that is left out of the folders above it: that of annotated copies, which would
        be new inputs otherwise.

    Attributes
    ----------
    n_other_files : int
        Files in the folders that were left out for their ending.
    n_hidden : int
        Hidden files and folders that were left out.
    empty_folders : list of str
        The given folders in which there is neither picture nor video.
    """

    def __init__(
        self,
        paths: Iterable[str | os.PathLike[str]],
        standard_input: BinaryIO | None = None,
        *,
        left_out: str | os.PathLike[str] | None = None,
    ) -> None:
        """Keep the paths."""
        self._paths = [os.fspath(path) for path in paths]
        self._standard_input = standard_input
        self._left_out = left_out
        self._reset()

    def __iter__(self) -> Iterator[str]:
        """Give the paths of the files."""
        self._reset()
        for path in self._expanded():
            if not os.path.isdir(path):
                yield path
                continue
            found = False
            for picture in self._walk(path):
                found = True
                yield picture
            if not found:
                self.empty_folders.append(path)

    def count_pictures(self) -> int | None:
        """Count the pictures beforehand, as a progress bar needs it.

        Returns
        -------
        int or None
            None if that cannot be known: a list on standard input can be read only once, and the
            frames of a video are counted by reading it.
        """
        if self._standard_input is not None and STANDARD_INPUT in self._paths:
            return None
        total = 0
        # A listing of its own, because the counts of this one are of an iteration that goes on.
        for path in PictureListing(self._paths, left_out=self._left_out):
            if is_video(path):
                return None
            total += 1
        return total

    def _expanded(self) -> Iterator[str]:
        for path in self._paths:
            if path == STANDARD_INPUT and self._standard_input is not None:
                yield from read_path_list(self._standard_input)
            elif glob.has_magic(path) and not os.path.lexists(path):
                yield from sorted(glob.iglob(path, recursive=True)) or [path]
            else:
                yield path

    def _reset(self) -> None:
        self.n_other_files = 0
        self.n_hidden = 0
        self.empty_folders: list[str] = []

    def _walk(self, top: str) -> Iterator[str]:
        # A stack of our own, because os.walk gives a folder's files apart from its folders, and the
        # order shall be that of all names.
        # Each folder goes with the numbers of those above it, because a link to one of them would
        # be walked round and round. Files go with None.
        waiting: list[tuple[str, frozenset[tuple[int, int]] | None]] = [(top, frozenset())]
        while waiting:
            path, above = waiting.pop()
            if above is None:
                yield path
                continue
            try:
                status = os.stat(path)
                number = (status.st_dev, status.st_ino)
                # A folder that is left out may still be given by name.
                skipped = number in above or (above and self._is_left_out(path))
                entries = [] if skipped else self._list_folder(path)
            except OSError:  # given as if it were a file, whose row will say what is wrong
                yield path
                continue
            below = above | {number}
            # Reversed, because the last of the stack is the next.
            waiting.extend(
                (os.path.join(path, name), below if is_folder else None)
                for name, is_folder in reversed(entries)
            )

    def _is_left_out(self, folder: str) -> bool:
        if self._left_out is None or not os.path.isdir(self._left_out):
            return False
        return os.path.samefile(folder, self._left_out)

    def _list_folder(self, folder: str) -> list[tuple[str, bool]]:
        """Names in a folder, sorted, and whether each is a folder."""
        kept = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    self.n_hidden += 1
                elif _is_folder(entry):
                    kept.append((entry.name, True))
                elif os.path.splitext(entry.name)[1].lower() in _ENDINGS:
                    kept.append((entry.name, False))
                else:
                    self.n_other_files += 1
        return sorted(kept)


def read_path_list(stream: BinaryIO) -> Iterator[str]:
    """Read a list of paths as they come.

    Parameters
    ----------
    stream : binary file
        One path a line. Where its beginning holds a zero byte, paths end with zero bytes, as
        ``find -print0`` writes them, and may hold line breaks.

    Yields
    ------
    str
        A path; empty ones are left out.
    """
    # A buffered stream would wait for a whole block, and a thread that waits in it at the end of
    # the process would bring that down.
    source = getattr(stream, "raw", stream)
    separator, rest = None, b""
    while chunk := source.read(_CHUNK):
        if separator is None:
            separator = b"\0" if b"\0" in chunk else b"\n"
        *whole, rest = (rest + chunk).split(separator)
        yield from (os.fsdecode(path) for path in whole if path)
    if rest:
        yield os.fsdecode(rest)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, say: reading it as a file will say so
        return False


@dataclass(frozen=True, slots=True)
class Item:
    """What is searched: a picture, a frame of a video, or what is wrong with a video.

    Parameters
    ----------
    path : str
        The picture or the video.
    frame : Frame or None
        None for a picture, which has not been read yet.
    problem : FileProblem or None
        Why there are no frames, or no more of them.
    """

    path: str
    frame: Frame | None = None
    problem: FileProblem | None = None


@dataclass(frozen=True, slots=True)
class VideoRest(os.PathLike[str]):
    """A video whose first frames are done.

    Parameters
    ----------
    path : str
        The video.
    n_done : int
        How many frames are left out, of those that would be searched.
    """

    path: str
    n_done: int

    def __fspath__(self) -> str:
        """Give the video's path."""
        return self.path


def iterate_items(paths: Iterable[str | os.PathLike[str]], every: int = 1) -> Iterator[Item]:
    """Give the items that files are made of, as they are needed.

    Parameters
    ----------
    paths : iterable of path-like
        Pictures and videos, told apart by `is_video`; of a `VideoRest` the rest.
    every : int, default=1
        Of so many frames of a video the first is taken.

    Yields
    ------
    Item
        At least one for every path.
    """
    for path in paths:
        name = os.fspath(path)
        if is_video(name):
            n_done = path.n_done if isinstance(path, VideoRest) else 0
            yield from _iterate_frames(name, every, n_done)
        else:
            yield Item(name)


def _iterate_frames(path: str, every: int, n_done: int) -> Iterator[Item]:
    try:
        with raising_file_problems(path):
            check_file(path)
            for frame in islice(read_frames(path, every=every), n_done, None):
                yield Item(path, frame)
    except FileProblem as problem:
        yield Item(path, problem=problem)


class FileProblem(Exception):  # noqa: N818 - an input's state, which becomes a row
    """Why a file cannot be searched.

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
def raising_file_problems(path: str) -> Iterator[None]:
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
