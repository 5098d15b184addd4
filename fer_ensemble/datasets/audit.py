"""What a data set holds: counts of classes and splits, blank faces, and copies."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.labels import EMOTIONS, SPLITS
from fer_ensemble.datasets.near_copies import SIMILAR, NearCopies, find_copies
from fer_ensemble.splitting import unite_groups

_LIST_COLUMNS = (
    "finding",
    "set",
    "name",
    "split",
    "label",
    "similarity",
    "mirrored",
    "labels_disagree",
    "splits_differ",
)


def audit_faces(dataset: FaceDataset, *, threshold: float = SIMILAR) -> DataAudit:
    """Count the faces and look for blank ones and copies.

    Parameters
    ----------
    dataset : FaceDataset
    threshold : float, default=0.65
        Least similarity of near-copies, see :func:`~fer_ensemble.datasets.find_near_copies`,
        which takes most of the time.

    Returns
    -------
    DataAudit

    Examples
    --------
    >>> import numpy as np
    >>> from fer_ensemble.datasets import audit_faces, synthetic_dataset
    >>> faces = synthetic_dataset(20, random_state=0)
    >>> audit = audit_faces(faces.take([*range(20), 3]))
    >>> len(audit.blank), [rows.tolist() for rows in audit.exact.sets]
    (0, [[3, 20]])
    """
    images = np.asarray(dataset.images)
    groups, pairs = find_copies(images, threshold=threshold)
    return DataAudit(
        faces=dataset,
        counts={
            part: dataset.take(dataset.split == part).class_counts()
            for part in dataset.split_counts()
        },
        blank=np.flatnonzero(np.ptp(images.reshape(len(images), -1), axis=1) == 0),
        exact=copy_sets(dataset, groups),
        near=_near_sets(dataset, groups, pairs),
        near_pairs=pairs,
    )


@dataclass(frozen=True, eq=False)
class DataAudit:
    """What :func:`audit_faces` found.

    Attributes
    ----------
    faces : FaceDataset
        The faces looked at.
    counts : dict of str to dict of str to int
        Faces of each expression in each split that has any.
    blank : ndarray of int64
        Rows of the faces whose pixels are all the same.
    exact : CopySets
        Exact copies, blank faces among them.
    near : CopySets
        Near-copies, together with their exact copies; two faces are in one set also if others
        link them.
    near_pairs : NearCopies
        The pairs that make the sets of `near`, by rows of `faces`: of exact copies the first.
    """

    faces: FaceDataset
    counts: dict[str, dict[str, int]]
    blank: NDArray[np.int64]
    exact: CopySets
    near: CopySets
    near_pairs: NearCopies

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain dictionaries and numbers, ready for JSON."""
        labels = self.faces.labels[self.near_pairs.pairs]
        return {
            "n": len(self.faces),
            "counts": self.counts,
            "blank": self.faces.take(self.blank).split_counts(),
            "exact_copies": self.exact.to_dict(),
            "near_copies": self.near.to_dict()
            | {
                "pairs": len(self.near_pairs),
                "mirrored_pairs": int(self.near_pairs.mirrored.sum()),
                "pairs_that_disagree_on_the_label": int((labels[:, 0] != labels[:, 1]).sum()),
            },
        }

    def write_list(self, path: str | os.PathLike[str]) -> None:
        """Write every finding as a CSV, a row for each face.

        Parameters
        ----------
        path : path-like
            File to write; its folder is made if need be. The column finding says blank,
            exact_copy or near_copy, and the column set which faces belong together. A near-copy
            has the similarity to the face of its set that resembles it most.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_LIST_COLUMNS)
        writer.writerows(self._rows())
        write_atomically(file, stream.getvalue().encode())

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for row in self.blank:
            yield ("blank", "", *self._face(row), "", "", "", "")
        best = _best_match(self.near_pairs)
        # A near-copy that has no entry of its own is an exact copy of a face that has one.
        for finding, copies in (("exact_copy", self.exact), ("near_copy", self.near)):
            for number, rows in enumerate(copies.sets, start=1):
                disagree = len(set(self.faces.labels[rows].tolist())) > 1
                differ = len(set(self.faces.split[rows].tolist())) > 1
                for row in rows.tolist():
                    match = best.get(row, ("", "")) if finding == "near_copy" else (1, False)
                    yield (finding, number, *self._face(row), *match, disagree, differ)

    def _face(self, row: int) -> tuple[str, str, str]:
        faces = self.faces
        return str(faces.names[row]), str(faces.split[row]), EMOTIONS[faces.labels[row]]


@dataclass(frozen=True, eq=False)
class CopySets:
    """Sets of two or more faces that are copies of each other.

    Attributes
    ----------
    faces : FaceDataset
        All faces.
    sets : tuple of ndarray of int64
        Ascending rows of `faces`; no face is in two sets.
    """

    faces: FaceDataset
    sets: tuple[NDArray[np.int64], ...]

    def __len__(self) -> int:
        """Count of sets."""
        return len(self.sets)

    @property
    def n_faces(self) -> int:
        """Count of faces in any set."""
        return sum(map(len, self.sets))

    @property
    def n_redundant(self) -> int:
        """Count of faces that could go while one of each set stays."""
        return self.n_faces - len(self)

    @property
    def disagreeing(self) -> CopySets:
        """Those sets whose labels are not all the same."""
        labels = self.faces.labels
        return CopySets(
            self.faces, tuple(rows for rows in self.sets if len(set(labels[rows].tolist())) > 1)
        )

    def across_splits(self) -> dict[tuple[str, str], int]:
        """Count the faces of one part that stand in another as well.

        Returns
        -------
        dict of (str, str) to int
            Under ``("public_test", "train")``, how many public test faces have a copy in train.
            Of two parts the later one in `SPLITS` is counted; pairs without a copy are left out.
        """
        counts: dict[tuple[str, str], int] = {}
        for rows in self.sets:
            parts = self.faces.split[rows].tolist()
            # The later part is the one tested on: its faces are those that a fit has seen.
            for part in parts:
                for other in {other for other in parts if SPLITS.index(other) < SPLITS.index(part)}:
                    counts[part, other] = counts.get((part, other), 0) + 1
        return dict(sorted(counts.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain dictionaries and numbers, ready for JSON."""
        return {
            "sets": len(self),
            "faces": self.n_faces,
            "redundant": self.n_redundant,
            "sets_that_disagree_on_the_label": len(self.disagreeing),
            "faces_that_stand_in_another_split": {
                f"{part} in {other}": n for (part, other), n in self.across_splits().items()
            },
        }


