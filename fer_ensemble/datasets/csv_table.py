"""Read a CSV of any columns, as text."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_ensemble.datasets.report import DatasetError


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
