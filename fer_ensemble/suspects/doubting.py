"""Find suspect labels of a data set, as ``fer-ensemble suspects`` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets import (
    EMOTIONS,
    Classes,
    DataAudit,
    Decision,
    Decisions,
    FaceDataset,
    audit_faces,
    open_faces,
)
from fer_ensemble.evaluation import QUALITIES, confident_labels, label_quality
from fer_ensemble.libraries import require_for_members
from fer_ensemble.splitting import assign_folds, copy_groups, unite_groups
from fer_ensemble.suggestions import did_you_mean
from fer_ensemble.suspects.out_of_fold import Opinion, out_of_fold, quick_opinions
from fer_ensemble.suspects.reasons import KINDS, Findings, Suspect
from fer_ensemble.suspects.unlike_faces import unlike_faces

_AUTOMATIC = ("drop", "relabel")
# Least similarity of near-copies of which one label must be wrong. Those that are less similar
# stand in one fold as well, but four in ten of the least similar show two photographs.
_ONE_PHOTOGRAPH = 0.8


@dataclass(frozen=True, eq=False)
class SuspectLabels:
    """What :func:`find_suspect_labels` found.

    Attributes
    ----------
    faces : FaceDataset
        The faces looked at.
    description : str
        What they are.
    suspects : tuple of Suspect
        The most suspect first.
    probabilities : ndarray of shape (n_samples, n_classes)
        What models say that have not seen the face, nor a copy of it.
    classes : ndarray of shape (n_classes,)
        The label of each column.
    accuracies : dict of str to float
        How often each model's most probable label is the given one; of the mean of all under
        ``all``.
    n_wrong : int
        How many labels are wrong by confident learning's estimate.
    audit : DataAudit
        Blank pictures and copies.
    """

    faces: FaceDataset
    description: str
    suspects: tuple[Suspect, ...]
    probabilities: NDArray[np.float64]
    classes: NDArray[np.int64]
    accuracies: dict[str, float]
    n_wrong: int
    audit: DataAudit

    def __len__(self) -> int:
        """Count of suspects."""
        return len(self.suspects)

    def kind_counts(self) -> dict[str, int]:
        """Count of suspects of each of `KINDS`; one may be of several."""
        return {kind: sum(kind in found.kinds for found in self.suspects) for kind in KINDS}

    def decisions(self, decide: str | None = None, n: int | None = None) -> Decisions:
        """List suspects as decisions, which people or a rule take.

        Parameters
        ----------
        decide : {'drop', 'relabel'}, optional
            What is decided of the `n` most suspect: to leave them out, or to give them the label
            that is suggested, and leave out those that have none. Without it, nothing is decided.
        n : int, optional
            How many; all by default.

        Returns
        -------
        Decisions
            Every suspect, the most suspect first.

        Raises
        ------
        ValueError
            If there is no such rule, or `n` is negative.
        """
        check_rule(decide, n)
        n_decided = 0 if decide is None else len(self) if n is None else n
        return Decisions(
            tuple(
                Decision(
                    split=str(self.faces.split[found.row]),
                    name=str(self.faces.names[found.row]),
                    given=EMOTIONS[found.given],
                    suggested=_name(found.suggested),
                    decision=_automatic(found, str(decide)) if place < n_decided else "",
                    reason=found.reason,
                    score=found.score,
                )
                for place, found in enumerate(self.suspects)
            ),
            "the suspects found",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return figures as plain dictionaries and numbers, ready for JSON."""
        return {
            "data": self.description,
            "n": len(self.faces),
            "suspects": len(self),
            "by_reason": self.kind_counts(),
            "accuracy_out_of_fold": self.accuracies,
            "wrong_labels_estimated": self.n_wrong,
        }


