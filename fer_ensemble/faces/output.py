"""Where predictions go: a file whose ending says its form, or standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fer_ensemble.faces.writers import (
    CsvWriter,
    JsonLinesWriter,
    ParquetWriter,
    PredictionWriter,
)

_WRITERS: dict[str, type[PredictionWriter]] = {
    ".csv": CsvWriter,
    ".jsonl": JsonLinesWriter,
    ".ndjson": JsonLinesWriter,
    ".parquet": ParquetWriter,
}


def choose_writer(path: str | os.PathLike[str] | None) -> type[PredictionWriter]:
    """Choose how to write by the ending of a file.

    Parameters
    ----------
    path : path-like or None
        None is standard output, which takes CSV.

    Returns
    -------
    type of PredictionWriter

    Raises
    ------
    ValueError
        If no format has that ending.
    ImportError
        If the format needs a package that is not installed.
    """
    if path is None:
        return CsvWriter
    ending = Path(path).suffix.lower()
    if ending not in _WRITERS:
        raise ValueError(
            f"cannot tell the format of {os.fspath(path)!r} by its ending: "
            "use .csv, .jsonl (or .ndjson) or .parquet"
        )
    if ending == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise ImportError(
                "writing Parquet needs pyarrow: pip install 'fer-ensemble[parquet]'"
            ) from error
    return _WRITERS[ending]


@contextmanager
def open_writer(
    path: str | os.PathLike[str] | None, class_names: Sequence[str], *, n_kept: int = 0
) -> Iterator[PredictionWriter]:
    """Open a file for predictions, or standard output.

    Folders above the file are made. The file is completed whatever happens while it is open, so
    that an interruption loses nothing that was written.

    Parameters
    ----------
    path : path-like or None
        A file that is overwritten if it exists; None is standard output.
    class_names : sequence of str
        Names of the classes, in the order that their columns shall have.
    n_kept : int, default=0
        How many bytes of the file are kept, as the beginning of the table; see `find_kept_rows`.

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
    kind = choose_writer(path)
    if path is None:
        with _finishing(kind(sys.stdout.buffer, class_names)) as writer:
            yield writer
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "r+b" if n_kept else "wb") as stream:
        if n_kept:
            stream.truncate(n_kept)
            stream.seek(n_kept)
        with _finishing(kind(stream, class_names, begun=n_kept > 0)) as writer:
            yield writer


@contextmanager
def _finishing(writer: PredictionWriter) -> Iterator[PredictionWriter]:
    try:
        yield writer
    finally:
        writer.finish()
