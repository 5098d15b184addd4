"""Figures on test faces, kept with the ensemble that they are of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fer_ensemble.artifact.manifest import (
    MANIFEST,
    MODEL_CARD,
    Manifest,
    dump_manifest,
    read_manifest,
)
from fer_ensemble.artifact.model_card import make_model_card
from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.ensemble import BaseEnsemble, EnsembleScores
from fer_ensemble.evaluation import Evaluation
from fer_ensemble.subgrouping import Subgroups

_KEPT = (
    "n",
    "accuracy",
    "accuracy_interval",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "log_loss",
    "calibration_error",
)


@dataclass(frozen=True)
class Measurement:
    """Figures of an ensemble on test faces, and what the faces were.

    Parameters
    ----------
    data : str
        Where the faces are from.
    test : str
        Which part of it they are; may be empty.
    protocol : str
        How they were set apart.
    rule : str
        The rule of the ensemble.
    scores : EnsembleScores
        Figures on all of them.
    without_copies : EnsembleScores or None, default=None
        Figures on those without an exact copy in the training data; ``None`` if there are none
        or it is not known which those are.
    n_copies : int or None, default=None
        How many have one; ``None`` if that is not known.
    warning : str, default=''
        What must stand beside the figures.
    synthetic : bool, default=False
        Whether the faces were drawn.
    subgroups : Subgroups or None, default=None
        How it does on groups of the faces, and on changed ones; ``None`` if not measured.
    sets : sequence of mapping, default=()
        What its sets of labels are worth, each of one coverage that was asked for: JSON values, as
        `fer_ensemble.measuring.MeasuredSets.to_summary` gives them.
    """

    data: str
    test: str
    protocol: str
    rule: str
    scores: EnsembleScores
    without_copies: EnsembleScores | None = None
    n_copies: int | None = None
    warning: str = ""
    synthetic: bool = False
    subgroups: Subgroups | None = None
    sets: Sequence[Mapping[str, Any]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what a manifest keeps of it, ready for JSON."""
        alone = self.without_copies
        fields = ("data", "test", "protocol", "rule", "warning", "synthetic", "n_copies")
        return {name: getattr(self, name) for name in fields} | {
            "all": _figures(self.scores.rules[self.rule]),
            "without_copies": None if alone is None else _figures(alone.rules[self.rule]),
            "members": {
                name: {
                    "accuracy": figures.accuracy,
                    "accuracy_interval": list(figures.accuracy_interval),
                }
                for name, figures in self.scores.members.items()
            },
            "subgroups": self.subgroups and self.subgroups.to_summary(),
            "sets": [dict(found) for found in self.sets],
        }


def record_measurement(
    path: str | os.PathLike[str],
    ensemble: BaseEnsemble,
    measurement: Measurement,
    cost: Mapping[str, Any] | None = None,
) -> None:
    """Write figures into the manifest and the model card of a saved ensemble.

    They stand under ``data["figures"]`` of the manifest, in place of earlier ones on the same
    faces, whose groups stay if none were measured this time. No other file of the artifact is
    changed.

    Parameters
    ----------
    path : path-like
        The artifact.
    ensemble : VotingEnsemble or StackingEnsemble
        What was loaded from there, and measured.
    measurement : Measurement
        The figures.
    cost : mapping, optional
        What it costs, for ``data["cost"]``: ``n_bytes``, and ``faces_per_second`` by the number of
        cores.

    Raises
    ------
    ArtifactError
        If there is no artifact, or its manifest is damaged.
    OSError
        If it cannot be written to.
    """
    directory = Path(path)
    manifest = read_manifest(directory)
    entry, kept = measurement.to_dict(), []
    for other in manifest.data.get("figures", []):
        if any(other[name] != entry[name] for name in ("data", "test", "protocol")):
            kept.append(other)
        elif entry["subgroups"] is None:
            entry["subgroups"] = other.get("subgroups")
    data = {**manifest.data, "figures": [*kept, entry]}
    manifest = replace(manifest, data=data if cost is None else data | {"cost": dict(cost)})
    _write(directory, ensemble, manifest)


def record_robustness(
    path: str | os.PathLike[str], ensemble: BaseEnsemble, figures: Mapping[str, Any]
) -> None:
    """Write figures on changed faces into the manifest and the model card of a saved ensemble.

    Parameters
    ----------
    path : path-like
        The artifact.
    ensemble : VotingEnsemble or StackingEnsemble
        What was loaded from there, and measured.
    figures : mapping
        For ``data["robustness"]``: ``data``, ``test`` and ``n`` say what the faces are; ``clean``,
        ``shifted`` and ``worst`` have ``accuracy`` and ``interval``; ``accuracy`` has that of each
        shift, by strength.

    Raises
    ------
    ArtifactError
        If there is no artifact, or its manifest is damaged.
    OSError
        If it cannot be written to.
    """
    directory = Path(path)
    manifest = read_manifest(directory)
    told = replace(manifest, data={**manifest.data, "robustness": dict(figures)})
    _write(directory, ensemble, told)


def _write(directory: Path, ensemble: BaseEnsemble, manifest: Manifest) -> None:
    write_atomically(directory / MODEL_CARD, make_model_card(ensemble, manifest).encode())
    write_atomically(directory / MANIFEST, dump_manifest(manifest))


def _figures(scores: Evaluation) -> dict[str, Any]:
    figures = {name: getattr(scores, name) for name in _KEPT}
    rows = [asdict(row) for row in scores.per_class]
    return figures | {"accuracy_interval": list(scores.accuracy_interval), "per_class": rows}
