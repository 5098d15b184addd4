"""What is searched for faces: the pictures that files and other inputs hold, and videos' frames.

Files and what else is given (`PictureListing` makes it of inputs) become items (`iterate_items`),
and an item is read last (`read_item`), by the thread that searches it. What is wrong with a file is
a `FileProblem`, which becomes a row of the table instead of ending the run.
"""

from __future__ import annotations

import glob
import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from threading import Event
from typing import Any, Literal, TypeVar

import numpy as np

from fer_ensemble.faces.addresses import fetched, read_address
from fer_ensemble.faces.animations import is_animated, read_animation
from fer_ensemble.faces.batching import map_ordered
from fer_ensemble.faces.contents import Content, is_address, is_video, recognise
from fer_ensemble.faces.decode import (
    MAX_PICTURE_BYTES,
    MAX_PIXELS,
    Decoded,
    TooManyPixels,
    UnreadableImage,
    decode,
    image_of_given_picture,
)
from fer_ensemble.faces.eight_bits import image_of_array
from fer_ensemble.faces.live import LiveSource, SourceError, read_live
from fer_ensemble.faces.video import Frame, read_frames

# Pictures at addresses that are fetched at once, since to wait for a store takes no processor; and
# that are kept in memory.
_FETCHED_AT_ONCE = 16
_FETCHED_AHEAD = 32

P = TypeVar("P", bound="str | os.PathLike[str] | None")

