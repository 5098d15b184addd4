"""Decisions on single faces, to keep, to drop or to relabel each: read, checked and followed."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets.csv_tables import CsvTable, read_table
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset
from fer_ensemble.datasets.labels import EMOTIONS, parse_emotion, parse_split

#: Columns of a file of decisions.
DECISION_COLUMNS = ("split", "name", "given", "suggested", "decision", "score", "reason")
_KEEP, _DROP = "keep", "drop"


@dataclass(frozen=True)
class Decision:
    """What is decided of a face.

    Attributes
    ----------
    split, name : str
        Which face it is, as `FaceDataset` has them; a split of ``''`` fits any.
    given : str
        The label that it has: a name in `EMOTIONS`.
    suggested : str
        The label that fits better; empty where none does.
    decision : str
        ``'keep'``, ``'drop'`` or the name of its new label; empty where nothing is decided, so that
        the face stays as it is.
    score : float
        How suspect it is, from 0 to 1.
    reason : str
        Why.
    """

    split: str
    name: str
    given: str
    suggested: str = ""
    decision: str = ""
    score: float = 0.0
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Decisions:
    """Decisions on faces of a data set.

    Attributes
    ----------
    entries : tuple of Decision
    source : str
        Where they are from, for errors.
    """

    entries: tuple[Decision, ...]
    source: str = "the decisions"

    def __len__(self) -> int:
        """Count of decisions, those that leave a face as it is included."""
        return len(self.entries)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the decisions as a CSV of `DECISION_COLUMNS`.

        Parameters
        ----------
        path : path-like
            File to write; its folder is made if need be.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(DECISION_COLUMNS)
        for entry in self.entries:
            told = {**vars(entry), "score": f"{entry.score:.4f}"}
            writer.writerow([told[column] for column in DECISION_COLUMNS])
        write_atomically(file, stream.getvalue().encode())

    def check(self, faces: FaceDataset) -> None:
        """Make sure that the decisions are on these faces.

        Parameters
        ----------
        faces : FaceDataset
            All of the data that they were made for.

        Raises
        ------
        DatasetError
            If a face is not there, or has another label than the one decided on; or there are two
            decisions on one. The message names the row.
        """
        labels: dict[tuple[str, str], set[str]] = {}
        for split, name, label in _each(faces):
            for key in ((split, name), ("", name)):
                labels.setdefault(key, set()).add(label)
        decided: dict[tuple[str, str], int] = {}
        for row, entry in enumerate(self.entries, start=2):
            key = entry.split, entry.name
            place = f"{self.source}, row {row}: {' '.join(filter(None, key))}"
            if key not in labels:
                raise DatasetError(
                    f"{place} is none of the {len(faces):,} faces of {_source(faces)}: give the "
                    "data that the decisions were made for, or delete the row."
                )
            if labels[key] != {entry.given}:
                raise DatasetError(
                    f"{place} is labelled {' or '.join(sorted(labels[key]))} in {_source(faces)}, "
                    f"and {entry.given} where it was decided on: give the data that the decisions "
                    "were made for, or look for suspects anew."
                )
            if key in decided:
                raise DatasetError(
                    f"{place} was decided on in row {decided[key]} already: delete one of the rows."
                )
            decided[key] = row

    def follow(self, faces: FaceDataset) -> tuple[FaceDataset, dict[str, Any]]:
        """Leave faces out and change labels.

        Parameters
        ----------
        faces : FaceDataset
            Some or all of those that the decisions are on; what is decided of others is not
            looked at. Copies of a face, as balancing makes, go with it.

        Returns
        -------
        faces : FaceDataset
            Those that are left, in their order.
        record : dict
            ``source``, and how many faces were ``n_dropped`` and ``n_relabelled``; for JSON.
        """
        wanted = {(entry.split, entry.name): entry.decision for entry in self.entries}
        labels, stays = faces.labels.copy(), np.ones(len(faces), bool)
        for row, (split, name, label) in enumerate(_each(faces)):
            decision = wanted.get((split, name)) or wanted.get(("", name), "")
            if decision == _DROP:
                stays[row] = False
            elif decision not in ("", _KEEP, label):
                labels[row] = EMOTIONS.index(decision)
        record = {
            "source": Path(self.source).name,
            "n_dropped": int((~stays).sum()),
            "n_relabelled": int((labels != faces.labels)[stays].sum()),
        }
        changed = replace(faces, labels=labels)
        return (changed if stays.all() else changed.take(stays)), record

    def counts(self) -> dict[str, int]:
        """Count of each decision, the most frequent first; undecided ones under ``''``."""
        return dict(Counter(entry.decision for entry in self.entries).most_common())


def read_decisions(path: str | os.PathLike[str]) -> Decisions:
    """Read decisions from a CSV, as ``fer-ensemble suspects`` and its page write it.

    Parameters
    ----------
    path : path-like
        With the columns name, given and decision, and split where names are not unique; others
        are taken along.

    Returns
    -------
    Decisions

    Raises
    ------
    DatasetError
        If it is no such file, or a row says something else than keep, drop or a label; the message
        names the row.
    OSError
        If it cannot be opened.
    """
    table = read_table(Path(path))
    names, given, decided = (table.column(name) for name in ("name", "given", "decision"))
    splits, suggested, reasons, scores = (
        _optional(table, name) for name in ("split", "suggested", "reason", "score")
    )
    entries = []
    for row, name in enumerate(names):
        place = f"{table.source}, row {row + 2}"
        try:
            entries.append(
                Decision(
                    split=parse_split(splits[row]) if splits[row] else "",
                    name=name,
                    given=EMOTIONS[parse_emotion(given[row])],
                    suggested=suggested[row],
                    decision=_parse_decision(decided[row]),
                    score=float(scores[row] or 0),
                    reason=reasons[row],
                )
            )
        except ValueError as error:
            raise DatasetError(f"{place}: {error}.") from None
    return Decisions(tuple(entries), table.source)


def _parse_decision(text: str) -> str:
    word = text.lower()
    if word in ("", _KEEP, _DROP):
        return word
    try:
        return EMOTIONS[parse_emotion(word)]
    except ValueError as error:
        raise ValueError(f"a decision is keep, drop or a label, and not: {error}") from None


def _optional(table: CsvTable, name: str) -> list[str]:
    return table.column(name) if table.find([name]) else [""] * len(table.rows)


def _each(faces: FaceDataset) -> list[tuple[str, str, str]]:
    """Split, name and label of each face."""
    names = map(str, np.asarray(faces.names))
    labels = (EMOTIONS[label] for label in faces.labels)
    return list(zip(map(str, faces.split), names, labels, strict=True))


def _source(faces: FaceDataset) -> str:
    return faces.report.source or "the faces given"
