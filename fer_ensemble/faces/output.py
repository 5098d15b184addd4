"""A table of predictions in a file: its columns, its rows, and the forms that it may have."""

from __future__ import annotations

import csv
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from fer_ensemble.atomic_files import open_atomically
from fer_ensemble.faces.addresses import open_address
from fer_ensemble.faces.contents import is_address
from fer_ensemble.faces.prediction import TIME_DIGITS, FindSets, Prediction
from fer_ensemble.faces.tracking import Tracker
from fer_ensemble.libraries import require

if TYPE_CHECKING:
    import pyarrow as pa

#: A cell of the table; None where there is nothing.
Cell: TypeAlias = str | int | float | None

#: Where a table goes: to a file, or as CSV to a stream that is open.
Output: TypeAlias = str | os.PathLike[str] | BinaryIO

#: Columns of text, and of whole numbers; all others hold real numbers.
TEXTS = ("path", "label", "labels", "status", "reason")
COUNTS = ("frame", "face", "track")

#: Columns that are there if they were asked for: numbers of followed faces, and sets of labels.
OPTIONAL = ("track", "labels")

#: What stands between the labels of a set.
BETWEEN_LABELS = "|"

_BEFORE_TRACK = ("path", "frame", "time", "face")
_AFTER_TRACK = ("x", "y", "width", "height", "face_score", "label", "confidence")

# A group of rows has a header and statistics of its own: one for every batch would cost more
# than the rows.
_PARQUET_GROUP = 16_384


def name_optional(tracker: Tracker | None, find_sets: FindSets | None) -> list[str]:
    """Say which optional columns the rows of a run have.

    Parameters
    ----------
    tracker : Tracker or None
        Follows faces.
    find_sets : callable or None
        Finds sets of labels.

    Returns
    -------
    list of str
    """
    return ["track"] * (tracker is not None) + ["labels"] * (find_sets is not None)


def columns(class_names: Sequence[str], *, optional: Sequence[str] = ()) -> list[str]:
    """Names of the columns.

    Parameters
    ----------
    class_names : sequence of str
        Names of the classes, in the order that their columns shall have.
    optional : sequence of str, default=()
        Which of the `OPTIONAL` columns there are.

    Returns
    -------
    list of str

    Examples
    --------
    >>> columns(["happy", "sad"])[-6:]
    ['label', 'confidence', 'p_happy', 'p_sad', 'status', 'reason']
    """
    probabilities = [f"p_{name}" for name in class_names]
    track, labels = ([name] * (name in optional) for name in OPTIONAL)
    return [*_BEFORE_TRACK, *track, *_AFTER_TRACK, *labels, *probabilities, "status", "reason"]


def row(
    prediction: Prediction, class_names: Sequence[str], *, optional: Sequence[str] = ()
) -> list[Cell]:
    """Cells of a prediction's row.

    Parameters
    ----------
    prediction : Prediction
    class_names : sequence of str
    optional : sequence of str, default=()
        As of `columns`.

    Returns
    -------
    list of str, int, float or None
        In the order of `columns`.
    """
    probabilities = prediction.probabilities or {}
    time = prediction.time
    return [
        printable_path(prediction.path),
        prediction.frame,
        None if time is None else round(time, TIME_DIGITS),
        prediction.face,
        *[prediction.track] * ("track" in optional),
        *(getattr(prediction, name) for name in _AFTER_TRACK),
        *[join_labels(prediction.labels)] * ("labels" in optional),
        *(probabilities.get(name) for name in class_names),
        prediction.status,
        printable_path(prediction.reason) or None,  # it may quote a path
    ]


def check_set_names(class_names: Sequence[str]) -> None:
    """Raise an error if sets of these labels could not be read back from a cell.

    Parameters
    ----------
    class_names : sequence of str

    Raises
    ------
    ValueError
    """
    unclear = [name for name in class_names if BETWEEN_LABELS in name]
    if unclear:
        raise ValueError(
            f"sets of labels are written with {BETWEEN_LABELS!r} between them, which stands in the "
            f"name of the class {unclear[0]!r}: name it in another way"
        )


def join_labels(labels: Sequence[str] | None) -> str | None:
    """Write a set of labels into a cell.

    Parameters
    ----------
    labels : sequence of str or None

    Returns
    -------
    str or None
        Such as ``angry|sad``; None where there is no set.
    """
    return None if labels is None else BETWEEN_LABELS.join(labels)


