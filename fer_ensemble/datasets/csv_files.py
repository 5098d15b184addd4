"""Read faces from CSVs: FER2013's own, and others that are laid out in a similar way."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast
from zipfile import BadZipFile

import numpy as np

from fer_ensemble.bounded_files import open_regular
from fer_ensemble.datasets.csv_tables import find_delimiter
from fer_ensemble.datasets.dataset import FACE_SIZE, DatasetError, FaceDataset, Progress, ReadReport
from fer_ensemble.datasets.label_meanings import LabelReader, LeftOutError, UnknownLabelError
from fer_ensemble.datasets.labels import parse_split
from fer_ensemble.datasets.pixel_parsing import PixelError, parse_pixels

#: Longer lines are not rows of faces: one of 224×224 pixels in colour has at most 602,112 bytes.
#: The bound keeps a file without line ends out of memory.
MAX_LINE_BYTES = 1024 * 1024

#: A gzipped CSV may expand a thousandfold; so many faces take 2.3 GB, more than any dataset of
#: this form has.
MAX_ROWS = 1_000_000

#: A file of blank lines, or one whose rows are no faces, is not read to its end.
MAX_BLANK_LINES = 100_000
MAX_LOST = 10_000
MAX_BEYOND_BYTES = 64 * MAX_LINE_BYTES

#: What columns are called; the first that is there counts. FER2013's own names come first.
LABEL_COLUMNS = ("emotion", "label", "expression", "class", "emotions", "labels")
PIXEL_COLUMNS = ("pixels", "pixel", "image", "data")
PART_COLUMNS = ("usage", "split", "set", "part", "subset")

_CHUNK = 500  # rows between two calls of `progress`
# What streams raise where a file, or what it is packed in, ends too early or is damaged.
_STREAM_ERRORS = (EOFError, OSError, zlib.error, BadZipFile)


def read_csv(
    path: Path, report: ReadReport, labels: LabelReader, progress: Progress | None = None
) -> FaceDataset:
    """Read faces from a CSV, plain or gzipped (whatever its ending).

    Parameters
    ----------
    path : Path
    report : ReadReport
        Takes the rows that are skipped. Row 1 is the line that names the columns.
    labels : LabelReader
    progress : callable, optional
        Called as ``progress(done, total)``, with an estimate of the total.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If the columns are not there, labels are numbers that nothing says the meaning of, or there
        are more than `MAX_ROWS` rows, or nothing but others than faces.
    OSError
        If the file cannot be opened, or is a pipe or a device.
    """
    with open_regular(path) as raw:
        size = path.stat().st_size
        gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if gzipped else raw
        return read_rows(stream, report, labels, progress, lambda: raw.tell() / size)


def read_rows(
    stream: BinaryIO,
    report: ReadReport,
    labels: LabelReader,
    progress: Progress | None,
    fraction_read: Callable[[], float],
) -> FaceDataset:
    """Read faces from the open stream of a CSV; see `read_csv`.

    Parameters
    ----------
    stream : binary file
    report : ReadReport
    labels : LabelReader
        Told here whether the columns are FER2013's.
    progress : callable or None
    fraction_read : callable
        Says how much of the stream has been read, from 0 to 1.

    Returns
    -------
    FaceDataset
    """
    report.unit = "row"
    lines = _lines(stream, report)
    header = next(lines, None)
    if header is None:
        raise DatasetError(
            f"{report.source}: there is no row in it; {report.summary() or 'it is empty'}. "
            "Download or make it again."
        )
    columns = parse_header(header[1], report.source)
    labels.is_fer2013 = columns.are_fer2013
    report.has_parts = columns.part is not None
    pixels, lost = bytearray(), 0
    found: list[int] = []
    parts: list[str] = []
    rows: list[int] = []
    for done, (row, line) in enumerate(lines, start=1):
        if done > MAX_ROWS:
            raise DatasetError(
                f"{report.source}: more than {MAX_ROWS:,} rows. Cut the file into parts."
            )
        try:
            face, label, part, note = _parse_row(line, columns, labels)
        except _RowError as error:
            report.add(error.kind, f"row {row}", str(error))
            lost += error.kind != "other_expression"
            if lost > MAX_LOST and not found:
                break
        else:
            if note:
                report.add("resized", f"row {row}", note)
            pixels += face
            found.append(label)
            parts.append(part)
            rows.append(row)
        if progress and done % _CHUNK == 0:
            progress(done, max(done, round(done / max(fraction_read(), 1e-9))))
    labels.check(report.source)
    if progress:
        progress(done, done)
    return FaceDataset(
        # Of a bytearray, not of bytes: the images are the caller's to write to.
        images=np.frombuffer(pixels, np.uint8).reshape(-1, FACE_SIZE, FACE_SIZE),
        labels=np.array(found, np.int64),
        split=np.array(parts, np.str_),
        names=np.array([f"row {row}" for row in rows], object),
        report=report,
    )


def parse_header(line: bytes, source: str) -> Columns:
    """Find the columns in the line that names them.

    Case and blanks around the names do not matter; columns of other names are ignored. Pixels may
    stand in a column each, called pixel0, pixel1, … or 0, 1, ….

    Raises
    ------
    DatasetError
        If there are no labels or no pixels.
    """
    text = line.decode("utf-8-sig", "replace")
    delimiter = find_delimiter(text)
    try:
        fields = next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        fields = []
    names = [name.strip().lower() for name in fields]
    label, part = _find(names, LABEL_COLUMNS), _find(names, PART_COLUMNS)
    one = _find(names, PIXEL_COLUMNS)
    each = [place for place, name in enumerate(names) if name.removeprefix("pixel").isdecimal()]
    pixels = None if one is None else slice(one, one + 1)
    if one is None and len(each) > 1 and each[-1] - each[0] == len(each) - 1:
        pixels = slice(each[0], each[-1] + 1)
    if label is None or pixels is None:
        found = ", ".join(repr(name[:20]) for name in names[:6]) or "nothing"
        raise DatasetError(
            f"{source}: row 1 must name the columns emotion (or label), pixels and (optionally) "
            f"Usage (or split), separated by commas, in UTF-8; it names {found}. Add or correct "
            "that row."
        )
    are_fer2013 = (names[label], names[pixels.start]) == ("emotion", "pixels")
    return Columns(label, pixels, part, are_fer2013, delimiter)


class Columns(NamedTuple):
    """Places of the columns in a row.

    `part` is None in a file without that column; `are_fer2013` says whether labels and pixels have
    FER2013's own names; `delimiter` stands between the columns.
    """

    label: int
    pixels: slice
    part: int | None
    are_fer2013: bool
    delimiter: str


def _find(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


class _RowError(ValueError):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _lines(stream: BinaryIO, report: ReadReport) -> Iterator[tuple[int, bytes]]:
    """Yield the numbers and texts of the lines that are not blank.

    Each line is a row of its own, so that a stray quote spoils one row and not those after it.
    """
    number = blank = beyond = 0
    try:
        while line := stream.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                # The rest of the line is read and thrown away piece by piece.
                beyond += len(line)
                while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    beyond += len(rest)
                    _check_bound(beyond, MAX_BEYOND_BYTES, "bytes beyond what a row has", report)
                report.add(
                    "unreadable", f"row {number}", f"longer than {MAX_LINE_BYTES // 1024} KiB"
                )
            elif line.strip():
                yield number, line
            else:
                blank += 1
                _check_bound(blank, MAX_BLANK_LINES, "blank lines", report)
    except _STREAM_ERRORS as error:
        report.add("truncated", f"after row {number}", f"cut short or damaged ({error})")


def _check_bound(count: int, most: int, what: str, report: ReadReport) -> None:
    if count > most:
        raise DatasetError(
            f"{report.source}: more than {most:,} {what}, so that this is no CSV of faces. "
            "Download or make it again."
        )


def _parse_row(line: bytes, columns: Columns, labels: LabelReader) -> tuple[bytes, int, str, str]:
    line = line.rstrip(b"\r\n")
    # The csv module takes text, and most lines need neither it nor the decoding.
    if b'"' in line:
        try:
            reader = csv.reader([line.decode("utf-8", "replace")], delimiter=columns.delimiter)
            fields = [field.encode() for field in next(reader)]
        except csv.Error as error:
            raise _RowError("unreadable", f"not a row of a CSV ({error})") from None
    else:
        fields = line.split(columns.delimiter.encode())
    fields += [b""] * (1 + max(columns.label, columns.part or 0) - len(fields))
    part = "train" if columns.part is None else _parse_part(fields[columns.part])
    label = _parse_label(fields[columns.label], labels)
    try:
        face, note = parse_pixels(b" ".join(fields[columns.pixels]))
    except PixelError as error:
        raise _RowError(error.kind, str(error)) from None
    return face, label, part, note


def _parse_part(field: bytes) -> str:
    try:
        return parse_split(field.decode("utf-8", "replace"))
    except ValueError as error:
        raise _RowError("unknown_usage", str(error)) from None


def _parse_label(field: bytes, labels: LabelReader) -> int:
    label = field.decode("utf-8", "replace")
    try:
        return labels.read(label)
    except UnknownLabelError as error:
        raise _RowError("unknown_label", str(error)) from None
    except LeftOutError:
        raise _RowError(
            "other_expression", f"{label.strip()!r} was said to be none of ours"
        ) from None
