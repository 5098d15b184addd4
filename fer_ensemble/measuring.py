"""Measure a saved ensemble: what its report and its evaluation share."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.artifact import (
    Manifest,
    Measurement,
    load_model,
    read_manifest,
    resolve_model,
)
from fer_ensemble.datasets import (
    Classes,
    EvaluationPart,
    FaceDataset,
    FERPlusVotes,
    emotion_names,
    evaluation_part,
    join_ferplus,
    load_ferplus,
    open_faces,
)
from fer_ensemble.ensemble import (
    BaseEnsemble,
    EnsembleScores,
    answer_held_out,
    learn_set_rule,
    score_ensemble,
)
from fer_ensemble.evaluation import (
    SetEvaluation,
    VoteEvaluation,
    evaluate_sets,
    evaluate_votes,
)
from fer_ensemble.libraries import require_for_members
from fer_ensemble.stored_arrays import StoredArray
from fer_ensemble.subgrouping import Subgroups, measure_subgroups

#: At what coverages sets of labels are measured.
COVERAGES = (0.8, 0.9, 0.95)


@dataclass(frozen=True)
class MeasuredSets:
    """What the sets of labels of test faces are worth, as ``predict --coverage`` makes them.

    Attributes
    ----------
    nominal : float
        Share of faces whose set should hold the true label.
    scores : SetEvaluation
        On all test faces.
    new_scores : SetEvaluation or None
        On those without a copy in the training data; ``None`` if it is not known which, or all
        have one.
    n_learned_from : int or None, default=None
        From how many held-out faces it was learned what belongs to a set.
    """

    nominal: float
    scores: SetEvaluation
    new_scores: SetEvaluation | None
    n_learned_from: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        return asdict(self)

    def to_summary(self) -> dict[str, Any]:
        """Return what a model card tells of it, ready for JSON."""
        every, new = self.scores.all, self.new_scores
        return {
            "nominal": self.nominal,
            "n_learned_from": self.n_learned_from,
            "n": every.n,
            "coverage": _short(every.coverage),
            "interval": every.interval and [_short(bound) for bound in every.interval],
            "without_copies": None if new is None else _short(new.all.coverage),
            "mean_size": _short(every.mean_size, 3),
            "one_label": _short(self.scores.sizes[1]),
            "per_class": {score.name: _short(score.coverage) for score in self.scores.per_class},
        }


def _short(value: float | None, digits: int = 4) -> float | None:
    """Round as the records of experiments are, so that a figure is the same in both."""
    return None if value is None else round(value, digits)


@dataclass(frozen=True, eq=False)
class MeasuredModel:
    """What an ensemble makes of test faces.

    Attributes
    ----------
    manifest : Manifest
        What the artifact says of itself.
    ensemble : VotingEnsemble or StackingEnsemble
    faces : FaceDataset
        All of the data.
    part : EvaluationPart
        The test faces among them.
    source : str
        What to call the data.
    synthetic : bool
        Whether they were drawn, since none were given.
    protocol : str
        How the test faces were set apart.
    rule : str
        The ensemble's own, "stacking" for a stacking ensemble.
    class_names : list of str
        What the ensemble's classes are called.
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What each member predicts for the test faces.
    seen : ndarray of shape (n_samples,), bool, or None
        Which test faces have an exact copy in the training data; ``None`` if that is not known.
    scores : EnsembleScores
        On all test faces.
    new_scores : EnsembleScores or None
        On those without a copy; ``None`` if it is not known which, or all have one.
    votes : dict of str to VoteEvaluation, or None
        How members, and the ensemble's own rule, agree with the votes of FER+, by name.
    subgroups : Subgroups or None
        How the ensemble's own rule does on groups of the faces, and on changed ones; ``None`` if
        that was not asked for.
    sets : tuple of MeasuredSets
        At the coverages of `COVERAGES`; empty if no held-out faces are known to learn them from.
    """

    manifest: Manifest
    ensemble: BaseEnsemble
    faces: FaceDataset
    part: EvaluationPart
    source: str
    synthetic: bool
    protocol: str
    rule: str
    class_names: list[str]
    probabilities: NDArray[np.float64]
    seen: NDArray[np.bool_] | None
    scores: EnsembleScores
    new_scores: EnsembleScores | None
    votes: dict[str, VoteEvaluation] | None = None
    subgroups: Subgroups | None = None
    sets: tuple[MeasuredSets, ...] = ()

    @property
    def description(self) -> str:
        """What was measured on, in a line."""
        return f"{self.source}, {self.part.description}" if self.part.description else self.source

    def to_measurement(self) -> Measurement:
        """Give the figures as a model card keeps them.

        Returns
        -------
        Measurement
        """
        return Measurement(
            data=self.source,
            test=self.part.description,
            protocol="" if self.synthetic else self.protocol,
            rule=self.rule,
            scores=self.scores,
            without_copies=self.new_scores,
            n_copies=None if self.seen is None else int(self.seen.sum()),
            warning=self.part.warning,
            synthetic=self.synthetic,
            subgroups=self.subgroups,
            sets=[found.to_summary() for found in self.sets],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return every figure as plain lists, dictionaries and numbers, ready for JSON."""
        new, votes, groups = self.new_scores, self.votes, self.subgroups
        return {
            "data": self.source,
            "synthetic": self.synthetic,
            "split": self.part.split,
            "protocol": self.protocol,
            "warning": self.part.warning,
            "test": self.part.description,
            "rule": self.rule,
            **self.scores.to_dict(),
            "without_copies": None if new is None else new.to_dict(),
            "ferplus": votes and {name: figures.to_dict() for name, figures in votes.items()},
            "subgroups": groups and groups.to_dict(),
            "sets": [found.to_dict() for found in self.sets],
        }

    def combine(self, rule: str) -> NDArray[np.float64]:
        """Combine what the members predict, as the figures of `scores` do.

        Parameters
        ----------
        rule : str
            A key of ``scores.rules``.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one.
        """
        return self.ensemble.combine_for_scoring(self.probabilities, rule)


