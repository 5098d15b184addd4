"""Read CSVs: faces as FER2013's own CSV has them, and tables of any columns as text."""

from __future__ import annotations

import csv
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast
from zipfile import BadZipFile

import numpy as np

from fer_ensemble.datasets.dataset import FACE_SIZE, DatasetError, FaceDataset, Progress, ReadReport
from fer_ensemble.datasets.labels import parse_emotion, parse_split

#: Longer lines are not rows of faces (those have at most some 9,300 bytes). The bound keeps a file
#: without line ends out of memory, and stays below the field limit of the csv module.
MAX_LINE_BYTES = 128 * 1024

#: A gzipped CSV may expand a thousandfold; so many faces take 2.3 GB, more than any dataset of
#: this form has.
MAX_ROWS = 1_000_000

_CHUNK = 500  # rows between two calls of `progress`
_N_PIXELS = FACE_SIZE * FACE_SIZE
# What streams raise where a file, or what it is packed in, ends too early or is damaged.
_STREAM_ERRORS = (EOFError, OSError, zlib.error, lzma.LZMAError, BadZipFile)


def read_csv(path: Path, report: ReadReport, progress: Progress | None = None) -> FaceDataset:
    """Read faces from a CSV, plain or gzipped (whatever its ending).

    Parameters
    ----------
    path : Path
    report : ReadReport
        Takes the rows that are skipped. Row 1 is the line that names the columns.
    progress : callable, optional
        Called as ``progress(done, total)``, with an estimate of the total.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If the columns are not there or there are more than `MAX_ROWS` rows.
    OSError
        If the file cannot be opened.
    """
    size = path.stat().st_size
    with path.open("rb") as raw:
        gzipped = raw.peek(2)[:2] == b"\x1f\x8b"
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if gzipped else raw
        return read_rows(stream, report, progress, lambda: raw.tell() / size)


