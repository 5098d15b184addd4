"""Reading back the rows of a table of predictions, as far as they are whole."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from fer_ensemble.faces.output import choose_writer
from fer_ensemble.faces.table import columns
from fer_ensemble.faces.writers import CsvWriter


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
        Whether the row tells of a failure. A frame without a face is none.
    end : int
        How many bytes of the file there are up to its end.
    """

    path: str
    frame: int | None
    n_rows: int
    n_faces: int
    failed: bool
    end: int


def read_items(path: str | os.PathLike[str], class_names: Sequence[str]) -> Iterator[WrittenItem]:
    """Read back what a table tells of each picture and frame.

    Reading ends without an error at the first row that is not whole: all that a kill can leave.

    Parameters
    ----------
    path : path-like
        A CSV or JSON Lines file that `open_writer` made.
    class_names : sequence of str

    Yields
    ------
    WrittenItem
        The last one may lack rows.

    Raises
    ------
    ValueError
        If the file begins with other columns.
    """
    read = _read_csv if choose_writer(path) is CsvWriter else _read_json_lines
    item: WrittenItem | None = None
    with open(path, "rb") as stream:
        for cells, end in read(stream, class_names):
            if cells["face"] and item is not None:
                item = replace(item, n_rows=item.n_rows + 1, n_faces=item.n_faces + 1, end=end)
                continue
            if item is not None:
                yield item
            item = _first_row(cells, end)
    if item is not None:
        yield item


def _first_row(cells: dict[str, Any], end: int) -> WrittenItem:
    found = cells["face"] is not None
    failed = not found and (cells["frame"] is None or cells["status"] != "no_face")
    return WrittenItem(cells["path"], cells["frame"], 1, int(found), failed, end)


def _read_csv(stream: BinaryIO, class_names: Sequence[str]) -> Iterator[tuple[dict[str, Any], int]]:
    names = columns(class_names)
    header = io.BytesIO()
    CsvWriter(header, class_names)
    begun = stream.read(len(header.getvalue()))
    if not header.getvalue().startswith(begun):
        raise _other_columns(stream, begun)
    lines = _CountedLines(stream, len(begun))
    try:
        for values in csv.reader(lines, strict=True):
            if len(values) != len(names):
                return
            cells = dict(zip(names, values, strict=True))
            yield {**cells, **{name: _whole(cells[name]) for name in ("frame", "face")}}, lines.end
    except (csv.Error, ValueError):
        return


def _read_json_lines(
    stream: BinaryIO, class_names: Sequence[str]
) -> Iterator[tuple[dict[str, Any], int]]:
    names = columns(class_names)
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
        f"{stream.name} cannot be gone on with: it is no table of predictions with the columns "
        f"of this model; it begins with {shown!r}. Give another file to write"
    )


class _CountedLines:
    """Lines that are whole, up to the first that is not, and how far they reach."""

    def __init__(self, stream: BinaryIO, end: int) -> None:
        self._stream = stream
        self.end = end

    def __iter__(self) -> Iterator[str]:
        for line in self._stream:
            if not line.endswith(b"\n"):
                return
            self.end += len(line)
            yield line.decode("utf-8", "replace")
