"""The pictures that files and folders on a command line stand for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from fer_ensemble.faces.decode import PICTURE_ENDINGS


class PictureListing:
    """The pictures that paths stand for: a file for itself, a folder for the pictures in it.

    Iterating gives paths as strings, lazily and in the order of the paths. Folders are walked
    through with all that is below, sorted by name; links are followed. Of folders, files with
    another ending than `PICTURE_ENDINGS` and everything hidden are left out. A folder that cannot
    be opened is given itself, so that it is not lost without a word. The counts are those of the
    latest iteration.

    Parameters
    ----------
    paths : iterable of path-like
        Files and folders; files need not exist.

    Attributes
    ----------
    n_other_files : int
        Files in the folders that were left out for their ending.
    n_hidden : int
        Hidden files and folders that were left out.
    empty_folders : list of str
        The given folders in which there is no picture.
    """

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Keep the paths."""
        self._paths = [os.fspath(path) for path in paths]
        self._reset()

    def __iter__(self) -> Iterator[str]:
        """Give the paths of the pictures."""
        self._reset()
        for path in self._paths:
            if not os.path.isdir(path):
                yield path
                continue
            found = False
            for picture in self._walk(path):
                found = True
                yield picture
            if not found:
                self.empty_folders.append(path)

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
                entries = [] if number in above else self._kept(path)
            except OSError:
                yield path
                continue
            below = above | {number}
            waiting.extend(
                (os.path.join(path, name), below if is_folder else None)
                for name, is_folder in reversed(entries)
            )

    def _kept(self, folder: str) -> list[tuple[str, bool]]:
        """Names in a folder, sorted, and whether each is a folder."""
        kept = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    self.n_hidden += 1
                elif _is_folder(entry):
                    kept.append((entry.name, True))
                elif os.path.splitext(entry.name)[1].lower() in PICTURE_ENDINGS:
                    kept.append((entry.name, False))
                else:
                    self.n_other_files += 1
        return sorted(kept)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, say: reading it as a file will tell
        return False
