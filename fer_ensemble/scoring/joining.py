"""Lay predictions beside the truth, row by row, whatever tool they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets import DatasetError
from fer_ensemble.datasets.csv_tables import CsvTable, read_table
from fer_ensemble.datasets.labels import sort_classes, spell_classes
from fer_ensemble.scoring.prediction_files import PredictionTable, read_predictions

#: Where the true label may stand; the first that is there counts.
TRUTH_COLUMNS = ("label", "emotion", "expression", "class")

#: What rows are matched by, if nothing is said: the first that both tables have.
KEY_COLUMNS = ("path", "file", "filename", "image", "image name", "name", "id", "key")

_N_SHOWN = 3  # rows that an error names


def join_predictions(
    truth: Path, predictions: Sequence[Path], *, by: Sequence[str] | None = None
) -> JoinedPredictions:
    """Read true labels and predictions, and join them.

    Parameters
    ----------
    truth : Path
        A CSV with a column of labels, see `TRUTH_COLUMNS`; FER2013's own is one.
    predictions : sequence of Path
        CSVs as `read_predictions` takes them, one for each tool.
    by : sequence of str, optional
        Columns that name a row in all files, see `match_rows`.

    Returns
    -------
    JoinedPredictions

    Raises
    ------
    DatasetError
        If a file can't be read, rows don't match, a true label is missing, or no prediction is a
        label of the truth.
    OSError
        If a file cannot be opened.
    """
    labels_table = read_table(truth)
    labels = _true_labels(labels_table)
    read = [read_predictions(path) for path in predictions]
    matches = [match_rows(found.table, labels_table, by) for found in read]
    # One spelling for all files together: what digits mean depends on the other labels.
    names = {label for found in read for label in (*found.labels, *found.probability_names)}
    spelled = spell_classes((names | set(labels)) - {""})
    classes = sort_classes(spelled.values())
    y_true = np.array([spelled[label] for label in labels])
    systems = (
        _in_order(found, *match, spelled, classes, y_true)
        for found, match in zip(read, matches, strict=True)
    )
    return JoinedPredictions(labels_table, classes, y_true, tuple(systems))


@dataclass(frozen=True, eq=False)
class JoinedPredictions:
    """The truth, and what each tool predicts.

    Attributes
    ----------
    truth : CsvTable
        The file.
    classes : tuple of str
        Every class that occurs: expressions in FER2013's order and spelling, then others.
    y_true : ndarray of str of shape (n_samples,)
    systems : tuple of SystemPredictions
        One for each file of predictions.
    """

    truth: CsvTable
    classes: tuple[str, ...]
    y_true: NDArray[np.str_]
    systems: tuple[SystemPredictions, ...]

    def column(self, name: str) -> list[str]:
        """Return a column of the truth's file, or of the first predictions' one.

        Parameters
        ----------
        name : str
            Case does not matter.

        Returns
        -------
        list of str
            In the order of the truth.

        Raises
        ------
        DatasetError
            If neither has it.
        """
        first = self.systems[0]
        if self.truth.find([name]) is None and first.table.find([name]):
            fields = first.table.column(name)
            return [fields[i] for i in first.places]
        return self.truth.column(name)


@dataclass(frozen=True, eq=False)
class SystemPredictions:
    """Predictions of one tool, in the order of the truth.

    Attributes
    ----------
    table : CsvTable
        The file.
    places : list of int
        For each row of the truth, the place of its row in the file.
    joined_by : str
        The columns that both were joined by, or "row number".
    y_pred : ndarray of str of shape (n_samples,)
        Empty where there is no answer.
    answered : ndarray of bool of shape (n_samples,)
    probabilities : ndarray of shape (n_samples, n_classes) or None
        NaN where there is no answer.
    unanswered : dict of str to int
        How many rows have no answer, by the reason that the file gives.
    notes : tuple of str
        What the user should know of how the file was read, in sentences.
    """

    table: CsvTable
    places: list[int]
    joined_by: str
    y_pred: NDArray[np.str_]
    answered: NDArray[np.bool_]
    probabilities: NDArray[np.float64] | None
    unanswered: dict[str, int]
    notes: tuple[str, ...]


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
    joined_by : str
        The columns, or "row number".

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
    wanted, found = _key_places(truth, keys), _key_places(table, keys)
    _check_same_keys(table, truth, wanted, found)
    return [found[key] for key in wanted], ", ".join(keys)


def _true_labels(table: CsvTable) -> list[str]:
    place = table.find(TRUTH_COLUMNS)
    if place is None:
        raise DatasetError(
            f"{table.source} has no column of true labels ({', '.join(TRUTH_COLUMNS)}); it has "
            f"{', '.join(table.columns)}. Rename or add one."
        )
    labels = table.column(place)
    # Row 1 of a file names the columns.
    empty = [i + 2 for i, label in enumerate(labels) if not label]
    if empty:
        raise DatasetError(
            f"{table.source}: {len(empty):,} of {len(labels):,} rows have no {place}; the first "
            f"is row {empty[0]}. Fill them in, or delete those rows here and in the predictions."
        )
    return labels


def _in_order(
    found: PredictionTable,
    places: list[int],
    joined_by: str,
    spelled: dict[str, str],
    classes: tuple[str, ...],
    y_true: NDArray[np.str_],
) -> SystemPredictions:
    # Only the empty label of a row without an answer has no spelling.
    y_pred = np.array([spelled.get(label, "") for label in found.labels])[places]
    answered = y_pred != ""
    columns = [spelled[name] for name in found.probability_names]
    _check_alike(found.table, y_pred[answered], y_true)
    return SystemPredictions(
        table=found.table,
        places=places,
        joined_by=joined_by,
        y_pred=y_pred,
        answered=answered,
        probabilities=_columns(found, columns, classes)[places] if columns else None,
        unanswered=found.unanswered,
        notes=_notes(y_pred[answered], y_true, columns, spelled),
    )


def _columns(
    found: PredictionTable, columns: list[str], classes: tuple[str, ...]
) -> NDArray[np.float64]:
    if len(set(columns)) < len(columns):
        raise DatasetError(
            f"{found.table.source}: two columns of probabilities are of one class "
            f"({', '.join('p_' + name for name in found.probability_names)}). Delete one."
        )
    # A class without a column is one that the tool does not know: it never predicts it.
    probabilities = np.zeros((len(found.labels), len(classes)))
    probabilities[:, [classes.index(name) for name in columns]] = found.probabilities
    return probabilities


def _check_alike(table: CsvTable, y_pred: NDArray[np.str_], y_true: NDArray[np.str_]) -> None:
    # Labels in another language or code would be measured as 0 % right without a word.
    if y_pred.size and not set(y_pred) & set(y_true):
        raise DatasetError(
            f"{table.source}: no prediction is a label of the truth. It predicts "
            f"{', '.join(sort_classes(y_pred.tolist())[:10])}; the truth has "
            f"{', '.join(sort_classes(y_true.tolist())[:10])}. Name the classes alike."
        )


def _notes(
    y_pred: NDArray[np.str_],
    y_true: NDArray[np.str_],
    columns: list[str],
    spelled: dict[str, str],
) -> tuple[str, ...]:
    notes = []
    if any(name.isdigit() and name != label for name, label in spelled.items()):
        notes.append("Digits are read as FER2013's labels: 0 angry to 6 neutral.")
    if strange := sort_classes(set(y_pred.tolist()) - set(y_true.tolist())):
        notes.append(f"Predicted, but never true: {', '.join(strange)}.")
    if columns and (unnamed := sort_classes(set(y_true.tolist()) - set(columns))):
        notes.append(f"Without a column of probabilities, so taken for 0: {', '.join(unnamed)}.")
    return tuple(notes)


def _shared_key(table: CsvTable, truth: CsvTable) -> list[str]:
    # One alone: more might be of different things in the two files, such as a name and a path.
    shared = [name for name in KEY_COLUMNS if table.find([name]) and truth.find([name])]
    return shared[:1]


def _key_places(table: CsvTable, keys: Sequence[str]) -> dict[tuple[str, ...], int]:
    places: dict[tuple[str, ...], int] = {}
    doubled: list[str] = []
    for i, key in enumerate(zip(*(table.column(name) for name in keys), strict=True)):
        if not any(key):
            raise DatasetError(
                f"{table.source}: row {i + 2} has nothing in {', '.join(keys)}. Fill it in, or "
                "delete the row."
            )
        if key in places:
            doubled.append(f"{_quoted(key)} (rows {places[key] + 2} and {i + 2})")
        else:
            places[key] = i
    if doubled:
        raise DatasetError(
            f"{table.source}: {len(doubled):,} of {len(table.rows):,} rows repeat the "
            f"{', '.join(keys)} of a row above; {_listed(doubled)}. Keep one row for each, or name "
            "more columns that tell them apart."
        )
    return places


def _check_same_keys(
    table: CsvTable,
    truth: CsvTable,
    wanted: dict[tuple[str, ...], int],
    found: dict[tuple[str, ...], int],
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


def _quoted(key: tuple[str, ...]) -> str:
    return ", ".join(map(repr, key))


def _listed(faults: list[str]) -> str:
    return f"the first: {'; '.join(faults[:_N_SHOWN])}"