def find_suspect_labels(
    data: str | os.PathLike[str] | FaceDataset,
    *,
    classes: Classes | None = None,
    split: str = "train",
    members: Sequence[tuple[str, Any]] | None = None,
    n_folds: int = 5,
    rank_by: str = "self_confidence",
    seed: int = 0,
    strict: bool = False,
    keep: str | os.PathLike[str] | None = None,
    on_step: Callable[[str, int, int], None] | None = None,
) -> SuspectLabels:
    """Find labels that are probably wrong, and pictures that are no faces.

    Models judge every face without having seen it, or a copy of it, and confident learning [1]_
    says whose labels they have good reason to doubt. Beside these stand copies of one photograph
    that carry different labels, of which at least one must be wrong, blank pictures, and those that
    are unlike faces. All are in one list, the most suspect first, each with its reason in words.

    Parameters
    ----------
    data : path-like or FaceDataset
        Labelled faces, as `open_faces` takes them. They are read into memory.
    classes : str or mapping, optional
        What labels of the data mean, as `load_faces` takes it.
    split : str, default='train'
        The part to look through; ``'all'`` takes every face.
    members : sequence of (str, classifier), optional
        Unfitted classifiers of faces, such as `create_members` makes: better ones find more, and
        take longer. By default two quick ones (`quick_opinions`).
    n_folds : int, default=5
        Into how many folds the faces are dealt; near-copies stand in one.
    rank_by : {'self_confidence', 'normalized_margin'}, default='self_confidence'
        By what doubted labels are ranked: see `label_quality`.
    seed : int, default=0
        Seed of the folds and of quick models.
    strict : bool, default=False
        Whether a face that can't be used is an error.
    keep : path-like, optional
        Folder in which each fold's answers are kept, so that the next call with the same arguments
        takes them over.
    on_step : callable, optional
        Called as ``on_step(what, done, total)``.

    Returns
    -------
    SuspectLabels

    Raises
    ------
    DatasetError
        If the data can't be read.
    ValueError
        If there is no such part or measure, or a class has fewer distinct faces than there are
        folds.
    MissingLibraryError
        If a library that a member is fitted with is not installed.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident learning: estimating uncertainty
       in dataset labels", Journal of Artificial Intelligence Research 70, 2021.

    Examples
    --------
    >>> from fer_ensemble import find_suspect_labels
    >>> found = find_suspect_labels("fer2013.zip")  # doctest: +SKIP
    >>> found.suspects[0].reason  # doctest: +SKIP
    'blank: all pixels are the same'
    """
    if rank_by not in QUALITIES:
        raise ValueError(
            f"There is no measure {rank_by!r}: choose {' or '.join(QUALITIES)}."
            + did_you_mean(rank_by, QUALITIES)
        )
    if members is not None:
        require_for_members(members)
    step = on_step or (lambda what, done, total: None)
    faces, description = open_faces(data, classes=classes, strict=strict, seed=seed)
    whole = faces
    faces = faces.select(split)
    if len(faces) < len(whole):
        description = f"{description}, split {split}"
    images = np.asarray(faces.images)
    step("Comparing faces", 0, 1)
    audit = audit_faces(faces)
    exact = copy_groups(images)
    photographs = unite_groups(exact, exact[audit.near_pairs.pairs])
    folds = assign_folds(
        images, faces.labels, n_splits=n_folds, groups=photographs, random_state=seed
    )
    step("Looking for what is no face", 0, 1)
    unlike = unlike_faces(images)
    step("Computing features", 0, 1)
    opinions = (
        quick_opinions(images, seed)
        if members is None
        else [Opinion(name, model, [images]) for name, model in members]
    )
    answers = out_of_fold(
        opinions,
        faces.labels,
        folds,
        keep=None if keep is None else Path(keep),
        on_fold=lambda done, total: step("Fitting on folds", done, total),
    )
    known = np.unique(faces.labels)
    probabilities = answers.mean(axis=0)
    doubted = confident_labels(faces.labels, probabilities, known)
    quality = label_quality(faces.labels, probabilities, known, by=rank_by)
    pairs = audit.near_pairs.pairs[audit.near_pairs.similarity >= _ONE_PHOTOGRAPH]
    findings = Findings(faces, probabilities, known)
    findings.add_blank(audit.blank)
    findings.add_unlike(unlike)
    findings.add_copies(unite_groups(exact, exact[pairs]), exact)
    findings.add_doubted(doubted.is_suspect, doubted.confident, 1 - quality)
    return SuspectLabels(
        faces=faces,
        description=description,
        suspects=findings.ranked(),
        probabilities=probabilities,
        classes=known,
        accuracies={
            name: float((known[said.argmax(axis=1)] == faces.labels).mean())
            for name, said in zip(
                [*(opinion.name for opinion in opinions), "all"],
                [*answers, probabilities],
                strict=True,
            )
        },
        n_wrong=doubted.n_wrong,
        audit=audit,
    )


def check_rule(decide: str | None, n: int | None) -> None:
    """Refuse a rule of automatic decisions that there is not.

    Parameters
    ----------
    decide, n : optional
        As of `SuspectLabels.decisions`.

    Raises
    ------
    ValueError
        If there is no such rule, or `n` is negative.
    """
    if decide not in (None, *_AUTOMATIC):
        raise ValueError(
            f"There is no rule {decide!r}: choose {' or '.join(_AUTOMATIC)}."
            + did_you_mean(decide, _AUTOMATIC)
        )
    if n is not None and n < 0:
        raise ValueError(f"{n} suspects can't be decided on: give 0 or more.")


def _name(label: int) -> str:
    return "" if label < 0 else EMOTIONS[label]


def _automatic(found: Suspect, decide: str) -> str:
    """Decide as a rule says: a picture that no label fits is left out by either."""
    return (decide == "relabel" and _name(found.suggested)) or "drop"
