"""The one object that faces with labels are kept in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.datasets.labels import EMOTIONS, SPLITS, parse_split
from fer_ensemble.datasets.report import ReadReport

#: Side of a face, in pixels.
FACE_SIZE = 48


@dataclass(frozen=True, eq=False)
class FaceDataset:
    """Faces, their labels, and where each came from.

    Attributes
    ----------
    images : ndarray of shape (n_samples, 48, 48), uint8
    labels : ndarray of shape (n_samples,), int64
        Places in `EMOTIONS`.
    split : ndarray of shape (n_samples,), str
        The part each face belongs to: a value of `SPLITS`.
    names : ndarray of shape (n_samples,), object
        File name within the folder or zip, or "row 17" of a CSV (row 1 names the columns).
    report : ReadReport
        What was wrong in the source.

    Raises
    ------
    ValueError
        If the lengths differ.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    split: NDArray[np.str_]
    names: NDArray[np.object_]
    report: ReadReport = field(default_factory=ReadReport)

    def __post_init__(self) -> None:
        """Check that there is one of everything for each face."""
        lengths = [len(self.images), len(self.labels), len(self.split), len(self.names)]
        if len(set(lengths)) > 1:
            raise ValueError(f"images, labels, split and names must be equally long; got {lengths}")

    def __len__(self) -> int:
        """Count of faces."""
        return len(self.images)

    def take(self, rows: ArrayLike) -> FaceDataset:
        """Some of the faces.

        Parameters
        ----------
        rows : array of int or of bool
            Indices, or a mask of shape (n_samples,).

        Returns
        -------
        FaceDataset
            With the report of the whole.
        """
        rows = np.asarray(rows)
        return FaceDataset(
            self.images[rows], self.labels[rows], self.split[rows], self.names[rows], self.report
        )

    def select(self, split: str) -> FaceDataset:
        """Faces of one part.

        Parameters
        ----------
        split : str
            "train", "validation", "public_test" (or "public"), "private_test" (or "private"),
            "test" for every kind of test face, or "all".

        Returns
        -------
        FaceDataset

        Raises
        ------
        ValueError
            If the name is unknown, or no face belongs to the part; the message lists the parts
            that there are.
        """
        if split.strip().lower() == "all":
            return self
        part = parse_split(split)
        wanted = ("test", "public_test", "private_test") if part == "test" else (part,)
        mask = np.isin(self.split, wanted)
        if not mask.any():
            counts = self.split_counts()
            there = ", ".join(f"{name} ({count:,})" for name, count in counts.items())
            raise ValueError(
                f"no face in split {part!r}; there are: {there or 'none at all'}. "
                f"Pass one of {', '.join([*counts, 'all'])}."
            )
        return self.take(mask)

    def split_counts(self) -> dict[str, int]:
        """Count of faces in each part that has any, in the order of `SPLITS`."""
        counts = Counter(self.split.tolist())
        return {name: counts[name] for name in SPLITS if counts[name]}

    def class_counts(self) -> dict[str, int]:
        """Count of faces of each expression, also those without one, in the order of `EMOTIONS`."""
        counts = np.bincount(self.labels, minlength=len(EMOTIONS))
        return {name: int(count) for name, count in zip(EMOTIONS, counts, strict=True)}
