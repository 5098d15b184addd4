"""``fer-ensemble combine``: another rule for a saved ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_ensemble.cli.options import (
    ClassesOption,
    StrictOption,
    complete_any_rule,
    complete_folder,
    complete_ties,
    complete_weighting,
    out_option,
    split_option,
)


def combine(
    model: Annotated[
        Path, typer.Argument(autocompletion=complete_folder, help="Folder of the saved ensemble.")
    ],
    rule: Annotated[
        str,
        typer.Option(
            autocompletion=complete_any_rule,
            help="weighted, average, majority, weighted_majority, geometric, median, max, borda; "
            "stacking, which trains a logistic regression on what the members predict; or knora_e, "
            "knora_u or meta_des, which select members for every face by how they did on held-out "
            "faces of which they say much the same.",
        ),
    ] = "weighted",
    weighting: Annotated[
        str,
        typer.Option(
            autocompletion=complete_weighting,
            help="What weights are learned by: log_loss, accuracy or greedy selection.",
        ),
    ] = "log_loss",
    ties: Annotated[
        str,
        typer.Option(
            autocompletion=complete_ties,
            help="Who decides ties: mean_probability, priority, random or abstain.",
        ),
    ] = "mean_probability",
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate/--no-calibrate",
            help="Learn temperatures of members and rules; not for stacking, nor where members are "
            "selected.",
        ),
    ] = False,
    neighbors: Annotated[
        int, typer.Option(min=1, help="By how many held-out faces members are selected.")
    ] = 7,
    split_snapshots: Annotated[
        bool,
        typer.Option(
            "--split-snapshots",
            help="Make a member of each snapshot of a network that was fitted with --snapshots; "
            "needs --data, such as what was fitted from, with --split train.",
        ),
    ] = False,
    data: Annotated[
        str,
        typer.Option(
            help="held_out learns from the predictions that were stored when the ensemble was "
            "fitted; or labelled faces, in any form that 'fit' takes, that no member has seen."
        ),
    ] = "held_out",
    classes: ClassesOption = None,
    split: Annotated[str, split_option(help="Part of those faces.")] = "validation",
    out: Annotated[
        Path | None,
        out_option(help="Folder for the new ensemble; by default, MODEL.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of greedy selection and of random ties.")] = 0,
    strict: StrictOption = False,
) -> None:
    """Combine the members of a saved ensemble in another way; none is fitted again.

    Takes seconds: weights, temperatures or the stacking are learned from predictions for faces
    that no member was fitted on.

    Examples:

      fer-ensemble combine model/ --rule stacking --out stacked/

      fer-ensemble combine model/ --rule weighted --weighting greedy --calibrate
    """
    from fer_ensemble.artifact import has_ensemble, read_manifest
    from fer_ensemble.cli.console import notes, output, read_faces
    from fer_ensemble.cli.tables import score_table
    from fer_ensemble.combining import combine_saved
    from fer_ensemble.ensemble import DYNAMIC_RULES

    if rule == "stacking" and calibrate:
        raise typer.BadParameter(
            "--calibrate is not for --rule stacking: its probabilities are learned already."
        )
    if split_snapshots and data == "held_out":
        raise typer.BadParameter(
            "--split-snapshots needs --data: what each snapshot predicts was not stored. Give the "
            "faces that the ensemble was fitted from, and --split train."
        )
    if rule in DYNAMIC_RULES and calibrate:
        raise typer.BadParameter(f"--calibrate is not for --rule {rule}, which selects members.")
    if out is not None and has_ensemble(out):
        raise typer.BadParameter(f"--out {out} holds a saved ensemble already: choose another.")
    faces, description = None, "faces held out of the fit"
    if data != "held_out":
        everything, description = read_faces(
            Path(data),
            strict=strict,
            seed=seed,
            classes=classes,
            remembered=read_manifest(model).data.get("classes"),
        )
        faces = everything.select(split)
    combined = combine_saved(
        model,
        out,
        rule=rule,
        weighting=weighting,
        ties=ties,
        calibrate=calibrate,
        n_neighbors=neighbors,
        split_snapshots=split_snapshots,
        faces=faces,
        seed=seed,
    )
    if combined.n_left_out:
        counts = f"{combined.n_left_out:,} of {combined.n_given:,} faces"
        notes.print(f"{counts} are left out: members have seen them")
    if combined.scores is not None:
        output.print(score_table(description[:1].upper() + description[1:], combined.scores, rule))
        output.print("What was learned was learned on these faces; evaluate on others.")
    calibration = getattr(combined.ensemble, "calibration_", None)
    if calibration:
        before, after = calibration[rule].before, calibration[rule].after
        output.print(
            f"Calibration error {before.calibration_error:.3f} → {after.calibration_error:.3f}, "
            f"log loss {before.log_loss:.3f} → {after.log_loss:.3f} (cross-fitted)"
        )
    if combined.warning and combined.scores is not None:
        output.print(combined.warning)
    notes.print(f"Saved in {combined.path}")
