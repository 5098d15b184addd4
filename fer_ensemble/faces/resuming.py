"""Resuming a run that was killed: which rows of its table are kept, which inputs are done.

A resumed run writes what an unbroken run would have written, to the byte. Networks may give a face
other last digits in other company, so only whole batches are kept, and the batches after them begin
where they would have begun: where `BatchCounter` says so by the rows, and with each group.
"""

from __future__ import annotations

import csv
import io
import json
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from typing import Any, BinaryIO

from fer_ensemble.faces.batching import BatchCounter
from fer_ensemble.faces.grouping import Marked
from fer_ensemble.faces.inputs import VideoRest
from fer_ensemble.faces.output import (
    COUNTS,
    CsvWriter,
    Output,
    ParquetWriter,
    choose_writer,
    columns,
    printable_path,
)
from fer_ensemble.faces.prediction import SIDES, has_failed
from fer_ensemble.faces.tracking import Tracker


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The part of a table that is kept.

    Parameters
    ----------
    path : path-like
        The file.
    class_names : sequence of str
    n_bytes : int
        How much of the file is kept, its header included; 0 if nothing is.
    n_rows : int
    n_items : int
        Pictures and frames that the rows belong to.
    n_faces : int
        Rows that hold a prediction.
    n_failed : int
        Rows of inputs that have failed; see :func:`~fer_ensemble.faces.prediction.has_failed`.
    optional : tuple of str
        Which of the optional columns there are.
    group_ends : array of int
        Bytes of the file before its first row, and up to the end of each group of inputs that is
        kept.
    """

    path: str | os.PathLike[str]
    class_names: tuple[str, ...]
    n_bytes: int = 0
    n_rows: int = 0
    n_items: int = 0
    n_faces: int = 0
    n_failed: int = 0
    optional: tuple[str, ...] = ()
    group_ends: array[int] = field(default_factory=lambda: array("q"))


def keep_rows(
    path: str | os.PathLike[str],
    class_names: Sequence[str],
    inputs: Marked,
    batch_size: int,
    *,
    optional: Sequence[str] = (),
) -> tuple[KeptRows, Marked]:
    """Find which part of a table can be kept, and which inputs remain. The file is left as it is.

    Parameters
    ----------
    path : path-like
        A CSV or JSON Lines file that `open_writer` began, or none yet.
    class_names : sequence of str
        Names of the classifier's classes.
    inputs : iterator of path-like or None
        All inputs of the run, with the ends of their groups; see
        :func:`~fer_ensemble.faces.mark_groups`.
    batch_size : int
        That of the run that was killed.
    optional : sequence of str, default=()
        Which of the optional columns it wrote.

    Returns
    -------
    kept : KeptRows
    remaining : iterator of path-like or None
        The inputs whose rows are not kept; at first, perhaps, a `VideoRest`, or the end of a group
        of which all are.

    Raises
    ------
    ValueError
        If the file is no table with these columns, or has a form that cannot be resumed; or if its
        rows do not belong to the first of the inputs, in their order.
    """
    kept = KeptRows(path, tuple(class_names), optional=tuple(optional))
    if choose_writer(path) is ParquetWriter:
        raise ValueError(
            f"{os.fspath(path)}: a Parquet file is whole or nothing and cannot be resumed; "
            "write .csv or .jsonl"
        )
    if not os.path.exists(path):  # killed before the first row, or the first run of all
        return kept, inputs
    return _Walk(kept, inputs, batch_size).go()


class _Walk:
    """Goes through the rows of a table and the inputs side by side, batch by batch.

    Batches end with those of the run before: with a full one, and with a group. That a group has
    ended is known once a row of the next one stands there, since the last row of all may have been
    followed by others of its input.
    """

    def __init__(self, kept: KeptRows, inputs: Marked, batch_size: int) -> None:
        self._kept = self._read = kept
        self._inputs = inputs
        header = choose_writer(kept.path)(io.BytesIO(), kept.class_names, optional=kept.optional)
        kept.group_ends.append(header.place())
        self._counter, self._batch_size = BatchCounter(batch_size), batch_size
        self._done: _DoneInput | None = None
        self._n_inputs = 0
        # Inputs that were begun after the last batch, and have to be searched again.
        self._again: list[str | os.PathLike[str]] = []

    def go(self) -> tuple[KeptRows, Marked]:
        kept = self._kept
        items = read_items(kept.path, kept.class_names, optional=kept.optional)
        # The last item may lack rows, so that it is never counted.
        for item, following in pairwise(chain(items, [None])):
            assert item is not None
            if self._done is None or not _continues(item, self._done):
                self._begin(item)
            if following is not None:
                self._add(item)
        return self._kept, chain(self._again, self._inputs)

    def _begin(self, item: WrittenItem) -> None:
        given = next(self._inputs, None)
        # The end of a group, or that of all inputs, which is no better than another input.
        if given is None and self._done is not None:
            self._end_batch()
            self._kept.group_ends.append(self._read.n_bytes)
            self._again = []
            given = next(self._inputs, None)
        self._n_inputs += 1
        if given is None or printable_path(os.fspath(given)) != item.path:
            found = "there is none" if given is None else f"it is {os.fspath(given)!r}"
            raise ValueError(
                f"{os.fspath(self._kept.path)} cannot be resumed: by its rows input "
                f"{self._n_inputs:,} is {item.path!r}, but now {found}. Give the same inputs in "
                "the same order, or another file to write"
            )
        self._again.append(given)
        self._done = _DoneInput(item.path)

    def _add(self, item: WrittenItem) -> None:
        assert self._done is not None
        self._done.add(item)
        self._read = _add_item(self._read, item)
        if self._counter.add(item.n_faces):
            self._end_batch()
            given = self._again[-1]
            rest = VideoRest(os.fspath(given), self._done.n_frames)
            self._again = [] if self._done.ended else [rest]

    def _end_batch(self) -> None:
        self._kept = self._read
        self._counter = BatchCounter(self._batch_size)


def _add_item(rows: KeptRows, item: WrittenItem) -> KeptRows:
    return replace(
        rows,
        n_bytes=item.end,
        n_rows=rows.n_rows + item.n_rows,
        n_items=rows.n_items + 1,
        n_faces=rows.n_faces + item.n_faces,
        n_failed=rows.n_failed + item.failed,
    )


@dataclass(slots=True)
class _DoneInput:
    """An input of which rows have been read, and if it is a video, how many of its frames."""

    path: str
    n_frames: int = 0
    last_frame: int = -1
    ended: bool = False

    def add(self, item: WrittenItem) -> None:
        if item.frame is None:
            self.ended = True
        else:
            self.n_frames, self.last_frame = self.n_frames + 1, item.frame


def _continues(item: WrittenItem, done: _DoneInput) -> bool:
    """Whether an item is of the input before it: a later frame, or the row that ends a video.

    A video that was given twice begins anew, with a frame that is no later.
    """
    if item.path != done.path or done.ended:
        return False
    return item.frame is None or item.frame > done.last_frame


@dataclass(frozen=True, slots=True)
class WrittenItem:
    """The rows of one picture, one frame, or one video that could not be read.

    Parameters
    ----------
    path : str
        As it is written.
    frame : int or None
    n_rows, n_faces : int
        Rows, and those of them that hold a prediction.
    failed : bool
        See :func:`has_failed`.
    end : int
        How many bytes of the file there are up to its end.
    """

    path: str
    frame: int | None
    n_rows: int
    n_faces: int
    failed: bool
    end: int


def read_items(
    path: str | os.PathLike[str], class_names: Sequence[str], *, optional: Sequence[str] = ()
) -> Iterator[WrittenItem]:
    """Read back what a table holds of each picture and frame.

    Reading ends without an error at the first row that is not whole: all that a kill can leave.

    Parameters
    ----------
    path : path-like
        A CSV or JSON Lines file that `open_writer` made.
    class_names : sequence of str
    optional : sequence of str, default=()
        Which of the optional columns there are.

    Yields
    ------
    WrittenItem
        The last one may lack rows.

    Raises
    ------
    ValueError
        If the file begins with other columns.
    """
    item: WrittenItem | None = None
    for cells, end in _read_rows(path, class_names, optional):
        # The first face has number 0, and a row without a face none: only the others go on.
        if cells["face"] and item is not None:
            item = replace(item, n_rows=item.n_rows + 1, n_faces=item.n_faces + 1, end=end)
            continue
        if item is not None:
            yield item
        item = _first_row(cells, end)
    if item is not None:
        yield item


def restore_tracks(tracker: Tracker, kept: KeptRows) -> None:
    """Bring a tracker to where it was after the rows that are kept.

    Parameters
    ----------
    tracker : Tracker
        A new one.
    kept : KeptRows
    """
    if not kept.n_bytes:
        return
    for cells, end in _read_rows(kept.path, kept.class_names, kept.optional):
        if end > kept.n_bytes:
            break
        box = None if _is_empty(cells["x"]) else tuple(float(cells[side]) for side in SIDES)
        time = None if _is_empty(cells["time"]) else float(cells["time"])
        names = () if cells["face"] is None else kept.class_names
        probabilities = [float(cells[f"p_{name}"]) for name in names]
        tracker.remember(cells["frame"], time, cells["face"], cells["track"], box, probabilities)


def file_to_resume(out: Output | None) -> str | os.PathLike[str]:
    """Give the file that an earlier run has begun.

    Parameters
    ----------
    out : path-like, binary file or None
        Where this one writes.

    Returns
    -------
    path-like

    Raises
    ------
    ValueError
        If it is no file.
    """
    if not isinstance(out, str | os.PathLike):
        raise ValueError("resume needs the file that an earlier run has begun: give out")
    return out


def describe_settings(always: dict[str, Any], **asked_for: Any) -> dict[str, Any]:
    """Give all that decides what rows come to, as JSON values.

    Parameters
    ----------
    always : dict
        By name; what is no plain value is told by its type.
    **asked_for
        None of what is not asked for: it is left out, as runs had it that knew nothing of it.

    Returns
    -------
    dict
    """
    told = {
        name: value if isinstance(value, str | int | float | None) else type(value).__qualname__
        for name, value in always.items()
    }
    return told | {name: value for name, value in asked_for.items() if value is not None}


def check_same_settings(
    table: str | os.PathLike[str], before: dict[str, Any], now: dict[str, Any]
) -> None:
    """Refuse to add rows to those of another model or other settings.

    Parameters
    ----------
    table : path-like
    before, now : dict
        All that decides what rows come to, by name.

    Raises
    ------
    ValueError
        If something differs.
    """
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if names:
        differences = ", ".join(
            f"{name} was {before.get(name)} and is {now.get(name)}" for name in names
        )
        raise ValueError(
            f"{os.fspath(table)} cannot be resumed: its rows were made in another way "
            f"({differences}). Give the same model and options, or another file to write"
        )


def _is_empty(cell: str | float | None) -> bool:
    return cell is None or cell == ""


def _read_rows(
    path: str | os.PathLike[str], class_names: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[dict[str, Any], int]]:
    """Give the cells of each row that is whole, and where it ends."""
    read = _read_csv if choose_writer(path) is CsvWriter else _read_json_lines
    with open(path, "rb") as stream:
        yield from read(stream, class_names, optional)


def _first_row(cells: dict[str, Any], end: int) -> WrittenItem:
    failed = has_failed(cells["status"], cells["frame"])
    return WrittenItem(
        cells["path"], cells["frame"], 1, int(cells["face"] is not None), failed, end
    )


def _read_csv(
    stream: BinaryIO, class_names: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[dict[str, Any], int]]:
    names = columns(class_names, optional=optional)
    counts = [name for name in COUNTS if name in names]
    header = io.BytesIO()
    CsvWriter(header, class_names, optional=optional)
    # A kill may have left a part of the header, but nothing else.
    begun = stream.read(len(header.getvalue()))
    if not header.getvalue().startswith(begun):
        raise _other_columns(stream, begun)
    lines = _CountedLines(stream, len(begun))
    try:
        for values in csv.reader(lines, strict=True):
            if len(values) != len(names):  # cut within a path that holds a line break
                return
            cells = dict(zip(names, values, strict=True))
            yield {**cells, **{name: _whole(cells[name]) for name in counts}}, lines.end
    except (csv.Error, ValueError):
        return


def _read_json_lines(
    stream: BinaryIO, class_names: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[dict[str, Any], int]]:
    names = columns(class_names, optional=optional)
    lines = _CountedLines(stream, 0)
    for line in lines:
        try:
            cells = json.loads(line)
        except ValueError:
            return
        if not isinstance(cells, dict) or list(cells) != names:
            raise _other_columns(stream, line.encode())
        yield cells, lines.end


def _whole(cell: str) -> int | None:
    return int(cell) if cell else None


def _other_columns(stream: BinaryIO, begun: bytes) -> ValueError:
    shown = begun[:80].decode("utf-8", "replace").strip()
    return ValueError(
        f"{stream.name} cannot be resumed: it is no table of predictions with the columns "
        f"of this model and these options; it begins with {shown!r}. Give another file to write"
    )


class _CountedLines:
    """Lines that are whole, up to the first that is not, and how far they reach.

    A reader of CSV says how many lines it has read, but not how many bytes.
    """

    def __init__(self, stream: BinaryIO, end: int) -> None:
        self._stream = stream
        self.end = end

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            if not line.endswith(b"\n"):
                return
            self.end += len(line)
            yield line.decode("utf-8", "replace")
