"""``fer-ensemble combine``: another rule for a saved ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fer_ensemble.datasets import FaceDataset


def combine(
    model: Annotated[Path, typer.Argument(help="Folder of the saved ensemble.")],
    rule: Annotated[
        str,
        typer.Option(
            help="weighted, average, majority, weighted_majority, geometric, median, max, borda, "
            "or stacking, which trains a logistic regression on what the members predict."
        ),
    ] = "weighted",
    weighting: Annotated[
        str,
        typer.Option(help="What weights are learned by: log_loss, accuracy or greedy selection."),
    ] = "log_loss",
    ties: Annotated[
        str, typer.Option(help="Who decides ties: mean_probability, priority, random or abstain.")
    ] = "mean_probability",
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate/--no-calibrate",
            help="Learn temperatures of members and rules; not for stacking.",
        ),
    ] = False,
    data: Annotated[
        str,
        typer.Option(
            help="held_out learns from the predictions that were stored when the ensemble was "
            "fitted; or labelled faces, in any form that 'fit' takes, that no member has seen."
        ),
    ] = "held_out",
    split: Annotated[str, typer.Option(help="Part of those faces.")] = "validation",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the new ensemble; by default, MODEL.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of greedy selection and of random ties.")] = 0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a face that can't be used.")
    ] = False,
) -> None:
    """Combine the members of a saved ensemble in another way; none is fitted again.

    Takes seconds: weights, temperatures or the stacking are learned from predictions for faces
    that no member was fitted on.

    Examples:

      fer-ensemble combine model/ --rule stacking --out stacked/

      fer-ensemble combine model/ --rule weighted --weighting greedy --calibrate
    """
    from fer_ensemble.artifact import load_ensemble, read_manifest, save_ensemble
    from fer_ensemble.artifact.manifest import MANIFEST
    from fer_ensemble.cli.console import notes, output, read_faces
    from fer_ensemble.cli.tables import score_table
    from fer_ensemble.datasets import emotion_names, find_protocol
    from fer_ensemble.ensemble import score_ensemble, to_stacking, to_voting

    if rule == "stacking" and calibrate:
        raise typer.BadParameter(
            "--calibrate is not for --rule stacking: its probabilities are learned already."
        )
    if out is not None and (out / MANIFEST).exists():
        raise typer.BadParameter(f"--out {out} holds a saved ensemble already: choose another.")
    manifest = read_manifest(model)
    ensemble = load_ensemble(model)
    held_out, told = None, "faces held out of the fit"
    if data != "held_out":
        faces, told = read_faces(Path(data), strict=strict, seed=seed)
        held_out = _unseen(faces.select(split), ensemble)
    new: Any
    if rule == "stacking":
        new = to_stacking(ensemble, held_out)
        probabilities, labels = new.oof_probabilities_, new.oof_labels_
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
        probabilities, labels = new.validation_probabilities_, new.validation_labels_
    if probabilities is not None:
        scores = score_ensemble(new, probabilities, labels, class_names=emotion_names(new.classes_))
        output.print(score_table(told[:1].upper() + told[1:], scores, rule))
        output.print("What was learned was learned on these faces; evaluate on others.")
    if getattr(new, "calibration_", None):
        before, after = new.calibration_[rule].before, new.calibration_[rule].after
        output.print(
            f"Calibration error {before.calibration_error:.3f} → {after.calibration_error:.3f}, "
            f"log loss {before.log_loss:.3f} → {after.log_loss:.3f} (cross-fitted)"
        )
    warning = find_protocol(manifest.data.get("protocol", "official")).warning
    if warning and probabilities is not None:
        output.print(warning)
    # Figures on test faces were those of the old combination.
    data_record = {name: value for name, value in manifest.data.items() if name != "figures"}
    if "commands" in data_record:
        data_record["commands"] = []  # those lead to the old combination only
    target = model if out is None else out
    save_ensemble(
        new,
        target,
        data=data_record,
        face_size=manifest.preprocessing["size"],
        overwrite=out is None,
    )
    notes.print(f"Saved in {target}")


def _unseen(faces: FaceDataset, ensemble: Any) -> tuple[Any, Any]:
    """Leave out the faces that also stand among those that members were fitted on."""
    import numpy as np

    from fer_ensemble.cli.console import notes
    from fer_ensemble.splitting import row_digests

    known = getattr(ensemble, "training_digests_", None)
    seen = np.isin(row_digests(faces.images), [] if known is None else known)
    if seen.all():
        raise ValueError(
            f"The members were fitted on all of these {len(seen):,} faces: give faces that they "
            "have not seen, or leave out --data."
        )
    if seen.any():
        notes.print(f"{seen.sum():,} of {len(seen):,} faces are left out: members have seen them")
    part = faces.take(~seen)
    return part.images, part.labels
