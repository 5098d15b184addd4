"""Write files whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def open_atomically(file: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only when it is complete.

    Parameters
    ----------
    file : path-like
        File to replace or to make.

    Yields
    ------
    binary file
        What is written goes to ``file`` with the ending ``.partial`` first. A kill, or an error
        inside the ``with`` block, leaves the old content.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with _open_partial(Path(file)) as stream:
        yield stream
    _partial(Path(file)).replace(file)


def write_atomically(file: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file's content, so that a kill leaves the old or the new one.

    Parameters
    ----------
    file : path-like
        File to replace or to make.
    content : bytes
        Its new content.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with open_atomically(file) as stream:
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
    contents = {directory / name: content for name, content in files.items()}
    try:
        for file, content in contents.items():
            with _open_partial(file) as stream:
                stream.write(content)
    except BaseException:
        for file in contents:
            _partial(file).unlink(missing_ok=True)
        raise
    (directory / last).unlink(missing_ok=True)
    for file in sorted(contents, key=lambda file: file.name == last):
        _partial(file).replace(file)


@contextmanager
def _open_partial(file: Path) -> Iterator[BinaryIO]:
    with _partial(file).open("wb") as stream:
        yield stream
        stream.flush()
        # Without it, a power cut after the renaming could leave the new name with no content.
        os.fsync(stream.fileno())


def _partial(file: Path) -> Path:
    return file.with_name(file.name + ".partial")
