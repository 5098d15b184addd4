"""Write files whole or not at all, and never through a link."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# Such as /dev/stdout: nothing that could take another file's place.
_NO_FILES = ("/dev/", "/proc/")


@contextmanager
def open_atomically(file: str | os.PathLike[str], *, lasting: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when it is complete.

    What is written goes to a fresh file of a random name beside it first, which takes the name once
    it is on the disk. A link of that name is replaced and not followed: in a folder from elsewhere
    it could lead to any other file. Devices, such as ``/dev/stdout``, are written to as they are.

    Parameters
    ----------
    file : path-like
        File to replace or to make.
    lasting : bool, default=True
        Whether to wait until the disk has it, so that a power cut leaves the old content or the
        new; thousands of small files take minutes with it.

    Yields
    ------
    binary file
        An error inside the ``with`` block leaves the old content and nothing else; a kill leaves
        the old content, and perhaps a file that ends in ``.partial``.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(file)
    if os.path.abspath(path).startswith(_NO_FILES):
        with path.open("wb") as stream:
            yield stream
        return
    partial = _partial(path)
    try:
        with _create(partial, lasting) as stream:
            yield stream
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_atomically(file: str | os.PathLike[str], content: bytes, *, lasting: bool = True) -> None:
    """Replace a file's content, so that a kill leaves the old or the new one.

    Parameters
    ----------
    file : path-like
        File to replace or to make.
    content : bytes
        Its new content.
    lasting : bool, default=True
        As of :func:`open_atomically`.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with open_atomically(file, lasting=lasting) as stream:
        stream.write(content)


def write_together(directory: Path, files: Mapping[str, bytes], *, last: str) -> None:
    """Replace several files that belong together.

    Everything is on the disk before anything is replaced, so that a full disk spares what stands
    there. A kill while files are renamed leaves none of the name `last`, rather than a mixture.

    Parameters
    ----------
    directory : Path
        Where; made if need be.
    files : mapping of str to bytes
        Every file by its name.
    last : str
        The file without which the others count for nothing: removed first, and renamed last.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    partials = {name: _partial(directory / name) for name in files}
    try:
        for name, content in files.items():
            with _create(partials[name]) as stream:
                stream.write(content)
        (directory / last).unlink(missing_ok=True)
        for name in sorted(files, key=lambda name: name == last):
            partials[name].replace(directory / name)
    except BaseException:
        for partial in partials.values():
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def _create(partial: Path, lasting: bool = True) -> Iterator[BinaryIO]:
    # O_EXCL takes neither a file that is there nor a link, wherever it leads.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(partial, flags, 0o666), "wb") as stream:
        yield stream
        if lasting:
            stream.flush()
            # Without it, a power cut after the renaming could leave the new name with no content.
            os.fsync(stream.fileno())


def _partial(file: Path) -> Path:
    # Nobody can put a link where a name is random. Cut, since names of files have a limit.
    return file.with_name(f"{file.name[:40]}.{os.urandom(8).hex()}.partial")