def measure_model(
    model: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | FaceDataset | None = None,
    *,
    classes: Classes | None = None,
    split: str | None = None,
    protocol: str | None = None,
    ferplus: str | os.PathLike[str] | None = None,
    subgroups: bool = False,
    strict: bool = False,
    seed: int = 1_000_000,
) -> MeasuredModel:
    """Measure every member and every rule of a saved ensemble on the same test faces.

    Parameters
    ----------
    model : str or path-like, optional
        Folder of a saved ensemble, or a name that `load_model` takes. Without it, the ensemble
        that comes with the package.
    data : path-like or FaceDataset, optional
        Labelled faces in any form that `load_faces` takes, or read already. Without them,
        synthetic faces are drawn.
    classes : str or mapping, optional
        What labels of the data mean, as `load_faces` takes it. Labels that are not plain otherwise
        are read as those were that the ensemble was fitted on.
    split : str, optional
        Part of the data, where the protocol keeps the data's own split; by default what the
        protocol tests on, or all of data without parts.
    protocol : str, optional
        How test faces are set apart; by default as the ensemble was fitted.
    ferplus : path-like, optional
        ``fer2013new.csv`` of FER+, for faces of an original fer2013.csv: measure against its
        votes too.
    subgroups : bool, default=False
        Whether to measure groups of the faces too, by light, sharpness and pose, and the faces
        changed on purpose, each of which is predicted once more: see
        `fer_ensemble.subgrouping.measure_subgroups`.
    strict : bool, default=False
        Whether a face that can't be used is an error.
    seed : int, default=1000000
        Seed of the synthetic faces.

    Returns
    -------
    MeasuredModel

    Raises
    ------
    ArtifactError
        If there is no such model, or it is damaged.
    DatasetError
        If the data can't be read.
    ValueError
        If there is no such protocol or part, or the test faces of the fit can't be found again.
    MissingLibraryError
        If a library that a member predicts with is not installed.
    """
    manifest, ensemble = read_manifest(resolve_model(model)), load_model(model)
    require_for_members(ensemble.members_)
    remembered = manifest.data.get("classes")
    faces, source = open_faces(
        data, classes=classes, remembered=remembered, strict=strict, seed=seed
    )
    # Told before the members predict, which takes a while.
    votes = None if ferplus is None else join_ferplus(faces, load_ferplus(ferplus))
    part = EvaluationPart(faces, None, "", "")
    if data is not None:
        from fer_ensemble.models import augment_copies

        part = evaluation_part(
            faces, manifest.data, split=split, protocol=protocol, augment=augment_copies
        )
    images: Any = part.faces.images
    predict = ensemble.predict_member_proba
    stored = isinstance(images, StoredArray)
    probabilities = images.in_parts(predict) if stored else predict(images)
    names, labels = emotion_names(ensemble.classes_), part.faces.labels
    seen = part.seen(getattr(ensemble, "training_digests_", None))

    def score(rows: Any) -> EnsembleScores:
        return score_ensemble(ensemble, probabilities[rows], labels[rows], class_names=names)

    measured = MeasuredModel(
        manifest=manifest,
        ensemble=ensemble,
        faces=faces,
        part=part,
        source=source,
        synthetic=data is None,
        protocol=protocol or manifest.data.get("protocol", "official"),
        rule=ensemble.rule_name,
        class_names=names,
        probabilities=probabilities,
        seen=seen,
        scores=score(slice(None)),
        new_scores=None if seen is None or seen.all() else score(~seen),
    )
    measured = replace(measured, sets=_measure_sets(measured))
    if votes is not None:
        measured = replace(measured, votes=_score_votes(measured, votes))
    return replace(measured, subgroups=_measure_groups(measured)) if subgroups else measured