#: What became of an input.
Status = Literal["ok", "no_face", "unreadable", "empty", "missing", "too_large"]


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
    given : GivenPicture or None
        The picture itself, where that was given and no file.
    """

    path: str
    frame: Frame | None = None
    problem: FileProblem | None = None
    given: GivenPicture | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GivenPicture(os.PathLike[str]):
    """A picture that was given itself, instead of a file.

    Parameters
    ----------
    name : str
        What stands in the column of paths, such as "<array 0>".
    content : array, Pillow's picture, bytes or binary file
        See `image_of_array`; of bytes, and of what a file holds, as `decode_image` takes them.
    max_pixels : int, default=MAX_PIXELS
        Of bytes and files, what has more is not decoded.
    """

    name: str
    content: Any
    max_pixels: int = MAX_PIXELS

    def __fspath__(self) -> str:
        """Give its name."""
        return self.name


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


def iterate_items(
    paths: Iterable[str | os.PathLike[str]], every: int = 1, stopped: Event | None = None
) -> Iterator[Item]:
    """Give the items that files are made of, as they are needed.

    Parameters
    ----------
    paths : iterable of path-like
        Files and `GivenPicture`, told apart by what they hold; of a `VideoRest` the rest; and
        `LiveSource`. Animated pictures and documents of several pages are taken for videos. At an
        address of an object store, what has no ending of a video is taken for a picture.
    every : int, default=1
        Of so many frames of a video the first is taken.
    stopped : Event, optional
        Ends the waiting for a live source when it is set.

    Yields
    ------
    Item
        At least one for every path.
    """
    for path in paths:
        name = os.fspath(path)
        if isinstance(path, LiveSource):
            frames = read_live(path, every=every, stopped=stopped)
            yield from _iterate_frames(name, frames)
            continue
        given = path if isinstance(path, GivenPicture) else None
        n_done = path.n_done if isinstance(path, VideoRest) else 0
        if given is None and is_address(name):
            if is_video(name):
                yield from _iterate_frames(name, islice(_fetch_and_read(name, every), n_done, None))
                continue
            given = fetch_picture(name)
        source = name if given is None else _read_given(given)
        max_pixels = MAX_PIXELS if given is None else given.max_pixels
        content = _recognise(source)
        if content is None and given is None and is_video(name):
            content = "video"
        if content == "video" and given is None:
            frames = _check_and_read(name, read_frames(name, every=every))
        elif content == "animation" and is_animated(source, max_pixels=max_pixels):
            frames = read_animation(source, every=every, max_pixels=max_pixels)
        else:
            yield Item(name, given=given and replace(given, content=source))
            continue
        yield from _iterate_frames(name, islice(frames, n_done, None))


def _read_given(given: GivenPicture) -> Any:
    """Read a file that was given open, so that it is no larger than a picture may be."""
    read = getattr(given.content, "read", None)
    if read is None:
        return given.content
    try:
        content = read(MAX_PICTURE_BYTES + 1)
    except Exception as error:  # streams of any kind
        return FileProblem("unreadable", f"cannot be read ({type(error).__name__}: {error})")
    if not isinstance(content, bytes):
        return FileProblem("unreadable", "a file must be opened for bytes, not for text")
    return content


def _recognise(source: Any) -> Content | None:
    """Find out what a file or bytes hold; None if that cannot be known, or cannot be read."""
    try:
        if isinstance(source, bytes):
            return recognise(io.BytesIO(source))
        if isinstance(source, str):
            check_file(source)
            with open(source, "rb", buffering=0) as stream:
                return recognise(stream)
    except (OSError, FileProblem):
        pass  # told in its row, by the thread that reads it
    return None


def _check_and_read(path: str, frames: Iterator[Frame]) -> Iterator[Frame]:
    check_file(path)
    yield from frames


def _fetch_and_read(address: str, every: int) -> Iterator[Frame]:
    with fetched(address) as file:
        yield from _check_and_read(file, read_frames(file, every=every))


def fetch_picture(address: str) -> GivenPicture:
    """Read a picture at an address.

    Parameters
    ----------
    address : str

    Returns
    -------
    GivenPicture
        Called by its address; what is wrong with it is told when it is decoded.
    """
    try:
        with raising_file_problems(address):
            return GivenPicture(address, read_address(address, MAX_PICTURE_BYTES + 1))
    except FileProblem as problem:
        return GivenPicture(address, problem)


def fetch_ahead(paths: Iterable[P]) -> Iterator[P | GivenPicture]:
    """Read the pictures at addresses before they are asked for.

    Parameters
    ----------
    paths : iterable of path-like or None

    Yields
    ------
    path-like or None
        The same, but for each picture at an address what it holds. Nothing is read ahead where
        there are none.
    """
    remaining = iter(paths)
    for path in remaining:
        if is_address(path):
            yield from map_ordered(
                _fetch, chain([path], remaining), ahead=_FETCHED_AHEAD, n_jobs=_FETCHED_AT_ONCE
            )
            return
        yield path


def _fetch(path: P) -> P | GivenPicture:
    if isinstance(path, str) and is_address(path) and not is_video(path):
        return fetch_picture(path)
    return path


def _iterate_frames(path: str, frames: Iterable[Frame]) -> Iterator[Item]:
    try:
        with raising_file_problems(path):
            for frame in frames:
                yield Item(path, frame)
    except FileProblem as problem:
        yield Item(path, problem=problem)


def read_item(item: Item) -> Decoded:
    """Read what is searched for faces.

    Parameters
    ----------
    item : Item

    Returns
    -------
    Decoded

    Raises
    ------
    FileProblem
        If it cannot be read.
    """
    if item.problem is not None:
        raise item.problem
    if item.frame is not None:
        return Decoded(item.frame.image)
    with raising_file_problems(item.path):
        if item.given is None:
            return decode(read_file(item.path))
        return _decode_given(item.given.content, item.given.max_pixels)


def _decode_given(content: Any, max_pixels: int) -> Decoded:
    if isinstance(content, FileProblem):
        raise content
    if isinstance(content, bytes):
        check_size(len(content))
        if not content:
            raise FileProblem("empty", "the file is empty")
        return decode(content, max_pixels=max_pixels)
    if is_picture_object(content):
        return image_of_given_picture(content)
    try:
        return Decoded(*image_of_array(np.asarray(content)))
    except ValueError as error:
        raise UnreadableImage(str(error)) from error


def is_picture_object(content: Any) -> bool:
    """Whether an object is a picture of Pillow's.

    Parameters
    ----------
    content : object

    Returns
    -------
    bool
    """
    return hasattr(content, "getbands") and hasattr(content, "convert")


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
    except SourceError as error:
        raise FileProblem(error.status, str(error)) from error
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
    check_size(check_file(path))
    return Path(path).read_bytes()


def check_size(n_bytes: int) -> None:
    """Refuse what is larger than a picture may be.

    Parameters
    ----------
    n_bytes : int

    Raises
    ------
    FileProblem
        If it is larger than `MAX_PICTURE_BYTES`.
    """
    if n_bytes > MAX_PICTURE_BYTES:
        limit = MAX_PICTURE_BYTES // 2**20
        raise FileProblem("too_large", f"{n_bytes:,} bytes large, at most {limit} MiB are read")


def _why_missing(path: str) -> str:
    if os.path.islink(path):
        return "a link to nothing"
    if path.endswith(("/", os.sep)):
        return "no such folder"
    return "nothing matches this pattern" if glob.has_magic(path) else "no such file"
