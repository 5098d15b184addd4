"""Why faces are suspect: what was found of each, weighed and told in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets import EMOTIONS, FaceDataset

#: Kinds of reasons.
KINDS = ("blank", "no_face", "copies", "doubted")
_NAMED = 2  # copies that a reason names


@dataclass(frozen=True)
class Suspect:
    """A face whose label, or which itself, should be looked at.

    Attributes
    ----------
    row : int
        Its place among the faces.
    given : int
        Its label.
    suggested : int
        The label that fits best, a place in `EMOTIONS`; -1 where the picture should go.
    score : float
        How suspect it is, from 0 to 1.
    kinds : tuple of str
        Of `KINDS`, the weightiest first.
    reason : str
        The same in words.
    """

    row: int
    given: int
    suggested: int
    score: float
    kinds: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class _Finding:
    kind: str
    score: float
    suggested: int
    words: str


class Findings:
    """Collects what is found of faces.

    Parameters
    ----------
    faces : FaceDataset
    probabilities : ndarray of shape (n_samples, n_classes)
        What models say that have not seen the face.
    classes : ndarray of shape (n_classes,)
        The label of each column.
    """

    def __init__(
        self,
        faces: FaceDataset,
        probabilities: NDArray[np.float64],
        classes: NDArray[np.int64],
    ) -> None:
        self._faces = faces
        self._columns = {int(label): column for column, label in enumerate(classes)}
        self._classes = classes
        self._probabilities = probabilities
        self._found: dict[int, list[_Finding]] = {}

    def add_blank(self, rows: NDArray[np.int64]) -> None:
        """Add pictures of one gray; whatever else is found of them does not count."""
        for row in rows.tolist():
            self._add(row, _Finding("blank", 1.0, -1, "blank: all pixels are the same"))

    def add_unlike(self, doubt: NDArray[np.float64]) -> None:
        """Add pictures that are no faces, by what `unlike_faces` says of each."""
        words = "no face is found in it, and it is unlike the other pictures"
        for row in np.flatnonzero(doubt > 0).tolist():
            self._add(row, _Finding("no_face", float(doubt[row]), -1, words))

    def add_copies(self, photographs: NDArray[np.int64], exact: NDArray[np.int64]) -> None:
        """Add faces of one photograph that carry different labels.

        Each label of the photograph is weighed by how many copies carry it, and by what the models
        say of them; a face is as suspect as its own label lacks weight.

        Parameters
        ----------
        photographs : ndarray of shape (n_samples,), int
            The same number for copies, exact or near.
        exact : ndarray of shape (n_samples,), int
            The same number for exact copies.
        """
        labels = self._faces.labels
        order = np.argsort(photographs, kind="stable")
        ends = np.flatnonzero(np.diff(photographs[order])) + 1
        for rows in np.split(order, ends):
            carried, counts = np.unique(labels[rows], return_counts=True)
            if len(carried) < 2:
                continue
            columns = [self._columns[int(label)] for label in carried]
            weights = counts * self._probabilities[rows].mean(axis=0)[columns]
            shares = weights / weights.sum() if weights.sum() > 0 else counts / counts.sum()
            best = int(carried[shares.argmax()])
            for row in rows.tolist():
                share = float(shares[carried == labels[row]][0])
                others = rows[labels[rows] != labels[row]]
                self._add(
                    row, _Finding("copies", 1 - share, best, self._tell_copies(row, others, exact))
                )

    def add_doubted(
        self, is_suspect: NDArray[np.bool_], confident: NDArray[np.intp], doubt: NDArray[np.float64]
    ) -> None:
        """Add faces whose label the models doubt.

        Parameters
        ----------
        is_suspect : ndarray of shape (n_samples,), bool
        confident : ndarray of shape (n_samples,), int
            The column of the class that each is taken for.
        doubt : ndarray of shape (n_samples,)
            From 0 to 1.
        """
        for row in np.flatnonzero(is_suspect).tolist():
            said, column = self._probabilities[row], confident[row]
            given = int(self._faces.labels[row])
            better = int(self._classes[column])
            words = (
                f"models that have not seen it say {EMOTIONS[better]} ({said[column]:.2f}), "
                f"and not {EMOTIONS[given]} ({said[self._columns[given]]:.2f})"
            )
            self._add(row, _Finding("doubted", float(doubt[row]), better, words))

    def ranked(self) -> tuple[Suspect, ...]:
        """List every face of which something was found, the most suspect first.

        A face is as suspect as its weightiest finding says, whose suggestion it also gets. Of
        equals, the first row comes first.
        """
        suspects = []
        for row, findings in self._found.items():
            weightiest = sorted(findings, key=lambda finding: -finding.score)
            suspects.append(
                Suspect(
                    row=row,
                    given=int(self._faces.labels[row]),
                    suggested=weightiest[0].suggested,
                    score=weightiest[0].score,
                    kinds=tuple(finding.kind for finding in weightiest),
                    reason="; ".join(finding.words for finding in weightiest),
                )
            )
        return tuple(sorted(suspects, key=lambda suspect: (-suspect.score, suspect.row)))

    def _add(self, row: int, finding: _Finding) -> None:
        if any(known.kind == "blank" for known in self._found.get(row, ())):
            return
        self._found.setdefault(row, []).append(finding)

    def _tell_copies(self, row: int, others: NDArray[np.intp], exact: NDArray[np.int64]) -> str:
        told = []
        for other in others[:_NAMED]:
            copy = "an exact copy" if exact[other] == exact[row] else "a near-copy"
            label = EMOTIONS[self._faces.labels[other]]
            told.append(f"{copy} is labelled {label} ({self._faces.names[other]})")
        more = len(others) - _NAMED
        return ", ".join(told) + (f", and {more} more" if more > 0 else "")
