"""The pictures and videos that the inputs on a command line stand for."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from fer_ensemble.faces.decode import PICTURE_ENDINGS
from fer_ensemble.faces.video import VIDEO_ENDINGS

#: Stands for a list of paths on standard input.
STANDARD_INPUT = "-"

_ENDINGS = PICTURE_ENDINGS | VIDEO_ENDINGS
_CHUNK = 1 << 16


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
        The given folders in which there is nothing to look at.
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
                skipped = number in above or (above and self._is_left_out(path))
                entries = [] if skipped else self._kept(path)
            except OSError:
                yield path
                continue
            below = above | {number}
            waiting.extend(
                (os.path.join(path, name), below if is_folder else None)
                for name, is_folder in reversed(entries)
            )

    def _is_left_out(self, folder: str) -> bool:
        if self._left_out is None or not os.path.isdir(self._left_out):
            return False
        return os.path.samefile(folder, self._left_out)

    def _kept(self, folder: str) -> list[tuple[str, bool]]:
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
    except OSError:  # a link to itself, say: reading it as a file will tell
        return False
