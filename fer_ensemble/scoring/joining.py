"""Lay predictions beside the truth, row by row, whatever tool they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets import KNOWN_CLASSES, Classes, DatasetError, parse_classes
from fer_ensemble.datasets.csv_tables import CsvTable, read_table
from fer_ensemble.datasets.labels import (
    is_number,
    named_emotion,
    sort_classes,
    spell_classes,
    spell_label,
)
from fer_ensemble.scoring.matching import match_rows
from fer_ensemble.scoring.prediction_files import PredictionTable, read_predictions

#: Where the true label may stand; the first that is there counts.
TRUTH_COLUMNS = ("label", "emotion", "expression", "class")


def join_predictions(
    truth: Path,
    predictions: Sequence[Path],
    *,
    by: Sequence[str] | None = None,
    by_row: bool = False,
    classes: Classes | None = None,
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
    by_row : bool, default=False
        Whether to join row by row.
    classes : str or mapping, optional
        What labels mean in all files, as `parse_classes` takes it. Without it, numbers are
        FER2013's if the truth has its columns emotion and pixels, and else classes of their own.

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
    meanings = None if classes is None else parse_classes(classes)
    labels_table = read_table(truth)
    labels = _true_labels(labels_table)
    if meanings is None and _is_fer2013(labels_table, labels):
        meanings = KNOWN_CLASSES["fer2013"]
    read = [read_predictions(path) for path in predictions]
    matches = [match_rows(found.table, labels_table, by, by_row=by_row) for found in read]
    left_out = [i for i, label in enumerate(labels) if _is_left_out(label, meanings)]
    if left_out:
        kept = sorted(set(range(len(labels))) - set(left_out))
        labels = [labels[i] for i in kept]
        labels_table = replace(labels_table, rows=[labels_table.rows[i] for i in kept])
        matches = [([places[i] for i in kept], joined_by) for places, joined_by in matches]
    # One spelling for all files together: what was said of labels holds in all of them.
    names = {label for found in read for label in (*found.labels, *found.probability_names)}
    spelled = spell_classes((names | set(labels)) - {""}, meanings)
    ordered = sort_classes(spelled.values())
    y_true = np.array([spelled[label] for label in labels])
    systems = (
        _in_order(found, *match, spelled, ordered, y_true)
        for found, match in zip(read, matches, strict=True)
    )
    return JoinedPredictions(labels_table, ordered, y_true, tuple(systems), len(left_out))


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
    n_left_out : int
        How many rows were left out, since their true label was said to be no expression of ours.
    """

    truth: CsvTable
    classes: tuple[str, ...]
    y_true: NDArray[np.str_]
    systems: tuple[SystemPredictions, ...]
    n_left_out: int = 0

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


def _is_left_out(label: str, meanings: Mapping[str, str | None] | None) -> bool:
    key = spell_label(label)
    return meanings is not None and key in meanings and meanings[key] is None


def _is_fer2013(table: CsvTable, labels: Sequence[str]) -> bool:
    """Whether a table is laid out as FER2013's own, whose numbers are known."""
    own = table.find(["emotion"]) is not None and table.find(["pixels"]) is not None
    numbers = {spell_label(label) for label in labels if is_number(label)}
    return own and numbers <= set(KNOWN_CLASSES["fer2013"])


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
            f"{', '.join(sort_classes(y_true.tolist())[:10])}. Name the classes alike, or say "
            f"what they mean with --classes ({', '.join(KNOWN_CLASSES)}; or as in "
            '"1=surprise,2=fear,…").'
        )


def _notes(
    y_pred: NDArray[np.str_],
    y_true: NDArray[np.str_],
    columns: list[str],
    spelled: dict[str, str],
) -> tuple[str, ...]:
    notes = []
    read = {spell_label(name): label for name, label in spelled.items() if is_number(name)}
    if any(name != label for name, label in read.items()):
        listed = (f"{name} {read[name]}" for name in sort_classes(read))
        notes.append(f"Numbers are read as {', '.join(listed)}.")
    elif read and any(named_emotion(name) for name in spelled.values()):
        numbers = ", ".join(sort_classes(read))
        notes.append(f"Numbers are classes of their own, unless --classes says more: {numbers}.")
    if strange := sort_classes(set(y_pred.tolist()) - set(y_true.tolist())):
        notes.append(f"Predicted, but never true: {', '.join(strange)}.")
    if columns and (unnamed := sort_classes(set(y_true.tolist()) - set(columns))):
        notes.append(f"Without a column of probabilities, so taken for 0: {', '.join(unnamed)}.")
    return tuple(notes)
