"""Read CSVs of any columns as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_ensemble.bounded_files import open_regular
from fer_ensemble.datasets.dataset import DatasetError
from fer_ensemble.suggestions import did_you_mean

#: More than any table of predictions has; what such a file takes in memory stays under a gigabyte.
MAX_ROWS = 1_000_000
MAX_FIELDS = 8_000_000
MAX_CHARACTERS = 512 * 2**20
MAX_LINE_CHARACTERS = 2**20
MAX_BLANK_LINES = 100_000


def read_table(path: Path) -> CsvTable:
    """Read a CSV whose first row names the columns.

    Parameters
    ----------
    path : Path
        UTF-8, separated by commas, or as `find_delimiter` says.

    Returns
    -------
    CsvTable

    Raises
    ------
    DatasetError
        If it is no such file, it has no row below the first, a name stands twice in the first,
        a row has more or fewer fields, or there is more of it than the bounds of this module.
    OSError
        If it cannot be opened, or is a pipe or a device.
    """
    columns: tuple[str, ...] = ()
    rows: list[list[str]] = []
    try:
        with io.TextIOWrapper(open_regular(path), encoding="utf-8-sig", newline="") as stream:
            delimiter = find_delimiter(stream.readline(MAX_LINE_CHARACTERS))
            stream.seek(0)
            for fields in csv.reader(_lines(stream, path), delimiter=delimiter):
                if not fields:
                    continue
                if not columns:
                    columns = _parse_columns(fields, path)
                    continue
                rows.append(fields)
                if len(fields) != len(columns):
                    raise DatasetError(
                        f"{path}: row {len(rows) + 1} has {len(fields)} fields, row 1 names "
                        f"{len(columns)} columns (separated by commas). Correct that row."
                    )
                if len(rows) > MAX_ROWS or len(rows) * len(columns) > MAX_FIELDS:
                    raise DatasetError(
                        f"{path}: more than {MAX_ROWS:,} rows, or {MAX_FIELDS:,} fields in all. "
                        "Keep the columns that are needed, or cut the file into parts."
                    )
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is no CSV in UTF-8 ({error}). Save it as one.") from None
    if not rows:
        raise DatasetError(f"{path} has no rows below the one that names the columns.")
    return CsvTable(str(path), columns, rows)


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
                + did_you_mean(name, self.columns)
            )
        place = self.columns.index(found)
        return [row[place].strip() for row in self.rows]


def find_delimiter(header: str) -> str:
    """Return what stands between columns: a comma; or a semicolon or tab, if there is no comma.

    Spreadsheets write semicolons in countries whose numbers have a comma.
    """
    return next((mark for mark in ",;\t" if mark in header), ",")


def _lines(stream: io.TextIOWrapper, path: Path) -> Iterator[str]:
    """Yield lines, as long as they may belong to a table."""
    blank = characters = 0
    while line := stream.readline(MAX_LINE_CHARACTERS):
        blank += line.isspace()
        characters += len(line)
        for count, most, what in (
            (blank, MAX_BLANK_LINES, "blank lines"),
            (len(line), MAX_LINE_CHARACTERS - 1, "characters in a line"),
            (characters, MAX_CHARACTERS, "characters"),
        ):
            if count > most:
                raise DatasetError(f"{path}: a table has no more than {most:,} {what}.")
        yield line


def _parse_columns(fields: list[str], path: Path) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in fields)
    if len({name.lower() for name in columns}) < len(columns):
        raise DatasetError(
            f"{path}: row 1 names a column twice ({', '.join(columns)}). Rename or delete one."
        )
    return columns