def _measure_sets(measured: MeasuredModel) -> tuple[MeasuredSets, ...]:
    """Learn sets from what the ensemble keeps of held-out faces, and measure them."""
    try:
        answers = answer_held_out(measured.ensemble)
    except ValueError:
        return ()
    ensemble, labels, seen = measured.ensemble, measured.part.faces.labels, measured.seen
    probabilities = measured.combine(measured.rule)

    def measure(sets: NDArray[np.bool_], rows: Any) -> SetEvaluation:
        names = measured.class_names
        return evaluate_sets(labels[rows], sets[rows], ensemble.classes_, class_names=names)

    found = []
    for coverage in COVERAGES:
        sets = learn_set_rule(*answers, ensemble.classes_, coverage)(probabilities)
        new = None if seen is None or seen.all() else measure(sets, ~seen)
        scores = measure(sets, slice(None))
        found.append(MeasuredSets(coverage, scores, new, len(answers.labels)))
    return tuple(found)


def _measure_groups(measured: MeasuredModel) -> Subgroups:
    ensemble, rule, faces = measured.ensemble, measured.rule, measured.part.faces
    return measure_subgroups(
        lambda batch: ensemble.combine_for_scoring(ensemble.predict_member_proba(batch), rule),
        faces.images,
        faces.labels,
        probabilities=measured.combine(rule),
        classes=ensemble.classes_,
        class_names=measured.class_names,
    )


def _score_votes(measured: MeasuredModel, votes: FERPlusVotes) -> dict[str, VoteEvaluation]:
    """Measure each member, and their own rule, against the votes on the same faces."""
    chosen = votes.of(measured.part.faces)
    by_member = zip(measured.scores.members, np.moveaxis(measured.probabilities, 1, 0), strict=True)
    predicted = dict(by_member) | {measured.rule: measured.combine(measured.rule)}
    return {
        name: evaluate_votes(chosen.expressions, probabilities, others=chosen.others)
        for name, probabilities in predicted.items()
    }
