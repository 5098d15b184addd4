"""Read the predictions of any tool from a CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.csv_files import CsvTable, read_table

LABEL_COLUMNS = ("label", "prediction", "predicted", "emotion", "expression", "class")
"""Where the predicted label may stand; the first that is there counts."""

ROUNDING = 0.05
"""How far probabilities that were rounded for a file may be from summing to one."""

_PREFIX = "p_"


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """What a tool says of each row.

    Attributes
    ----------
    table : CsvTable
        The file.
    labels : list of str
        Predicted label of each row; empty where there is no answer.
    probability_names : tuple of str
        The class of each column of probabilities, as the file spells it; empty without any.
    probabilities : ndarray of shape (n_rows, n_names)
        Sums to one in each answered row; NaN where there is no answer.
    unanswered : dict of str to int
        How many rows have no answer, by the reason that the file gives.
    """

    table: CsvTable
    labels: list[str]
    probability_names: tuple[str, ...]
    probabilities: NDArray[np.float64]
    unanswered: dict[str, int]


def read_predictions(path: Path) -> PredictionTable:
    """Read labels and probabilities.

    Parameters
    ----------
    path : Path
        A CSV with a column of labels (see `LABEL_COLUMNS`), a column ``p_NAME`` of probabilities
        for each class, or both, as `fer-ensemble predict` writes it. Without labels, the most
        probable class is the prediction. A row without a label, or whose ``status`` is not ok,
        has no answer.

    Returns
    -------
    PredictionTable

    Raises
    ------
    DatasetError
        If there is neither, or a row has probabilities that are none.
    OSError
        If it cannot be opened.
    """
    table = read_table(path)
    columns = [name for name in table.columns if name.lower().startswith(_PREFIX)]
    place = table.find(LABEL_COLUMNS)
    if place is None and not columns:
        raise DatasetError(
            f"{path} has neither labels (a column {', '.join(LABEL_COLUMNS)}) nor probabilities "
            f"(columns p_NAME); it has {', '.join(table.columns)}. Rename or add them."
        )
    names = tuple(name[len(_PREFIX) :] for name in columns)
    fields = list(zip(*(table.column(name) for name in columns), strict=True))
    labels = table.column(place) if place else [names[0] if any(row) else "" for row in fields]
    reasons = _reasons(table, labels)
    labels = ["" if reason else label for label, reason in zip(labels, reasons, strict=True)]
    probabilities = _probabilities(table, fields, labels, len(names))
    if place is None:
        labels = _most_probable(probabilities, names)
    if not np.isfinite(probabilities).any():
        names = ()
    unanswered = dict(Counter(reason for reason in reasons if reason))
    return PredictionTable(table, labels, names, probabilities[:, : len(names)], unanswered)


def _reasons(table: CsvTable, labels: list[str]) -> list[str]:
    """Say why a row has no answer; empty if it has one."""
    status = table.find(["status"])
    states = table.column(status) if status else [""] * len(labels)
    return [
        state if state.lower() not in ("", "ok") else "" if label else "no label"
        for state, label in zip(states, labels, strict=True)
    ]


def _probabilities(
    table: CsvTable, fields: list[tuple[str, ...]], labels: list[str], n_names: int
) -> NDArray[np.float64]:
    probabilities = np.full((len(labels), n_names), np.nan)
    answered = [i for i, label in enumerate(labels) if label]
    if not any(any(fields[i]) for i in answered if fields):
        return probabilities
    for i in answered:
        try:
            row = np.array([float(field) for field in fields[i]])
        except ValueError:
            row = np.array([np.nan])
        # Written so that NaN counts as bad.
        if not ((row >= 0).all() and abs(row.sum() - 1) <= ROUNDING):
            raise DatasetError(
                f"{table.source}: row {i + 2} has no probabilities from 0 to 1 that sum to 1: "
                f"{', '.join(field or '(empty)' for field in fields[i])}. Correct that row, or "
                "leave its label empty as well."
            )
        probabilities[i] = row / row.sum()
    return probabilities


def _most_probable(probabilities: NDArray[np.float64], names: tuple[str, ...]) -> list[str]:
    return ["" if np.isnan(row).any() else names[row.argmax()] for row in probabilities]


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
