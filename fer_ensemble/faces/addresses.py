"""Addresses of object stores and of HDFS: reading, listing and writing what is there.

pyarrow has file systems for S3, Google Cloud Storage, Azure and HDFS; where it has none, as for
``memory://``, fsspec's is taken. Who may do what is told by the environment, as the tools of each
store have it (``AWS_PROFILE``, ``AWS_ENDPOINT_URL``, ``GOOGLE_APPLICATION_CREDENTIALS``), and never
by an address: addresses stand in tables.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import Any, BinaryIO
from urllib.parse import quote

from fer_ensemble.faces.contents import ADDRESS
from fer_ensemble.libraries import require

_PURPOSE = "An address of an object store or of HDFS"

# What others call the file systems that pyarrow knows.
_ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}
_BY_FSSPEC = ("memory",)
_WITH_FOLDERS = ("file", "hdfs", "memory", "viewfs")

_MAGIC = re.compile(r"[*?\[]")


def locate(address: str) -> tuple[Any, str]:
    """Find the file system of an address.

    Parameters
    ----------
    address : str

    Returns
    -------
    system : pyarrow.fs.FileSystem
        The same one for all addresses of a store.
    path : str
        The file or folder in it.

    Raises
    ------
    MissingLibraryError
        If pyarrow, or fsspec where that is needed, is not installed.
    ValueError
        If a password stands in the address.
    OSError
        If the store cannot be reached.
    """
    match = ADDRESS.fullmatch(address)
    assert match is not None
    scheme, place, path = match[1].lower(), match[2], match[3]
    if ":" in place.rpartition("@")[0]:
        raise ValueError(
            f"leave the password out of {scheme}://***@{place.rpartition('@')[2]}{path}: set it in "
            "the environment, as the tools of the store have it, since addresses stand in tables"
        )
    system, base = _file_system(_ALIASES.get(scheme, scheme), place)
    return system, f"{base.rstrip('/')}{path}"


@cache
def _file_system(scheme: str, place: str) -> tuple[Any, str]:
    """Give a file system, and what stands before the paths in it."""
    require("pyarrow", _PURPOSE)
    from pyarrow import fs

    if scheme in _BY_FSSPEC:
        require("fsspec", f"An address {scheme}://")
        import fsspec

        return fs.PyFileSystem(fs.FSSpecHandler(fsspec.filesystem(scheme))), f"/{place}"
    if scheme == "file":
        return fs.LocalFileSystem(), ""
    with telling_of(f"{scheme}://{place}"):
        system, base = fs.FileSystem.from_uri(f"{scheme}://{quote(place, safe='@:.')}/")
    return system, base


@contextmanager
def telling_of(address: str) -> Iterator[None]:
    """Bring errors of stores to the form that those of the system have.

    Parameters
    ----------
    address : str

    Raises
    ------
    OSError
        With a number, a reason in one line and the address.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, "no such file", address) from error
    except OSError as error:
        reason = " ".join(str(error.strerror or error).split())
        raise OSError(error.errno or errno.EIO, reason, address) from error


def read_address(address: str, most: int) -> bytes:
    """Read a file.

    Parameters
    ----------
    address : str
    most : int
        Bytes to read; of a larger file the beginning is given.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    """
    system, path = locate(address)
    with telling_of(address), system.open_input_stream(path) as stream:
        return bytes(stream.read(most))


@contextmanager
def fetched(address: str) -> Iterator[str]:
    """Copy a file to this machine for a while, as decoders of videos need it.

    Parameters
    ----------
    address : str

    Yields
    ------
    str
        A temporary file with the same ending.

    Raises
    ------
    OSError
        If it cannot be read, or there is no room.
    """
    system, path = locate(address)
    with tempfile.NamedTemporaryFile(suffix=os.path.splitext(path)[1]) as copy:
        with telling_of(address), system.open_input_stream(path) as stream:
            shutil.copyfileobj(stream, copy, 1 << 20)
        copy.flush()
        yield copy.name


@contextmanager
def open_address(address: str) -> Iterator[BinaryIO]:
    """Open a file for writing; it is there, whole or not, once the block has been left.

    Parameters
    ----------
    address : str

    Yields
    ------
    binary file

    Raises
    ------
    OSError
        If it cannot be written.
    """
    system, path = locate(address)
    with telling_of(address):
        make_parent(address)
        with system.open_output_stream(path) as stream:
            yield stream


