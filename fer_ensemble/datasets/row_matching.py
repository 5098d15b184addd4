"""Find the row of one table that belongs to each row of another."""

from __future__ import annotations

from collections.abc import Sequence

from fer_ensemble.datasets.csv_table import CsvTable
from fer_ensemble.datasets.report import DatasetError

KEY_COLUMNS = ("path", "file", "filename", "image", "image name", "name", "id", "key")
"""What rows are matched by, if nothing is said: the first that both tables have."""

_SHOWN = 3


def match_rows(
    table: CsvTable, truth: CsvTable, by: Sequence[str] | None = None
) -> tuple[list[int], str]:
    """Find the row of a table for each row of another.

    Parameters
    ----------
    table, truth : CsvTable
        The table to search, and the one whose order counts.
    by : sequence of str, optional
        Columns that tell rows apart, together; by default the first of `KEY_COLUMNS` that both
        have. Tables without any are matched row by row.

    Returns
    -------
    places : list of int
        For each row of `truth`, the place of its row in `table`.
    told : str
        What the rows were matched by.

    Raises
    ------
    DatasetError
        If rows of one have none in the other, keys are doubled or empty, or tables without a key
        have different lengths.
    """
    keys = list(by) if by else _shared_key(table, truth)
    if not keys:
        if len(table.rows) != len(truth.rows):
            raise DatasetError(
                f"{table.source} has {len(table.rows):,} rows and {truth.source} "
                f"{len(truth.rows):,}, and no column names the rows of both. Add such a column "
                f"({', '.join(KEY_COLUMNS)}, or any other that you name) to both."
            )
        return list(range(len(truth.rows))), "row number"
    wanted, known = _places(truth, keys), _places(table, keys)
    _check_same(table, truth, wanted, known)
    return [known[key] for key in wanted], ", ".join(keys)


def _shared_key(table: CsvTable, truth: CsvTable) -> list[str]:
    shared = [name for name in KEY_COLUMNS if table.find([name]) and truth.find([name])]
    return shared[:1]


def _places(table: CsvTable, keys: Sequence[str]) -> dict[tuple[str, ...], int]:
    places: dict[tuple[str, ...], int] = {}
    doubled: list[str] = []
    for i, key in enumerate(zip(*(table.column(name) for name in keys), strict=True)):
        if not any(key):
            raise DatasetError(
                f"{table.source}: row {i + 2} has nothing in {', '.join(keys)}. Fill it in, or "
                "delete the row."
            )
        if key in places:
            doubled.append(f"{_told(key)} (rows {places[key] + 2} and {i + 2})")
        else:
            places[key] = i
    if doubled:
        raise DatasetError(
            f"{table.source}: {len(doubled):,} of {len(table.rows):,} rows repeat the "
            f"{', '.join(keys)} of a row above; {_first(doubled)}. Keep one row for each, or name "
            "more columns that tell them apart."
        )
    return places


def _check_same(
    table: CsvTable,
    truth: CsvTable,
    wanted: dict[tuple[str, ...], int],
    known: dict[tuple[str, ...], int],
) -> None:
    faults = []
    for here, there, rows, others in ((truth, table, wanted, known), (table, truth, known, wanted)):
        lost = [f"{_told(key)} (row {i + 2})" for key, i in rows.items() if key not in others]
        if lost:
            faults.append(
                f"{there.source} lacks {len(lost):,} of the {len(rows):,} rows in {here.source}; "
                f"{_first(lost)}"
            )
    if faults:
        raise DatasetError(f"{'. '.join(faults)}. Add or delete rows, or spell the keys alike.")


def _told(key: tuple[str, ...]) -> str:
    return ", ".join(map(repr, key))


def _first(faults: list[str]) -> str:
    return f"the first: {'; '.join(faults[:_SHOWN])}"
