"""A data set of faces, and the report of what went wrong while it was read.

Nothing is lost in silence: every row or picture of a source is a face of the data set, or counted
in its report with its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.datasets.labels import EMOTIONS, SPLITS, parse_split

#: Side of a face, in pixels.
FACE_SIZE = 48

#: Called as ``progress(done, total)`` while faces are read.
Progress = Callable[[int, int], None]


class DatasetError(ValueError):
    """A dataset cannot be read; the message says where, why, and what to do."""


# Without ==, which arrays do not answer with one truth value.
@dataclass(frozen=True, eq=False)
class FaceDataset:
    """Faces, their labels, and where each came from.

    Attributes
    ----------
    images : ndarray or StoredArray of shape (n_samples, 48, 48), uint8
        Those of a store are on disk: ``numpy.asarray`` reads them, and `StoredArray.batches` a
        part at a time.
    labels : ndarray of shape (n_samples,), int64
        Places in `EMOTIONS`.
    split : ndarray of shape (n_samples,), str
        The part each face belongs to: a value of `SPLITS`.
    names : ndarray or StoredArray of shape (n_samples,), object
        File name within the folder or zip, or "row 17" of a CSV (row 1 names the columns); in a
        store, with the name of the file in front.
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
    # Called when a data set is made: the class stands further down.
    report: ReadReport = field(default_factory=lambda: ReadReport())

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
            present = ", ".join(f"{name} ({count:,})" for name, count in counts.items())
            raise ValueError(
                f"no face in split {part!r}; there are: {present or 'none at all'}. "
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


@dataclass
class ReadReport:
    """Collects the problems of one reading.

    Attributes
    ----------
    source : str
        What is read; stands before messages of errors.
    unit : str
        What is counted: "row" or "picture".
    strict : bool
        Whether a loss, an unknown class folder or a missing class is an error at once.
    problems : list of Problem
        In the order of the input.
    has_parts : bool
        Whether the source says which part each face belongs to; if not, all are called "train".
    classes : dict of str to (str or None)
        What labels of the source mean, where their names alone do not say it.
    how_labelled : str
        The same in a line; mostly empty.
    """

    source: str = ""
    unit: str = "picture"
    strict: bool = False
    problems: list[Problem] = field(default_factory=list)
    has_parts: bool = True
    classes: dict[str, str | None] = field(default_factory=dict)
    how_labelled: str = ""

    def add(self, kind: str, where: str, message: str, count: int = 1) -> None:
        """Note a problem.

        Raises
        ------
        DatasetError
            If reading is strict and the kind is not a mere note.
        """
        problem_kind = PROBLEM_KINDS[kind]
        if self.strict and problem_kind.stops_strict:
            place = f"{self.source}, {where}" if self.source else where
            raise DatasetError(
                f"{place}: {message}. {problem_kind.remedy}, or read without strict to go on "
                "without it."
            )
        self.problems.append(Problem(kind, where, message, count))

    @property
    def counts(self) -> dict[str, int]:
        """How many rows or pictures each kind concerns; kinds without one are left out."""
        counts: Counter[str] = Counter()
        for problem in self.problems:
            counts[problem.kind] += problem.count
        return dict(counts)

    @property
    def n_lost(self) -> int:
        """How many rows or pictures were skipped."""
        return sum(problem.count for problem in self.problems if problem.is_loss)

    def lines(self, limit: int = 3) -> list[str]:
        """One line for each kind of problem, losses first.

        Parameters
        ----------
        limit : int, default=3
            How many places each line names.

        Returns
        -------
        list of str
            Such as "3 rows skipped: wrong pixel count (row 5, row 9, …)".
        """
        counts = self.counts
        kinds = sorted(counts, key=lambda kind: not PROBLEM_KINDS[kind].is_loss)
        return [self._line(kind, counts[kind], limit) for kind in kinds]

    def summary(self) -> str:
        """Everything that `lines` says, as one text; empty if there was no problem."""
        return "\n".join(self.lines())

    def _line(self, kind: str, count: int, limit: int) -> str:
        # What is no picture cannot be counted in pictures.
        unit = "file" if kind in ("other_file", "unusable_file") else self.unit
        text = PROBLEM_KINDS[kind].description.format(
            n=f"{count:,} {unit}{'s' if count != 1 else ''}"
        )
        places = [problem.where for problem in self.problems if problem.kind == kind]
        shown = places[:limit] + ["…"] * (len(places) > limit)
        return f"{text} ({', '.join(shown)})" if limit > 0 else text


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes
    ----------
    kind : str
        A key of `PROBLEM_KINDS`.
    where : str
        The row or the file.
    message : str
        What is wrong with it.
    count : int
        How many rows or pictures it concerns.
    """

    kind: str
    where: str
    message: str
    count: int = 1

    @property
    def is_loss(self) -> bool:
        """Whether faces were skipped; else the finding is a note."""
        return PROBLEM_KINDS[self.kind].is_loss


@dataclass(frozen=True)
class ProblemKind:
    """A kind of problem: how it is described, and what it means for the reading.

    Attributes
    ----------
    description : str
        Sentence for the report; ``{n}`` stands for the count with its unit.
    remedy : str
        What the user can do.
    is_loss : bool
        Whether a face was skipped. All else is a note.
    stops_strict : bool
        Whether reading with ``strict=True`` ends here.
    """

    description: str
    remedy: str
    is_loss: bool = True
    stops_strict: bool = True


#: Every kind of problem that a reader reports.
PROBLEM_KINDS = {
    "wrong_pixel_count": ProblemKind(
        "{n} skipped: wrong pixel count", "A face is 48×48 = 2304 values; correct or delete the row"
    ),
    "pixel_out_of_range": ProblemKind(
        "{n} skipped: pixel outside 0–255", "Correct or delete the row"
    ),
    "not_a_number": ProblemKind(
        "{n} skipped: pixel that is not a whole number", "Correct or delete the row"
    ),
    "unknown_label": ProblemKind(
        "{n} skipped: unknown label",
        "Say what it means with --classes, or delete the row",
    ),
    "unknown_usage": ProblemKind(
        "{n} skipped: unknown split",
        "Use Training, PublicTest or PrivateTest (folders: train, validation, test)",
    ),
    "unreadable": ProblemKind("{n} skipped: unreadable", "Replace or delete it"),
    "empty_file": ProblemKind("{n} skipped: empty file", "Replace or delete it"),
    "unknown_class_folder": ProblemKind(
        "{n} skipped: in no folder named after an expression",
        "Rename the folder to one of angry, disgust, fear, happy, sad, surprise, neutral, say what "
        "it means with --classes, or move it away",
    ),
    "truncated": ProblemKind(
        "file cut short or damaged, what follows is lost", "Download or make the file again"
    ),
    "unusable_file": ProblemKind("{n} skipped: no usable face", "Replace it, or leave it out"),
    "several_frames": ProblemKind(
        "{n} with several frames, of which the first is taken",
        "",
        is_loss=False,
        stops_strict=False,
    ),
    "resized": ProblemKind("{n} resized to 48×48", "", is_loss=False, stops_strict=False),
    "other_file": ProblemKind("{n} left out: not a picture", "", is_loss=False, stops_strict=False),
    "other_expression": ProblemKind(
        "{n} left out: said to be none of the seven expressions",
        "",
        is_loss=False,
        stops_strict=False,
    ),
    "missing_class": ProblemKind("expression without a face", "Add faces of it", is_loss=False),
}
