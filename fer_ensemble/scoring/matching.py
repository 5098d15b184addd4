"""Find the row of one table for each row of another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import PurePosixPath

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.csv_tables import CsvTable

#: Columns that name files, whatever a tool calls them: any of one table goes with any of another.
#: Blanks, ``_`` and ``-`` in a name do not matter.
FILE_COLUMNS = (
    *("path", "file", "filename", "image", "imagename", "name", "filepath", "imagepath", "imageid"),
    *("imagefile", "img", "imgname", "imgpath", "imgid", "picture", "photo", "input", "source"),
)

#: Columns that name rows if both tables have them.
KEY_COLUMNS = (*FILE_COLUMNS, "id", "key")

_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".pgm", ".ppm")
_N_SHOWN = 3  # rows that an error names
_N_LOOKED_AT = 100  # rows that tell a column of files

_Key = tuple[str, ...]
_Spell = Callable[[str], str]


def match_rows(
    table: CsvTable, truth: CsvTable, by: Sequence[str] | None = None, *, by_row: bool = False
) -> tuple[list[int], str]:
    """Find the row of a table for each row of another.

    Parameters
    ----------
    table, truth : CsvTable
        The table to search, and the one whose order counts.
    by : sequence of str, optional
        Columns that tell rows apart, together, in both. By default one column of each that finds
        every row: columns of one name (`KEY_COLUMNS`) first, then any two that name files
        (`FILE_COLUMNS`, or whose fields end as pictures do); by the whole path, or else by the
        name without folders.
    by_row : bool, default=False
        Whether to match row by row instead, whatever stands in them.

    Returns
    -------
    places : list of int
        For each row of `truth`, the place of its row in `table`.
    joined_by : str
        The columns, or "row number".

    Raises
    ------
    DatasetError
        If no column names the rows of both, rows of one have none in the other, keys are doubled
        or empty, or tables to match row by row have different lengths.
    """
    if by_row:
        if len(table.rows) != len(truth.rows):
            raise DatasetError(
                f"{table.source} has {len(table.rows):,} rows and {truth.source} "
                f"{len(truth.rows):,}: they cannot be joined row by row."
            )
        return list(range(len(truth.rows))), "row number"
    if by:
        return _join(_Pair(table, truth, list(by), list(by)))
    pairs = list(_pairs(table, truth))
    for pair in pairs:
        try:
            return _join(pair)
        except DatasetError:
            continue
    closest = max(pairs, key=_Pair.likelihood, default=None)
    if closest is not None and closest.likelihood() != (0, 0):
        _join(closest)  # raises what is wrong
    raise DatasetError(
        f"No column names the same files or rows in {table.source} ({', '.join(table.columns)}) "
        f"and {truth.source} ({', '.join(truth.columns)}). Add one to both ({', '.join(_SHORT)}), "
        "name the columns with --by, or, if both are in the same order, say so with --by-row."
    )


_SHORT = ("path", "file", "image", "name", "id")


@dataclass(frozen=True)
class _Pair:
    """Columns of two tables that may name the same rows, and how their fields are compared."""

    table: CsvTable
    truth: CsvTable
    columns: list[str]
    truth_columns: list[str]
    spell: _Spell = str
    what: str = ""

    @property
    def name(self) -> str:
        ours, theirs = ", ".join(self.columns), ", ".join(self.truth_columns)
        names = theirs if ours.lower() == theirs.lower() else f"{theirs} = {ours}"
        return f"{self.what}{names}"

    def likelihood(self) -> tuple[int, int]:
        """How probable it is that the columns were meant: one name, and fields in common."""
        common = set(_keys(self.truth, self.truth_columns, self.spell))
        common &= set(_keys(self.table, self.columns, self.spell))
        same = [name.lower() for name in self.columns] == [n.lower() for n in self.truth_columns]
        return int(same and not self.what), len(common)


def _pairs(table: CsvTable, truth: CsvTable) -> Iterator[_Pair]:
    """Yield pairs of columns in the order in which they are tried."""
    ours, theirs = _plain_names(table), _plain_names(truth)
    shared = [name for name in KEY_COLUMNS if name in ours and name in theirs]
    files = list(product(_file_columns(table), _file_columns(truth)))
    for name in shared:
        yield _Pair(table, truth, [ours[name]], [theirs[name]])
    for spell, what in ((_whole_path, ""), (_base_name, "name without folders of ")):
        for our, their in files:
            yield _Pair(table, truth, [our], [their], spell, what)


def _plain_names(table: CsvTable) -> dict[str, str]:
    return {re.sub(r"[\s_-]", "", name.lower()): name for name in reversed(table.columns)}


def _file_columns(table: CsvTable) -> list[str]:
    """List the columns that name files: by what they are called, then by what stands in them."""
    names = _plain_names(table)
    found = [names[name] for name in FILE_COLUMNS if name in names]
    for name in table.columns:
        fields = (field.lower() for field in table.column(name)[:_N_LOOKED_AT])
        if name not in found and all(field.endswith(_ENDINGS) for field in fields):
            found.append(name)
    return found


def _whole_path(field: str) -> str:
    return str(PurePosixPath(field.replace("\\", "/"))) if field else ""


def _base_name(field: str) -> str:
    return PurePosixPath(field.replace("\\", "/")).name


def _join(pair: _Pair) -> tuple[list[int], str]:
    wanted = _key_places(pair.truth, pair.truth_columns, pair.spell)
    found = _key_places(pair.table, pair.columns, pair.spell)
    _check_same_keys(pair.table, pair.truth, wanted, found)
    return [found[key] for key in wanted], pair.name


def _keys(table: CsvTable, columns: Sequence[str], spell: _Spell) -> list[_Key]:
    fields = zip(*(table.column(name) for name in columns), strict=True)
    return [tuple(map(spell, row)) for row in fields]


def _key_places(table: CsvTable, columns: Sequence[str], spell: _Spell) -> dict[_Key, int]:
    places: dict[_Key, int] = {}
    doubled: list[str] = []
    for i, key in enumerate(_keys(table, columns, spell)):
        if not any(key):
            raise DatasetError(
                f"{table.source}: row {i + 2} has nothing in {', '.join(columns)}. Fill it in, or "
                "delete the row."
            )
        if key in places:
            doubled.append(f"{_quoted(key)} (rows {places[key] + 2} and {i + 2})")
        else:
            places[key] = i
    if doubled:
        raise DatasetError(
            f"{table.source}: {len(doubled):,} of {len(table.rows):,} rows repeat the "
            f"{', '.join(columns)} of a row above; {_listed(doubled)}. Keep one row for each, or "
            "name more columns that tell them apart with --by."
        )
    return places


def _check_same_keys(
    table: CsvTable, truth: CsvTable, wanted: dict[_Key, int], found: dict[_Key, int]
) -> None:
    faults = []
    # Both ways at once: keys that are spelled in another way are missing on either side.
    for here, there, rows, others in ((truth, table, wanted, found), (table, truth, found, wanted)):
        lost = [f"{_quoted(key)} (row {i + 2})" for key, i in rows.items() if key not in others]
        if lost:
            faults.append(
                f"{there.source} lacks {len(lost):,} of the {len(rows):,} rows in {here.source}; "
                f"{_listed(lost)}"
            )
    if faults:
        raise DatasetError(f"{'. '.join(faults)}. Add or delete rows, or spell the keys alike.")


def _quoted(key: _Key) -> str:
    return ", ".join(map(repr, key))


def _listed(faults: list[str]) -> str:
    return f"the first: {'; '.join(faults[:_N_SHOWN])}"
