"""Read the predictions of any tool from a CSV."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.csv_tables import CsvTable, read_table

#: Where the predicted label may stand; the first that is there counts.
LABEL_COLUMNS = ("label", "prediction", "predicted", "emotion", "expression", "class")

#: How far probabilities that were rounded for a file may be from summing to one.
ROUNDING = 0.05

_PREFIX = "p_"


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """What a tool predicts for each row of its file.

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
    # Without labels, any name stands for "answered" until the most probable class is known.
    labels = table.column(place) if place else [names[0] if any(row) else "" for row in fields]
    reasons = _reasons(table, labels)
    labels = ["" if reason else label for label, reason in zip(labels, reasons, strict=True)]
    probabilities = _probabilities(table, fields, labels, len(names))
    if place is None:
        labels = _most_probable(probabilities, names)
    # Columns that are empty throughout, as a tool without probabilities may write them.
    if not np.isfinite(probabilities).any():
        names = ()
    unanswered = dict(Counter(reason for reason in reasons if reason))
    return PredictionTable(table, labels, names, probabilities[:, : len(names)], unanswered)


def _reasons(table: CsvTable, labels: list[str]) -> list[str]:
    """Return why each row has no answer; empty if it has one."""
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
