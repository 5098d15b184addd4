"""Combine the members of a saved ensemble in another way, as ``fer-ensemble combine`` does."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_ensemble import models
from fer_ensemble.artifact import (
    ArtifactError,
    has_ensemble,
    load_ensemble,
    read_manifest,
    save_ensemble,
)
from fer_ensemble.datasets import FaceDataset, emotion_names, find_protocol
from fer_ensemble.ensemble import (
    DYNAMIC_RULES,
    BaseEnsemble,
    EnsembleScores,
    score_ensemble,
    to_dynamic,
    to_stacking,
    to_voting,
)
from fer_ensemble.locks import holding_folder
from fer_ensemble.splitting import row_digests


@dataclass(frozen=True, eq=False)
class CombinedEnsemble:
    """An ensemble whose members were combined in another way, and saved.

    Attributes
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
    scores : EnsembleScores or None
        Members and rules on the faces that the combination was learned on; None if there are none.
    n_left_out : int
        How many of the faces given were left out, because members had seen them.
    n_given : int
        How many faces were given.
    warning : str
        What the protocol of the fit warns of; mostly empty.
    path : Path
        Where it is saved.
    """

    ensemble: BaseEnsemble
    scores: EnsembleScores | None
    n_left_out: int
    n_given: int
    warning: str
    path: Path


def combine_saved(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    rule: str = "weighted",
    weighting: str = "log_loss",
    ties: str = "mean_probability",
    calibrate: bool = False,
    n_neighbors: int = 7,
    split_snapshots: bool = False,
    faces: FaceDataset | None = None,
    seed: int = 0,
) -> CombinedEnsemble:
    """Combine the members of a saved ensemble in another way; none is fitted again.

    Parameters
    ----------
    model : path-like
        Folder of the saved ensemble.
    out : path-like, optional
        Folder for the new one; by default it replaces the old one.
    rule : str, default='weighted'
        A key of `fer_ensemble.ensemble.RULES`, "stacking", or one of `DYNAMIC_RULES`, which
        select members for every face.
    weighting, ties, calibrate
        As of `VotingEnsemble`; unused by stacking, and no `calibrate` where members are selected.
    n_neighbors : int, default=7
        By how many held-out faces they are selected.
    split_snapshots : bool, default=False
        Whether snapshots of one training become members by themselves. What each predicts for
        held-out faces was not stored: `faces` are needed, such as all that the ensemble was fitted
        from, of which those remain that were held out.
    faces : FaceDataset, optional
        Labelled faces to learn on, in place of the predictions that were stored when the
        ensemble was fitted. Those that members are known to have seen are left out.
    seed : int, default=0
        Seed of greedy selection and of random ties.

    Returns
    -------
    CombinedEnsemble

    Raises
    ------
    ArtifactError
        If there is no ensemble in `model`, or one in `out` already.
    ValueError
        If a parameter is unusable, there is nothing to learn on, or members have seen all faces.
    """
    if rule == "stacking" and calibrate:
        raise ValueError("Stacking takes no temperatures: its probabilities are learned already.")
    if rule in DYNAMIC_RULES and calibrate:
        raise ValueError(f"The rule {rule} takes no temperatures: leave calibrate out.")
    if out is not None and has_ensemble(out):
        raise ArtifactError(f"{out} holds a saved ensemble already: choose another folder.")
    read_manifest(model)  # to hold a folder makes it, which must not be where there is no model
    target = Path(model if out is None else out)
    with holding_folder(target):
        manifest, ensemble = read_manifest(model), load_ensemble(model)
        if split_snapshots:
            ensemble = _split_members(ensemble, faces)
        unseen = None if faces is None else _leave_out_seen(faces, ensemble)
        held_out = None if unseen is None else (unseen.images, unseen.labels)
        new: BaseEnsemble
        if rule == "stacking":
            new = to_stacking(ensemble, held_out)
        elif rule in DYNAMIC_RULES:
            new = to_dynamic(
                ensemble,
                held_out,
                rule=rule,
                n_neighbors=n_neighbors,
                weighting=weighting,
                ties=ties,
                random_state=seed,
            )
        else:
            new = to_voting(
                ensemble,
                held_out,
                rule=rule,
                weights=None,
                weighting=weighting,
                ties=ties,
                calibrate=calibrate,
                random_state=seed,
            )
        # Figures on test faces, and the commands that made it, were those of the old combination.
        record = {name: value for name, value in manifest.data.items() if name != "figures"}
        if "commands" in record:
            record["commands"] = []
        save_ensemble(
            new,
            target,
            data=record,
            face_size=manifest.preprocessing["size"],
            overwrite=out is None,
        )
    return CombinedEnsemble(
        ensemble=new,
        scores=_score(new),
        n_left_out=0 if faces is None or unseen is None else len(faces) - len(unseen),
        n_given=0 if faces is None else len(faces),
        warning=find_protocol(manifest.data.get("protocol", "official")).warning,
        path=target,
    )


def _split_members(ensemble: BaseEnsemble, faces: FaceDataset | None) -> BaseEnsemble:
    """Copy an ensemble, each snapshot of a network as a member of its own."""
    members: list[tuple[str, Any]] = []
    for name, member in ensemble.members_:
        parts = models.split_snapshots(member)
        names = [f"{name}_{number}" for number in range(1, len(parts) + 1)]
        members += zip([name] if len(parts) == 1 else names, parts, strict=True)
    if len(members) == len(ensemble.members_):
        raise ValueError(
            "No member has snapshots that can be told apart: fit with --snapshots, and split them "
            "before an export."
        )
    if faces is None:
        raise ValueError(
            "What each snapshot predicts for held-out faces was not stored: give the faces that "
            "the ensemble was fitted from; those that were held out are found among them."
        )
    divided = copy.copy(ensemble)
    divided.members = divided.members_ = members
    return divided


def _score(ensemble: BaseEnsemble) -> EnsembleScores | None:
    found = ensemble.held_out
    if found is None:
        return None
    names = emotion_names(ensemble.classes_)
    return score_ensemble(ensemble, found.probabilities, found.labels, class_names=names)


def _leave_out_seen(faces: FaceDataset, ensemble: BaseEnsemble) -> FaceDataset:
    """Leave out the faces that also stand among those that members were fitted on."""
    known = getattr(ensemble, "training_digests_", None)
    seen = np.isin(row_digests(faces.images), [] if known is None else known)
    if seen.all():
        raise ValueError(
            f"The members were fitted on all of these {len(seen):,} faces: give faces that they "
            "have not seen, or none."
        )
    return faces.take(~seen)