def write_address(address: str, content: bytes) -> None:
    """Write a file that has its name once it is whole.

    Parameters
    ----------
    address : str
    content : bytes

    Raises
    ------
    OSError
        If it cannot be written.
    """
    system, path = locate(address)
    with telling_of(address):
        make_parent(address)
        # Object stores show a file when its last byte has come; where there are folders, a file is
        # seen while it grows.
        folder, _, name = path.rpartition("/")
        begun = f"{folder}/.{name}.{os.urandom(8).hex()}.partial" if has_folders(address) else path
        with system.open_output_stream(begun) as stream:
            stream.write(content)
        if begun != path:
            system.move(begun, path)


def is_local(address: str) -> bool:
    """Whether an address is one of a file of this machine.

    Parameters
    ----------
    address : str

    Returns
    -------
    bool
    """
    return address.lower().startswith("file://")


def has_folders(address: str) -> bool:
    """Whether there are folders where an address is, and not names with slashes in them alone.

    Parameters
    ----------
    address : str

    Returns
    -------
    bool
    """
    return address.partition(":")[0].lower() in _WITH_FOLDERS


def make_parent(address: str) -> None:
    """Make the folder above a file, where the file system has folders.

    Parameters
    ----------
    address : str
    """
    system, path = locate(address)
    if has_folders(address):
        system.create_dir(path.rstrip("/").rpartition("/")[0], recursive=True)


def match_addresses(pattern: str) -> Iterator[str]:
    """Give the files that an address with ``*``, ``?`` or ``[…]`` stands for.

    Parameters
    ----------
    pattern : str
        As in ``s3://bucket/2024/**/*.jpg``, where ``**/`` stands for any folders.

    Yields
    ------
    str
        Their addresses, sorted by name in each folder; the pattern itself if there are none.
    """
    magic = _MAGIC.search(pattern)
    assert magic is not None
    top, matcher = pattern[: magic.start()].rpartition("/")[0], _compile(pattern)
    # Hidden files are left out, as where a pattern stands for files of this machine.
    files = walk_address(top, lambda address, _: not address.rpartition("/")[2].startswith("."))
    matching = filter(matcher.fullmatch, files)
    yield from chain([next(matching, pattern)], matching)


def has_pattern(address: str) -> bool:
    """Whether an address may stand for others, see :func:`match_addresses`.

    Parameters
    ----------
    address : str

    Returns
    -------
    bool
    """
    return _MAGIC.search(address) is not None


def walk_address(address: str, is_wanted: Callable[[str, bool], bool]) -> Iterator[str]:
    """Give the files in a folder and all that is below.

    Parameters
    ----------
    address : str
    is_wanted : callable
        Says of the address of a file or folder below, and of whether it is a folder, if it shall be
        given, or gone through.

    Yields
    ------
    str
        Addresses, sorted by name in each folder. What cannot be listed is given itself, as is a
        file.
    """
    from pyarrow import fs

    system, path = locate(address)
    waiting = [(address.rstrip("/"), path.rstrip("/"), True)]
    while waiting:
        name, path, is_folder = waiting.pop()
        if not is_folder:
            yield name
            continue
        try:
            entries = system.get_file_info(fs.FileSelector(path))
        except OSError:  # a file, or nothing: its row will say what is wrong
            yield address if name == address.rstrip("/") else f"{name}/"
            continue
        below = sorted(
            (f"{name}/{entry.base_name}", entry.path, entry.type == fs.FileType.Directory)
            for entry in entries
        )
        waiting.extend(entry for entry in reversed(below) if is_wanted(entry[0], entry[2]))


def _compile(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*+|\?|\[[^\]]+\])", pattern)
    meanings = {"**/": "(?:[^/]+/)*", "?": "[^/]"}
    return re.compile(
        "".join(
            meanings.get(part) or ("[^/]*" if part.startswith("*") else part.replace("[!", "[^"))
            if number % 2
            else re.escape(part)
            for number, part in enumerate(parts)
        ),
        re.DOTALL,
    )
