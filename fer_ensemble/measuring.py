"""Measure a saved ensemble: what its report and its evaluation share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
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
    EvaluationPart,
    FaceDataset,
    emotion_names,
    evaluation_part,
    load_faces,
    synthetic_dataset,
)
from fer_ensemble.ensemble import EnsembleScores, VotingEnsemble, combine, score_ensemble


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
    """

    manifest: Manifest
    ensemble: Any
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

    @property
    def told(self) -> str:
        """What was measured on, in a line."""
        return f"{self.source}, {self.part.told}" if self.part.told else self.source

    def to_measurement(self) -> Measurement:
        """Give the figures as a model card keeps them.

        Returns
        -------
        Measurement
        """
        return Measurement(
            data=self.source,
            test=self.part.told,
            protocol="" if self.synthetic else self.protocol,
            rule=self.rule,
            scores=self.scores,
            without_copies=self.new_scores,
            n_copies=None if self.seen is None else int(self.seen.sum()),
            warning=self.part.warning,
            synthetic=self.synthetic,
        )

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
        if isinstance(self.ensemble, VotingEnsemble):
            ties = self.ensemble.ties
            # Nothing counts as abstained from: see `score_ensemble`.
            decided = "mean_probability" if ties == "abstain" else ties
            return self.ensemble.combine(self.probabilities, rule, ties=decided)
        if rule == "stacking":
            combined: NDArray[np.float64] = self.ensemble.combine(self.probabilities)
            return combined
        return combine(self.probabilities, rule)


def measure_model(
    model: str | os.PathLike[str],
    data: str | os.PathLike[str] | FaceDataset | None = None,
    *,
    split: str | None = None,
    protocol: str | None = None,
    strict: bool = False,
    seed: int = 1_000_000,
) -> MeasuredModel:
    """Measure every member and every rule of a saved ensemble on the same test faces.

    Parameters
    ----------
    model : str or path-like
        Folder of a saved ensemble, or a name that `load_model` takes.
    data : path-like or FaceDataset, optional
        Labelled faces in any form that `load_faces` takes, or read already. Without them,
        synthetic faces are drawn.
    split : str, optional
        Part of the data, where the protocol keeps the data's own split; by default what the
        protocol tests on.
    protocol : str, optional
        How test faces are set apart; by default as the ensemble was fitted.
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
    """
    manifest, ensemble = read_manifest(resolve_model(model)), load_model(model)
    faces, source = _read(data, strict, seed)
    part = EvaluationPart(faces, None, "", "")
    if data is not None:
        from fer_ensemble.models import augment_copies

        part = evaluation_part(
            faces, manifest.data, split=split, protocol=protocol, augment=augment_copies
        )
    probabilities = ensemble.predict_member_proba(part.faces.images)
    names, labels = emotion_names(ensemble.classes_), part.faces.labels
    seen = part.seen(getattr(ensemble, "training_digests_", None))

    def score(rows: Any) -> EnsembleScores:
        return score_ensemble(ensemble, probabilities[rows], labels[rows], class_names=names)

    return MeasuredModel(
        manifest=manifest,
        ensemble=ensemble,
        faces=faces,
        part=part,
        source=source,
        synthetic=data is None,
        protocol=protocol or manifest.data.get("protocol", "official"),
        rule=getattr(ensemble, "rule", "stacking"),
        class_names=names,
        probabilities=probabilities,
        seen=seen,
        scores=score(slice(None)),
        new_scores=None if seen is None or seen.all() else score(~seen),
    )


def _read(
    data: str | os.PathLike[str] | FaceDataset | None, strict: bool, seed: int
) -> tuple[FaceDataset, str]:
    if data is None:
        drawn = synthetic_dataset(random_state=seed)
        return drawn, f"{len(drawn):,} synthetic faces (seed {seed})"
    faces = data if isinstance(data, FaceDataset) else load_faces(data, strict=strict)
    # Of a CSV in a zip, the source names both.
    return faces, Path(faces.report.source.partition(", ")[0]).name or "the faces given"