def copy_sets(faces: FaceDataset, groups: NDArray[np.int64]) -> CopySets:
    """Gather the rows of each group that has two or more.

    Parameters
    ----------
    faces : FaceDataset
    groups : ndarray of shape (n_samples,), int64
        The same number for copies, such as :func:`~fer_ensemble.splitting.copy_groups` gives.

    Returns
    -------
    CopySets
        In the order of their first faces.
    """
    # Stable, so that the rows of each group stay in ascending order.
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    sets: Iterable[NDArray[np.int64]] = np.split(order, ends)
    several = (rows for rows in sets if len(rows) > 1)
    return CopySets(faces, tuple(sorted(several, key=lambda rows: int(rows[0]))))


def _near_sets(faces: FaceDataset, groups: NDArray[np.int64], near: NearCopies) -> CopySets:
    links = groups[near.pairs]
    # Exact copies of a face in a pair are in its set too; sets of exact copies alone are not.
    linked = np.flatnonzero(np.isin(groups, links))
    sets = copy_sets(faces.take(linked), unite_groups(groups, links)[linked]).sets
    return CopySets(faces, tuple(linked[rows] for rows in sets))


def _best_match(near: NearCopies) -> dict[int, tuple[str, bool]]:
    """Similarity of each face to the one that resembles it most, and whether that is mirrored."""
    best: dict[int, tuple[str, bool]] = {}
    # In ascending order, so that the last entry of a face is its best.
    for place in np.argsort(near.similarity):
        for row in near.pairs[place].tolist():
            best[row] = f"{near.similarity[place]:.3f}", bool(near.mirrored[place])
    return best
