"""The items that inputs are made of: a picture is one, a video is one for each frame."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from fer_ensemble.faces.files import FileProblem, check_file, naming_problems
from fer_ensemble.faces.video import Frame, is_video, read_frames


@dataclass(frozen=True, slots=True)
class VideoRest(os.PathLike[str]):
    """A video whose first frames are done.

    Parameters
    ----------
    path : str
        The video.
    n_done : int
        How many frames are left out, of those that would be looked at.
    """

    path: str
    n_done: int

    def __fspath__(self) -> str:
        """Give the video's path."""
        return self.path


@dataclass(frozen=True, slots=True)
class Item:
    """What is looked at: a picture, a frame of a video, or what is wrong with a video.

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
        with naming_problems(path):
            check_file(path)
            for frame in islice(read_frames(path, every=every), n_done, None):
                yield Item(path, frame)
    except FileProblem as problem:
        yield Item(path, problem=problem)