def printable_path(path: str) -> str:
    r"""Path as valid Unicode, whatever bytes it is made of.

    Parameters
    ----------
    path : str
        As the system gives it.

    Returns
    -------
    str
        The same, but with ``\xff`` and the like for bytes that are not UTF-8.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def open_writer(
    out: Output,
    class_names: Sequence[str],
    *,
    n_kept: int = 0,
    whole: bool = False,
    optional: Sequence[str] = (),
) -> Iterator[PredictionWriter]:
    """Open a file for predictions, or write to a stream.

    Folders above the file are made. The file is completed whatever happens while it is open, so
    that an interruption loses nothing that was written; hence it is not written aside and moved
    into its place at the end, as other files of the package are, unless `whole` says so.

    Parameters
    ----------
    out : path-like or binary file
        A file that is overwritten if it exists; or a stream, which stays open.
    class_names : sequence of str
        Names of the classes, in the order that their columns shall have.
    n_kept : int, default=0
        How many bytes of the file are kept, as the beginning of the table; see `keep_rows`.
    whole : bool, default=False
        Whether an existing file stays until the new one is complete.
    optional : sequence of str, default=()
        Which of the `OPTIONAL` columns there are.

    Yields
    ------
    PredictionWriter

    Raises
    ------
    ValueError, ImportError
        As `choose_writer`.
    OSError
        If the file or a folder above it cannot be made.
    """
    kind = choose_writer(out)
    if not isinstance(out, str | os.PathLike):
        with _finishing(kind(out, class_names, optional=optional)) as writer:
            yield writer
        return
    with _open_file(out, n_kept, whole) as stream:
        if n_kept:
            stream.truncate(n_kept)
            stream.seek(n_kept)
        with _finishing(kind(stream, class_names, begun=n_kept > 0, optional=optional)) as writer:
            yield writer


def _open_file(
    out: str | os.PathLike[str], n_kept: int, whole: bool
) -> AbstractContextManager[BinaryIO]:
    name = os.fspath(out)
    if is_address(name):
        return open_address(name)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    return open_atomically(out) if whole else open(out, "r+b" if n_kept else "wb")


@contextmanager
def _finishing(writer: PredictionWriter) -> Iterator[PredictionWriter]:
    try:
        yield writer
    finally:
        writer.finish()


def choose_writer(out: Output) -> type[PredictionWriter]:
    """Choose how to write by the ending of a file.

    Parameters
    ----------
    out : path-like or binary file
        A stream takes CSV.

    Returns
    -------
    type of PredictionWriter

    Raises
    ------
    ValueError
        If no format has that ending.
    MissingLibraryError
        If the format needs a package that is not installed.
    """
    if not isinstance(out, str | os.PathLike):
        return CsvWriter
    ending = Path(out).suffix.lower()
    if ending not in _WRITERS:
        raise ValueError(
            f"cannot tell the format of {os.fspath(out)!r} by its ending: "
            "use .csv, .jsonl (or .ndjson) or .parquet"
        )
    if ending == ".parquet":
        require("pyarrow", "Parquet")
    return _WRITERS[ending]


def is_part_folder(out: Output) -> bool:
    """Whether a table goes to a folder, in parts, and not to one file.

    Parameters
    ----------
    out : path-like or binary file

    Returns
    -------
    bool
        Whether it ends with a slash, or there is a folder of that name; of addresses, whether it
        has no ending of a table.
    """
    if not isinstance(out, str | os.PathLike):
        return False
    name = os.fspath(out)
    if name.endswith(("/", os.sep)) or os.path.isdir(name):
        return True
    return is_address(name) and Path(name).suffix.lower() not in _WRITERS


class PredictionWriter(ABC):
    """Writes predictions to a stream, so that what was written can be read at any time.

    Parameters
    ----------
    stream : binary file
        Where to write.
    class_names : sequence of str
        Names of the classes, in the order that their columns shall have.
    begun : bool, default=False
        Whether the stream holds the beginning of the table already.
    optional : sequence of str, default=()
        Which of the `OPTIONAL` columns there are.
    """

    def __init__(
        self,
        stream: BinaryIO,
        class_names: Sequence[str],
        *,
        begun: bool = False,
        optional: Sequence[str] = (),
    ) -> None:
        """Begin the file."""
        self._stream = stream
        self._class_names = tuple(class_names)
        self._optional = tuple(optional)
        self._columns = columns(class_names, optional=optional)
        if not begun:
            self._begin()

    @abstractmethod
    def write(self, predictions: Sequence[Prediction]) -> None:
        """Write a batch.

        Parameters
        ----------
        predictions : sequence of Prediction
            One becomes one row.
        """

    def finish(self) -> None:
        """Complete the file; the stream stays open."""
        self._stream.flush()

    def place(self) -> int:
        """Say how far the table reaches: its bytes in the file; of Parquet, its rows.

        Returns
        -------
        int
        """
        return self._stream.tell()

    def _begin(self) -> None:  # noqa: B027 - most forms have no header
        """Write what comes before the rows."""

    def _rows(self, predictions: Sequence[Prediction]) -> list[list[Cell]]:
        return [row(item, self._class_names, optional=self._optional) for item in predictions]


class CsvWriter(PredictionWriter):
    """Writes CSV in UTF-8 with a header; what there is not is left empty."""

    def write(self, predictions: Sequence[Prediction]) -> None:  # noqa: D102
        self._write_lines(self._rows(predictions))

    def _begin(self) -> None:
        self._write_lines([self._columns])

    def _write_lines(self, rows: Sequence[Sequence[Cell]]) -> None:
        lines = _Lines()
        # Python 3.11 quotes a carriage return in a file's name only if it ends the lines too.
        csv.writer(lines, lineterminator="\r\n").writerows(rows)
        text = "".join(line.removesuffix("\r\n") + "\n" for line in lines)
        self._stream.write(text.encode())
        self._stream.flush()


class JsonLinesWriter(PredictionWriter):
    """Writes one JSON object a line; what there is not is null."""

    def write(self, predictions: Sequence[Prediction]) -> None:  # noqa: D102
        objects = (dict(zip(self._columns, row, strict=True)) for row in self._rows(predictions))
        lines = [json.dumps(content, ensure_ascii=False) + "\n" for content in objects]
        self._stream.write("".join(lines).encode())
        self._stream.flush()


class ParquetWriter(PredictionWriter):
    """Writes Parquet with pyarrow; what there is not is null. Readable once it is finished."""

    _waiting: list[pa.Table]
    _n_waiting: int
    _n_rows: int

    def write(self, predictions: Sequence[Prediction]) -> None:  # noqa: D102
        import pyarrow as pa

        rows = [dict(zip(self._columns, cells, strict=True)) for cells in self._rows(predictions)]
        self.write_table(pa.Table.from_pylist(rows, self._schema))

    def write_table(self, table: pa.Table) -> None:
        """Write rows of another such file.

        Parameters
        ----------
        table : pyarrow.Table
        """
        import pyarrow as pa

        self._n_rows += len(table)
        self._n_waiting += len(table)
        self._waiting.append(table.cast(self._schema))
        # Of so many rows whatever came at once: so the same rows make the same file.
        while self._n_waiting >= _PARQUET_GROUP:
            rows = pa.concat_tables(self._waiting).combine_chunks()
            self._writer.write_table(rows.slice(0, _PARQUET_GROUP))
            self._waiting = [rows.slice(_PARQUET_GROUP)]
            self._n_waiting -= _PARQUET_GROUP

    def finish(self) -> None:  # noqa: D102
        import pyarrow as pa

        if self._n_waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
        self._writer.close()
        super().finish()

    def place(self) -> int:  # noqa: D102
        return self._n_rows

    def note(self, name: str, text: str) -> None:
        """Write something beside the rows, into the file's metadata.

        Parameters
        ----------
        name, text : str
        """
        self._writer.add_key_value_metadata({name: text})

    def _begin(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {**dict.fromkeys(TEXTS, pa.string()), **dict.fromkeys(COUNTS, pa.int64())}
        self._schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in self._columns])
        self._writer = pq.ParquetWriter(self._stream, self._schema)
        self._waiting = []
        self._n_waiting = self._n_rows = 0


class _Lines(list[str]):
    """Takes each line that a `csv.writer` writes."""

    write = list.append


_WRITERS: dict[str, type[PredictionWriter]] = {
    ".csv": CsvWriter,
    ".jsonl": JsonLinesWriter,
    ".ndjson": JsonLinesWriter,
    ".parquet": ParquetWriter,
}
