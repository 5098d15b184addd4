"""What inputs stand for: files, folders, patterns, lists; and pictures that are given as such."""

from __future__ import annotations

import codecs
import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from fer_ensemble.faces.addresses import (
    has_pattern,
    match_addresses,
    walk_address,
)
from fer_ensemble.faces.contents import (
    PICTURE_ENDINGS,
    VIDEO_ENDINGS,
    ending,
    is_address,
    is_video,
    recognise,
)
from fer_ensemble.faces.inputs import GivenPicture, is_picture_object
from fer_ensemble.faces.live import LIVE, LiveSource
from fer_ensemble.faces.name_sorting import sort_names

#: What is searched for faces: a path; or a picture as an array, one of Pillow's, the bytes of a
#: file, or a file that is open.
Input: TypeAlias = Any

_Source: TypeAlias = str | GivenPicture | LiveSource

#: Stands for a list of paths on standard input.
STANDARD_INPUT = "-"

_ENDINGS = PICTURE_ENDINGS | VIDEO_ENDINGS
_CHUNK = 1 << 16  # bytes of a list that are read at once, at most
_SHOWN = 3  # names of files that were left out
_CHANNELS = (1, 3, 4)

# Stands behind the names of folders: no name holds it, and those that do are sorted as without it.
_FOLDER = "\0"

# What systems put beside pictures.
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})

# Pictures of several frames, as a rule; and those that may have them.
_MOVING_ENDINGS = frozenset({".gif", ".apng", ".avifs"})

