"""Forms of a table of predictions: CSV, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, BinaryIO

from fer_ensemble.faces.prediction import Prediction

# A group of rows has a header and statistics of its own: one for every batch would cost more
# than the rows.
_PARQUET_GROUP = 16_384


class PredictionWriter(ABC):
    """Writes predictions to a stream, so that what was written can be read at any time.

    Parameters
    ----------
    stream : binary file
        Where to write.
    class_names : sequence of str
        Names of the classes, in the order that their columns shall have.
    """

    def __init__(self, stream: BinaryIO, class_names: Sequence[str]) -> None:
        """Begin the file."""
        self._stream = stream
        self._class_names = tuple(class_names)

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

    def _row(self, prediction: Prediction) -> dict[str, str | float | None]:
        probabilities = prediction.probabilities or {}
        return {
            "path": printable_path(prediction.path),
            "label": prediction.label,
            "confidence": prediction.confidence,
            **{f"p_{name}": probabilities.get(name) for name in self._class_names},
            "status": prediction.status,
        }

    def _columns(self) -> list[str]:
        return [
            "path",
            "label",
            "confidence",
            *(f"p_{name}" for name in self._class_names),
            "status",
        ]


class CsvWriter(PredictionWriter):
    """Writes CSV in UTF-8 with a header; what there is not is left empty."""

    def __init__(self, stream: BinaryIO, class_names: Sequence[str]) -> None:
        super().__init__(stream, class_names)
        self._write_lines([self._columns()])

    def write(self, predictions: Sequence[Prediction]) -> None:  # noqa: D102
        self._write_lines([list(self._row(prediction).values()) for prediction in predictions])

    def _write_lines(self, rows: Sequence[Sequence[Any]]) -> None:
        lines = _Lines()
        # Python 3.11 quotes a carriage return in a file's name only if it ends the lines too.
        csv.writer(lines, lineterminator="\r\n").writerows(rows)
        text = "".join(line.removesuffix("\r\n") + "\n" for line in lines)
        self._stream.write(text.encode())
        self._stream.flush()


class JsonLinesWriter(PredictionWriter):
    """Writes one JSON object a line; what there is not is null."""

    def write(self, predictions: Sequence[Prediction]) -> None:  # noqa: D102
        lines = [json.dumps(self._row(item), ensure_ascii=False) + "\n" for item in predictions]
        self._stream.write("".join(lines).encode())
        self._stream.flush()


class ParquetWriter(PredictionWriter):
    """Writes Parquet with pyarrow; what there is not is null. Readable once it is finished."""

    def __init__(self, stream: BinaryIO, class_names: Sequence[str]) -> None:
        super().__init__(stream, class_names)
        import pyarrow as pa
        import pyarrow.parquet as pq

        texts = ("path", "label", "status")
        self._schema = pa.schema(
            [(name, pa.string() if name in texts else pa.float64()) for name in self._columns()]
        )
        self._writer = pq.ParquetWriter(stream, self._schema)
        self._waiting: list[dict[str, str | float | None]] = []

    def write(self, predictions: Sequence[Prediction]) -> None:  # noqa: D102
        self._waiting += [self._row(prediction) for prediction in predictions]
        if len(self._waiting) >= _PARQUET_GROUP:
            self._write_group()

    def finish(self) -> None:  # noqa: D102
        if self._waiting:
            self._write_group()
        self._writer.close()
        super().finish()

    def _write_group(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(self._waiting, self._schema))
        self._waiting = []


class _Lines(list[str]):
    """Takes each line that a `csv.writer` writes."""

    write = list.append


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
