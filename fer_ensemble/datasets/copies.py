"""Sets of faces that are copies of each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.labels import SPLITS


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
        The same number for copies, such as :func:`~fer_ensemble.datasets.copy_groups` gives.

    Returns
    -------
    CopySets
        In the order of their first faces.
    """
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    sets: Iterable[NDArray[np.int64]] = np.split(order, ends)
    several = (rows for rows in sets if len(rows) > 1)
    return CopySets(faces, tuple(sorted(several, key=lambda rows: int(rows[0]))))


def unite_groups(groups: NDArray[np.int64], links: NDArray[np.int64]) -> NDArray[np.int64]:
    """Make one group of all that are linked, directly or by others.

    Parameters
    ----------
    groups : ndarray of shape (n_samples,), int64
        Numbers from 0, such as :func:`~fer_ensemble.datasets.copy_groups` gives.
    links : ndarray of shape (n_links, 2), int64
        Pairs of such numbers.

    Returns
    -------
    ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> import numpy as np
    >>> unite_groups(np.array([0, 1, 0, 2, 3]), np.array([[0, 3]])).tolist()
    [0, 1, 0, 2, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_groups = int(groups.max(initial=-1)) + 1
    graph = coo_array((np.ones(len(links)), links.T), shape=(n_groups, n_groups))
    united = connected_components(graph, directed=False)[1].astype(np.int64)
    return united[groups]