_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class PictureListing:
    """The files that inputs stand for: a file for itself, a folder for what is in it.

    Iterating gives paths as strings, lazily and in the order of the inputs; and a `GivenPicture`
    for a picture that was given itself. Folders are walked through with all that is below, sorted
    by name, with few of a folder's names in memory; links are followed. Of folders, hidden files
    are left out, and files with another ending than those of pictures and videos, unless they begin
    as one does. A folder that cannot be opened is given itself, so that it is not lost without a
    word. A pattern (``photos/**/*.jpg``) that is no file's name stands for all that matches it,
    sorted; one that matches nothing is given itself. ``-`` stands for the paths in a list, see
    `read_path_list`;
    patterns in it are names. Addresses of object stores and of HDFS (``s3://…``, ``gs://…``,
    ``abfs://…``, ``hdfs://…``) may stand for all of these, but their folders are searched by the
    endings of names alone. The number of a camera (``0``) and an address (``rtsp://…``,
    ``http://…``) that is no file's name stand for a `LiveSource`, but never in a list or an
    iterator. The counts are those of the latest iteration.

    Parameters
    ----------
    paths : Input or iterable of Input
        Files, folders, patterns and ``-``; files need not exist. See `as_sources` for what else
        may be given.
    standard_input : binary file, optional
        The list that ``-`` stands for. Without it, ``-`` is a file's name.
    left_out : path-like or iterable of path-like, optional
        Files and folders that are left out of the folders above them: what a run writes, which
        would be new inputs otherwise.

    Attributes
    ----------
    other_files : Counter of str
        How many files of which ending in the folders were left out: nothing here reads them.
    first_others : list of str
        The first of them.
    n_hidden : int
        Hidden files and folders that were left out, and those that systems put there.
    empty_folders : list of str
        The given folders in which there is neither picture nor video.
    live : list of LiveSource
        The cameras and streams among the inputs.
    """

    def __init__(
        self,
        paths: Input | Iterable[Input],
        standard_input: BinaryIO | None = None,
        *,
        left_out: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = (),
    ) -> None:
        """Keep the paths."""
        sources = as_sources(paths)
        # Pictures that are made one after the other are not kept; paths take little.
        self._is_read_once = isinstance(paths, Iterator)
        self.live: list[LiveSource] = []
        self._sources = sources if self._is_read_once else [*map(self._with_live, sources)]
        self._standard_input = standard_input
        self._left_out: list[str | os.PathLike[str]] = (
            [left_out] if isinstance(left_out, str | os.PathLike) else list(left_out or ())
        )
        self._reset()

    def _with_live(self, source: _Source) -> _Source:
        if not isinstance(source, str) or not LIVE.fullmatch(source) or os.path.lexists(source):
            return source
        self.live.append(LiveSource(source))
        return self.live[-1]

    def __iter__(self) -> Iterator[_Source]:
        """Give the paths of the files."""
        self._reset()
        for path in self._expanded():
            distant = is_address(path)
            if (
                not isinstance(path, str)
                # To ask a store of each name in a list would take longer than to predict it.
                or (ending(path) in _ENDINGS if distant else not os.path.isdir(path))
            ):
                yield path
                continue
            found = False
            for picture in walk_address(path, self._wants) if distant else self._walk(path):
                found = True
                yield picture
            if not found:
                self.empty_folders.append(path)

    @property
    def n_other_files(self) -> int:
        """Files in the folders that were left out because nothing here reads them."""
        return self.other_files.total()

    def count_pictures(self) -> int | None:
        """Count the pictures beforehand, as a progress bar needs it.

        Returns
        -------
        int or None
            None if that cannot be known: a list on standard input can be read only once, and the
            frames of a video are counted by reading it.
        """
        if (
            self.live
            or self._is_read_once
            or (self._standard_input and STANDARD_INPUT in self._sources)
        ):
            return None
        total = 0
        # A listing of its own, because the counts of this one are of an iteration that goes on.
        for path in PictureListing(self._sources, left_out=self._left_out):
            if is_video(path) or ending(path) in _MOVING_ENDINGS:
                return None
            total += 1
        return total

    def _expanded(self) -> Iterator[_Source]:
        for path in self._sources:
            if not isinstance(path, str):
                yield path
            elif path == STANDARD_INPUT and self._standard_input is not None:
                yield from read_path_list(self._standard_input)
            elif is_address(path):
                yield from match_addresses(path) if has_pattern(path) else [path]
            elif glob.has_magic(path) and not os.path.lexists(path):
                matching = sort_names(glob.iglob(path, recursive=True))
                yield from chain([next(matching, path)], matching)
            else:
                yield path

    def _reset(self) -> None:
        self.other_files: Counter[str] = Counter()
        self.first_others: list[str] = []
        self.n_hidden = 0
        self.empty_folders: list[str] = []

    def _walk(self, top: str) -> Iterator[str]:
        # A stack of our own, because os.walk gives a folder's files apart from its folders, and the
        # order shall be that of all names. Each folder on it goes with the numbers of those above
        # it, because a link to one of them would be walked round and round.
        waiting: list[tuple[Iterator[tuple[str, bool]], frozenset[tuple[int, int]]]] = [
            (iter([(top, True)]), frozenset())
        ]
        while waiting:
            entries, above = waiting[-1]
            path, is_folder = next(entries, (None, False))
            if path is None:
                waiting.pop()
                continue
            if not is_folder:
                yield path
                continue
            try:
                status = os.stat(path)
                number = (status.st_dev, status.st_ino)
                # A folder that is left out may still be given by name.
                if number not in above and not (above and self._is_left_out(path)):
                    waiting.append((self._list_folder(path), above | {number}))
            except OSError:  # given as if it were a file, whose row will say what is wrong
                yield path

    def _wants(self, address: str, is_folder: bool) -> bool:
        """Whether a file or folder at an address is not left out of the folder above it."""
        name = address.rpartition("/")[2]
        if name.startswith(".") or name.lower() in _SYSTEM_FILES:
            self.n_hidden += 1
            return False
        if is_folder or ending(name) in _ENDINGS:
            return address.rstrip("/") not in self._left_out
        self.other_files[ending(name)] += 1
        self.first_others = sorted([*self.first_others, address])[:_SHOWN]
        return False

    def _is_left_out(self, path: str) -> bool:
        for other in self._left_out:
            if os.path.exists(other) and os.path.samefile(path, other):
                return True
        return False

    def _list_folder(self, folder: str) -> Iterator[tuple[str, bool]]:
        """Paths of what is in a folder, sorted by name, and whether each is a folder.

        The folder is read before this returns, so that its errors are raised here.
        """
        found = sort_names(self._scan_folder(folder))
        first = next(found, None)
        named = found if first is None else chain([first], found)
        return (
            (os.path.join(folder, name.removesuffix(_FOLDER)), name.endswith(_FOLDER))
            for name in named
        )

    def _scan_folder(self, folder: str) -> Iterator[str]:
        others: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_FILES:
                    self.n_hidden += 1
                elif _is_folder(entry):
                    yield entry.name + _FOLDER
                elif ending(entry.name) in _ENDINGS or _begins_as_picture_or_video(entry):
                    yield entry.name
                elif not self._is_left_out(entry.path):
                    self.other_files[ending(entry.name)] += 1
                    others = sorted([*others, entry.path])[:_SHOWN]
        self.first_others += others[: _SHOWN - len(self.first_others)]