def read_rows(
    stream: BinaryIO,
    report: ReadReport,
    progress: Progress | None,
    fraction_read: Callable[[], float],
) -> FaceDataset:
    """Read faces from the open stream of a CSV; see `read_csv`.

    Parameters
    ----------
    stream : binary file
    report : ReadReport
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
    pixels, labels, parts, rows = bytearray(), [], [], []
    for done, (row, line) in enumerate(lines, start=1):
        if done > MAX_ROWS:
            raise DatasetError(
                f"{report.source}: more than {MAX_ROWS:,} rows. Cut the file into parts."
            )
        try:
            face, label, part = _parse_row(line, columns)
        except _RowError as error:
            report.add(error.kind, f"row {row}", str(error))
        else:
            pixels += face
            labels.append(label)
            parts.append(part)
            rows.append(row)
        if progress and done % _CHUNK == 0:
            progress(done, max(done, round(done / max(fraction_read(), 1e-9))))
    if progress:
        progress(done, done)
    return FaceDataset(
        # Of a bytearray, not of bytes: the images are the caller's to write to.
        images=np.frombuffer(pixels, np.uint8).reshape(-1, FACE_SIZE, FACE_SIZE),
        labels=np.array(labels, np.int64),
        split=np.array(parts, np.str_),
        names=np.array([f"row {row}" for row in rows], object),
        report=report,
    )


def parse_header(line: bytes, source: str) -> Columns:
    """Find the columns in the line that names them.

    Case and blanks around the names do not matter; columns of other names are ignored.

    Raises
    ------
    DatasetError
        If emotion or pixels is not there.
    """
    try:
        fields = next(csv.reader([line.decode("utf-8-sig", "replace")]), [])
    except csv.Error:
        fields = []
    names = [name.strip().lower() for name in fields]
    if "emotion" not in names or "pixels" not in names:
        found = ", ".join(repr(name[:20]) for name in names[:6]) or "nothing"
        raise DatasetError(
            f"{source}: row 1 must name the columns emotion, pixels and (optionally) Usage, "
            f"separated by commas, in UTF-8; it names {found}. Add or correct that row."
        )
    usage = names.index("usage") if "usage" in names else None
    return Columns(names.index("emotion"), names.index("pixels"), usage)


class Columns(NamedTuple):
    """Places of the columns in a row; `usage` is None in a file without that column."""

    emotion: int
    pixels: int
    usage: int | None


def read_table(path: Path) -> CsvTable:
    """Read a CSV whose first row names the columns.

    Parameters
    ----------
    path : Path
        UTF-8, separated by commas.

    Returns
    -------
    CsvTable

    Raises
    ------
    DatasetError
        If it is no such file, it has no row below the first, a name stands twice in the first,
        or a row has more or fewer fields.
    OSError
        If it cannot be opened.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = [line for line in csv.reader(stream) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is no CSV in UTF-8 ({error}). Save it as one.") from None
    if len(lines) < 2:
        raise DatasetError(f"{path} has no rows below the one that names the columns.")
    columns = tuple(name.strip() for name in lines[0])
    if len({name.lower() for name in columns}) < len(columns):
        raise DatasetError(
            f"{path}: row 1 names a column twice ({', '.join(columns)}). Rename or delete one."
        )
    for row, line in enumerate(lines[1:], start=2):
        if len(line) != len(columns):
            raise DatasetError(
                f"{path}: row {row} has {len(line)} fields, row 1 names {len(columns)} columns "
                "(separated by commas). Correct that row."
            )
    return CsvTable(str(path), columns, lines[1:])


@dataclass(frozen=True, eq=False)
class CsvTable:
    """A CSV's columns and rows.

    Attributes
    ----------
    source : str
        The file, for errors.
    columns : tuple of str
        Names of the columns.
    rows : list of list of str
        As many fields as there are columns in each. Row 1 of the file names the columns, so that
        the first of these is row 2.
    """

    source: str
    columns: tuple[str, ...]
    rows: list[list[str]]

    def find(self, names: Sequence[str]) -> str | None:
        """Return the first of several columns that the table has.

        Parameters
        ----------
        names : sequence of str
            Case does not matter.

        Returns
        -------
        str or None
            Its name as the table spells it.
        """
        spelled = {column.lower(): column for column in self.columns}
        return next((spelled[name.lower()] for name in names if name.lower() in spelled), None)

    def column(self, name: str) -> list[str]:
        """Return the fields of a column, without blanks around them.

        Parameters
        ----------
        name : str
            Case does not matter.

        Returns
        -------
        list of str

        Raises
        ------
        DatasetError
            If there is none of that name.
        """
        found = self.find([name])
        if found is None:
            raise DatasetError(
                f"{self.source} has no column {name!r}; it has {', '.join(self.columns)}."
            )
        place = self.columns.index(found)
        return [row[place].strip() for row in self.rows]


class _RowError(ValueError):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _lines(stream: BinaryIO, report: ReadReport) -> Iterator[tuple[int, bytes]]:
    """Yield the numbers and texts of the lines that are not blank.

    Each line is a row of its own, so that a stray quote spoils one row and not those after it.
    """
    number = 0
    try:
        while line := stream.readline(MAX_LINE_BYTES):
            number += 1
            if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                # The rest of the line is read and thrown away piece by piece.
                while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                    pass
                report.add(
                    "unreadable", f"row {number}", f"longer than {MAX_LINE_BYTES // 1024} KiB"
                )
            elif line.strip():
                yield number, line
    except _STREAM_ERRORS as error:
        report.add("truncated", f"after row {number}", f"cut short or damaged ({error})")


def _parse_row(line: bytes, columns: Columns) -> tuple[bytes, int, str]:
    line = line.rstrip(b"\r\n")
    # The csv module takes text, and most lines need neither it nor the decoding.
    if b'"' in line:
        try:
            fields = [f.encode() for f in next(csv.reader([line.decode("utf-8", "replace")]))]
        except csv.Error as error:
            raise _RowError("unreadable", f"not a row of a CSV ({error})") from None
    else:
        fields = line.split(b",")
    fields += [b""] * (1 + max(place or 0 for place in columns) - len(fields))
    part = "train" if columns.usage is None else _parse_usage(fields[columns.usage])
    label = _parse_label(fields[columns.emotion])
    return _parse_pixels(fields[columns.pixels]), label, part


# A file has a handful of spellings for its many rows. The bound is for files that have others.
@lru_cache(maxsize=256)
def _parse_usage(field: bytes) -> str:
    try:
        return parse_split(field.decode("utf-8", "replace"))
    except ValueError as error:
        raise _RowError("unknown_usage", str(error)) from None


@lru_cache(maxsize=256)
def _parse_label(field: bytes) -> int:
    try:
        return parse_emotion(field.decode("utf-8", "replace"))
    except ValueError as error:
        raise _RowError("unknown_label", str(error)) from None


def _parse_pixels(field: bytes) -> bytes:
    # Digits and blanks only: then NumPy's parser, some forty times as fast, cannot misread.
    if not field.translate(None, b"0123456789 \t"):
        values = np.fromstring(field, np.int64, sep=" ")
        if len(values) == _N_PIXELS and values.max() <= 255:
            return values.astype(np.uint8).tobytes()
    tokens = field.split()
    if len(tokens) != _N_PIXELS:
        raise _RowError("wrong_pixel_count", f"{len(tokens)} pixels instead of {_N_PIXELS}")
    return bytes(_parse_pixel(number, token) for number, token in enumerate(tokens, start=1))


def _parse_pixel(number: int, token: bytes) -> int:
    shown = token[:20].decode("utf-8", "replace")
    if not re.fullmatch(rb"[+-]?[0-9]+", token):
        raise _RowError("not_a_number", f"pixel {number} is {shown!r}, not a whole number")
    digits = token.lstrip(b"+-").lstrip(b"0") or b"0"
    negative = token.startswith(b"-") and digits != b"0"
    if negative or len(digits) > 3 or int(digits) > 255:
        raise _RowError("pixel_out_of_range", f"pixel {number} is {shown}, outside 0–255")
    return int(digits)
