"""FER+: what ten people saw in each face of FER2013.

E. Barsoum, C. Zhang, C. Canton Ferrer and Z. Zhang, "Training deep networks for facial expression
recognition with crowd-sourced label distribution", ACM International Conference on Multimodal
Interaction, 2016.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.datasets.csv_tables import CsvTable, read_table
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset
from fer_ensemble.datasets.labels import parse_split

#: What could be voted for, in the order of the file.
VOTES = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)
# The seven in FER+'s spelling.
_EXPRESSIONS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
# The columns of the seven expressions, in the order of `EMOTIONS`, and those of the other choices.
_EXPRESSION_COLUMNS = [VOTES.index(name) for name in _EXPRESSIONS]
_OTHER_COLUMNS = [place for place in range(len(VOTES)) if place not in _EXPRESSION_COLUMNS]


@dataclass(frozen=True, eq=False)
class FERPlusVotes:
    """Votes on faces: a second reading of the truth.

    Seven of the ten choices are the expressions of `EMOTIONS`. Contempt is none of them, unknown
    means that the voter could not say, and NF that it is no face. Votes for these three take no
    part in `distributions`, but they can outvote an expression in `majority`.

    Attributes
    ----------
    counts : ndarray of shape (n_samples, 10), int64
        Votes for each of `VOTES`; ten in all in the published file.
    split : ndarray of shape (n_samples,), str
        The part each face belongs to: a value of `SPLITS`.
    source : str
        The file, for errors.
    names : ndarray of shape (n_samples,), object, or None
        Names of the faces, once `join_ferplus` has found them.
    """

    counts: NDArray[np.int64]
    split: NDArray[np.str_]
    source: str = ""
    names: NDArray[np.object_] | None = None

    def __len__(self) -> int:
        """Count of faces."""
        return len(self.counts)

    def take(self, rows: ArrayLike) -> FERPlusVotes:
        """Votes on some of the faces, by indices or a mask of shape (n_samples,)."""
        rows = np.asarray(rows)
        names = None if self.names is None else self.names[rows]
        return FERPlusVotes(self.counts[rows], self.split[rows], self.source, names)

    def of(self, faces: FaceDataset) -> FERPlusVotes:
        """Find the votes on a part of the faces.

        Parameters
        ----------
        faces : FaceDataset
            Of those that `join_ferplus` was given; in any order, and as often as one likes.

        Returns
        -------
        FERPlusVotes
            One row for each of `faces`.

        Raises
        ------
        ValueError
            If the votes were not joined yet, or a face is none of those.
        """
        if self.names is None:
            raise ValueError("These votes belong to no faces yet: join_ferplus finds theirs.")
        places = {name: row for row, name in enumerate(self.names)}
        for name in faces.names:
            if name not in places:
                raise ValueError(f"{name} is none of the faces that the votes were joined to.")
        return self.take([places[name] for name in faces.names])

    @property
    def expressions(self) -> NDArray[np.int64]:
        """Votes for our seven expressions, of shape (n_samples, 7), in the order of `EMOTIONS`."""
        return self.counts[:, _EXPRESSION_COLUMNS]

    @property
    def others(self) -> NDArray[np.int64]:
        """Votes for contempt, unknown and NF, of shape (n_samples, 3)."""
        return self.counts[:, _OTHER_COLUMNS]

    @property
    def distributions(self) -> NDArray[np.float64]:
        """Shares of the votes for our seven expressions, of shape (n_samples, 7).

        Each row sums to 1; it is all NaN if nobody voted for any of the seven.
        """
        votes = self.expressions.astype(np.float64)
        n_votes = votes.sum(axis=1, keepdims=True)
        return np.divide(votes, n_votes, out=np.full_like(votes, np.nan), where=n_votes > 0)

    @property
    def majority(self) -> NDArray[np.int64]:
        """Label with the most votes, of shape (n_samples,); -1 where there is none.

        There is none if two expressions share the most votes, or if contempt, unknown or NF has
        as many.
        """
        votes = self.expressions
        most = votes.max(axis=1, keepdims=True)
        clear = (votes == most).sum(axis=1) == 1
        clear &= most[:, 0] > self.others.max(axis=1)
        return np.where(clear, votes.argmax(axis=1), -1)


def load_ferplus(path: str | os.PathLike[str]) -> FERPlusVotes:
    """Read the votes of FER+.

    Parameters
    ----------
    path : path-like
        ``fer2013new.csv``: columns Usage and those of `VOTES`, one row for each row of the
        original ``fer2013.csv``, in its order.

    Returns
    -------
    FERPlusVotes
        For every row of the file.

    Raises
    ------
    DatasetError
        If it is no such file, a column is missing, or a row has a Usage or a vote that cannot be
        read; the message names the row.
    OSError
        If it cannot be opened.
    """
    table = read_table(Path(path))
    columns = [_parse_votes(table, name) for name in VOTES]
    return FERPlusVotes(np.stack(columns, axis=1), _parse_usage(table), table.source)


def join_ferplus(faces: FaceDataset, votes: FERPlusVotes) -> FERPlusVotes:
    """Find the votes on faces that were read from the original CSV, by row number.

    Parameters
    ----------
    faces : FaceDataset
        All faces of ``fer2013.csv``. The order of faces from folders and zips of pictures is
        another one, so that votes cannot be joined to them.
    votes : FERPlusVotes
        As `load_ferplus` read them.

    Returns
    -------
    FERPlusVotes
        One row for each of `faces`; the votes on rows that could not be used are left out.

    Raises
    ------
    DatasetError
        If the faces are not from a CSV, there are more or fewer rows than votes, or a row belongs
        to another part of the data; the message names the row.

    Examples
    --------
    >>> from fer_ensemble.datasets import join_ferplus, load_faces, load_ferplus
    >>> faces = load_faces("fer2013.csv")  # doctest: +SKIP
    >>> votes = join_ferplus(faces, load_ferplus("fer2013new.csv"))  # doctest: +SKIP
    """
    # Rows that could not be used have votes as well. A part of the faces keeps the report of the
    # whole, so that it does not add up, and is refused too.
    n_rows = len(faces) + faces.report.n_lost
    if n_rows != len(votes):
        raise DatasetError(
            f"{votes.source} has votes on {len(votes):,} faces, and there are {n_rows:,} rows of "
            "faces: join all rows of the CSV that the votes belong to, and select parts after."
        )
    places = np.array([_place(name) for name in faces.names], np.int64)
    if places.max(initial=-1) >= len(votes):
        raise DatasetError(
            f"{faces.report.source}: {faces.names[places.argmax()]} is beyond the {len(votes):,} "
            "rows of votes. Delete blank lines."
        )
    joined = replace(votes.take(places), names=faces.names)
    # The two files share no name of a face: that the parts agree is all that can be checked.
    for row in np.flatnonzero(joined.split != faces.split)[:1]:
        raise DatasetError(
            f"{faces.names[row]} belongs to {faces.split[row]}, but to {joined.split[row]} in "
            f"{votes.source}: these votes are on other faces, or in another order. Take the "
            "original fer2013.csv and fer2013new.csv."
        )
    return joined


def _parse_votes(table: CsvTable, name: str) -> NDArray[np.int64]:
    fields = table.column(name)
    for row, field in enumerate(fields, start=2):
        # Stricter than int(), which would take signs: blanks, underscores, digits of other scripts.
        if not (field.isascii() and field.isdigit() and len(field) < 10):
            raise DatasetError(
                f"{table.source}, row {row}: {field!r} is no count of votes ({name}). Download "
                "the file again."
            )
    return np.array([int(field) for field in fields], np.int64)


def _parse_usage(table: CsvTable) -> NDArray[np.str_]:
    parts = []
    for row, field in enumerate(table.column("Usage"), start=2):
        try:
            parts.append(parse_split(field))
        except ValueError as error:
            raise DatasetError(f"{table.source}, row {row}: {error}.") from None
    return np.array(parts, np.str_)


def _place(name: str) -> int:
    """Place of a row of the CSV among the faces; row 1 names the columns."""
    unit, _, number = str(name).partition(" ")
    if unit != "row" or not number.isdigit():
        raise DatasetError(
            f"{name} is no row of a CSV: the votes of FER+ can only be joined to faces from the "
            "original fer2013.csv."
        )
    return int(number) - 2
