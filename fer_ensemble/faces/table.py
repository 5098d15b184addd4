"""A table of predictions in Python."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, overload

from fer_ensemble.faces.output import (
    COUNTS,
    OPTIONAL,
    TEXTS,
    Cell,
    columns,
    join_labels,
    open_writer,
    row,
)
from fer_ensemble.faces.prediction import Prediction
from fer_ensemble.libraries import require

if TYPE_CHECKING:
    import pandas as pd

# What a table shows of itself: enough to see what came out, few enough to fit on a terminal.
_SHOWN_COLUMNS = ("path", "frame", "face", "track", "label", "confidence", "labels", "status")
_SHOWN_ROWS = 10


class Predictions(Sequence[Prediction]):
    """A table of predictions: a sequence of them that knows its columns.

    It is no DataFrame, so that nothing beyond the package is needed to predict; `to_frame` makes
    one where pandas is installed.

    Parameters
    ----------
    predictions : iterable of Prediction
        One becomes one row.
    class_names : sequence of str
        Names of the classes, in the order that their columns shall have.
    optional : sequence of str, default=()
        Which of the optional columns there are: "track", "labels".

    Attributes
    ----------
    class_names : tuple of str
    optional : tuple of str

    Examples
    --------
    >>> lost = Prediction(path="lost.jpg", status="missing", reason="no such file")
    >>> table = Predictions([lost], ["happy", "sad"])
    >>> table[0].reason
    'no such file'
    >>> table
    path      frame  face  label  confidence  status
    lost.jpg                                  missing
    1 row of 15 columns
    """

    def __init__(
        self,
        predictions: Iterable[Prediction],
        class_names: Sequence[str],
        *,
        optional: Sequence[str] = (),
    ) -> None:
        self._predictions = tuple(predictions)
        self.class_names = tuple(class_names)
        self.optional = tuple(optional)

    @property
    def columns(self) -> list[str]:
        """Names of the columns, as they stand in a file."""
        return columns(self.class_names, optional=self.optional)

    def __len__(self) -> int:
        return len(self._predictions)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...

    @overload
    def __getitem__(self, index: slice) -> Predictions: ...

    def __getitem__(self, index: int | slice) -> Prediction | Predictions:
        if isinstance(index, slice):
            kept = self._predictions[index]
            return Predictions(kept, self.class_names, optional=self.optional)
        return self._predictions[index]

    def __repr__(self) -> str:
        """Show the first rows, and how many there are."""
        shown = self._predictions[:_SHOWN_ROWS]
        names = [n for n in _SHOWN_COLUMNS if n not in OPTIONAL or n in self.optional]
        texts = [names, *([_shown(_cell(item, name)) for name in names] for item in shown)]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in texts]
        if len(self) > len(shown):
            lines.append("…")
        rows = "row" if len(self) == 1 else "rows"
        return "\n".join([*lines, f"{len(self):,} {rows} of {len(self.columns)} columns"])

    def to_frame(self) -> pd.DataFrame:
        """Lay the predictions out as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            With the columns of the files; missing where there is nothing.

        Raises
        ------
        MissingLibraryError
            If pandas is not installed.
        """
        require("pandas", "A DataFrame")
        import pandas as pd

        names = self.columns
        rows = [row(item, self.class_names, optional=self.optional) for item in self]
        frame = pd.DataFrame(rows, columns=names)
        # Int64 is pandas' type of whole numbers that may be missing.
        kinds = {
            name: "Int64" if name in COUNTS else "float64" for name in names if name not in TEXTS
        }
        return frame.astype(kinds)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the table to a file, as ``fer-ensemble predict`` does.

        Parameters
        ----------
        path : path-like
            Its ending chooses the form: .csv, .jsonl (or .ndjson) or .parquet. An existing file is
            overwritten; folders above it are made.

        Raises
        ------
        ValueError
            If no form has that ending.
        MissingLibraryError
            If the form needs a package that is not installed.
        OSError
            If the file cannot be written.
        """
        with open_writer(path, self.class_names, whole=True, optional=self.optional) as writer:
            writer.write(self)


def _cell(item: Prediction, name: str) -> Cell:
    return join_labels(item.labels) if name == "labels" else getattr(item, name)


def _shown(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return text if text.isprintable() else ascii(text)  # a file's name may hold a line break
