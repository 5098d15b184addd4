"""Sorting names that may be too many for the memory: in runs, in a temporary file."""

from __future__ import annotations

import heapq
import os
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import BinaryIO

#: Names that are sorted in memory; they and their marks take some 10 MB.
RUN = 50_000

# Ends a name in the file: names hold no zero byte, or one at their end.
_END = b"\0\n"

_CHUNK = 1 << 14  # bytes of a run that are read at once


def sort_names(names: Iterable[str]) -> Iterator[str]:
    """Sort names of files, however many there are.

    Up to `RUN` names are sorted in memory. Of more, each so many are sorted and written to a
    temporary file, where the system has those (``TMPDIR``), and merged as they are read.

    Parameters
    ----------
    names : iterable of str
        Without zero bytes, but perhaps at the end; is gone through before the first is given.

    Yields
    ------
    str
        In the order of `sorted`.

    Raises
    ------
    OSError
        If the temporary file cannot be written.

    Examples
    --------
    >>> list(sort_names(["b.png", "a.png"]))
    ['a.png', 'b.png']
    """
    names = iter(names)
    run = sorted(islice(names, RUN))
    if len(run) < RUN:
        yield from run
        return
    with tempfile.TemporaryFile(prefix="fer-ensemble-") as file:
        ends = [0]
        while run:
            file.writelines(os.fsencode(name) + _END for name in run)
            ends.append(file.tell())
            run = sorted(islice(names, RUN))
        runs = [_read_run(file, *bounds) for bounds in pairwise(ends)]
        yield from heapq.merge(*runs)


def _read_run(file: BinaryIO, place: int, end: int) -> Iterator[str]:
    rest = b""
    while place < end:
        file.seek(place)
        chunk = file.read(min(_CHUNK, end - place))
        place += len(chunk)
        *names, rest = (rest + chunk).split(_END)
        yield from map(os.fsdecode, names)