def as_sources(given: Input | Iterable[Input]) -> Iterator[str | GivenPicture]:
    """Tell paths from pictures that are given themselves, one or many.

    Parameters
    ----------
    given : Input or iterable of Input
        A path; or a picture: an array, see `image_of_array`, one of Pillow's, the bytes of a file,
        or a file that is open. Of an array of shape (n_pictures, height, width), with or without
        channels, each picture. Else, all that it gives by iterating.

    Yields
    ------
    str or GivenPicture
        The latter are called "<array 0>", "<picture 0>", "<bytes 0>" or "<file 0>", by their
        place among what was given.

    Raises
    ------
    TypeError
        If something is none of these; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> [os.fspath(source) for source in as_sources(["a.jpg", np.zeros((9, 9))])]
    ['a.jpg', '<array 1>']
    """
    for number, one in enumerate([given] if _is_one(given) else given):
        kind = _kind(one)
        if kind is None:
            raise TypeError(
                f"input {number} is {type(one).__name__}: give a path, an array, a picture of "
                "Pillow's, the bytes of a picture's file, or a file that is open"
            )
        if kind == "path":
            yield os.fspath(one)
        else:
            content = bytes(one) if kind == "bytes" else one
            yield GivenPicture(f"<{kind} {number}>", content)


def _is_one(given: Any) -> bool:
    kind = _kind(given)
    if kind != "array":
        return kind is not None or not isinstance(given, Iterable)
    shape = np.shape(given)
    return len(shape) < 3 or (len(shape) == 3 and shape[2] in _CHANNELS)


def _kind(given: Any) -> str | None:
    if isinstance(given, str | os.PathLike):
        return "path"
    if isinstance(given, bytes | bytearray | memoryview):
        return "bytes"
    if is_picture_object(given):
        return "picture"
    if hasattr(given, "read"):
        return "file"
    # An array of texts, or a column of a table, is a list of paths.
    numbers = hasattr(given, "__array__") and np.asarray(given).dtype.kind in "biuf"
    return "array" if numbers else None


def read_path_list(stream: BinaryIO) -> Iterator[str]:
    """Read a list of paths as they come.

    Parameters
    ----------
    stream : binary file
        One path a line, which may end as on Windows. Where its beginning holds a zero byte, paths
        end with zero bytes, as ``find -print0`` writes them, and may hold line breaks. A byte
        order mark is obeyed, so that a list may be in UTF-16, as PowerShell writes it.

    Yields
    ------
    str
        A path; empty ones are left out.
    """
    # A buffered stream would wait for a whole block, and a thread that waits in it at the end of
    # the process would bring that down.
    source = getattr(stream, "raw", stream)
    beginning = b""
    while len(beginning) < len(codecs.BOM_UTF8) and (chunk := source.read(_CHUNK)):
        beginning += chunk
    encoding = None
    for mark, name in _ENCODINGS:
        if beginning.startswith(mark):
            encoding, beginning = name, beginning.removeprefix(mark)
            break
    # Zero bytes are no ends in UTF-16.
    chunks = chain([beginning], iter(lambda: source.read(_CHUNK), b""))
    if encoding in (None, "utf-8"):
        separator = b"\0" if b"\0" in beginning else b"\n"
        lines = (os.fsdecode(line) for line in _split(chunks, separator))
    else:
        assert encoding is not None
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        texts = (decoder.decode(chunk).encode("utf-8", "surrogatepass") for chunk in chunks)
        separator = b"\n"
        lines = (line.decode("utf-8", "replace") for line in _split(texts, separator))
    for line in lines:
        # A name may end with what ends a line on Windows, but hardly ever does.
        ended = separator == b"\n" and line.endswith("\r") and not os.path.lexists(line)
        path = line.removesuffix("\r") if ended else line
        if path:
            yield path


def _split(chunks: Iterable[bytes], separator: bytes) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(separator)
        yield from whole
    if rest:
        yield rest


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, say: reading it as a file will say so
        return False


def _begins_as_picture_or_video(entry: os.DirEntry[str]) -> bool:
    try:
        if not entry.is_file():
            return False
        with open(entry.path, "rb") as stream:
            return recognise(stream) is not None
    except OSError:
        return False
