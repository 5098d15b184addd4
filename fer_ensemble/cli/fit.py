"""``fer-ensemble fit``: train an ensemble and save it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def fit(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="FER2013 as .zip, .csv or .csv.gz, icml_face_data.csv, or a folder laid out as "
            "split/class/* or class/*. Without it, synthetic faces are drawn, to try things out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to save the ensemble in.")] = Path("model"),
    members: Annotated[
        str, typer.Option(help="Members, separated by commas; 'fer-ensemble members' lists them.")
    ] = "dense_hog,boosted_hog,cnn_2",
    rule: Annotated[
        str,
        typer.Option(
            help="How to combine them: weighted, average, majority, weighted_majority, geometric, "
            "median, max or borda."
        ),
    ] = "weighted",
    protocol: Annotated[
        str,
        typer.Option(
            help="How test faces are set apart: official or kaggle, the data's own split; random; "
            "grouped, which keeps copies together; balanced, which leaks and warns of it."
        ),
    ] = "official",
    test_size: Annotated[
        float, typer.Option(help="Share of the faces that random, grouped and balanced set apart.")
    ] = 0.1,
    split: Annotated[str, typer.Option(help="Part of the data to train on.")] = "train",
    validation_fraction: Annotated[
        float,
        typer.Option(
            help="Share of it held out for early stopping and weights. Unused if the data have a "
            "validation part, which then serves."
        ),
    ] = 0.1,
    ferplus: Annotated[
        Path | None,
        typer.Option(
            help="fer2013new.csv of FER+, for an original fer2013.csv: train on the shares of its "
            "votes in place of the labels. Held-out faces are labelled by the majority.",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="MEMBER.PARAMETER=VALUE",
            help="Change a member's parameter, as in cnn_2.epochs=10 or "
            "dense_hog.classifier__epochs=20; can be repeated.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        list[Path] | None,
        typer.Option(
            help="Recipe that 'fer-ensemble tune' found, for the member it names; can be repeated.",
            show_default=False,
        ),
    ] = None,
    time_budget: Annotated[
        str | None,
        typer.Option(
            help="Time for training the networks, as in 20m or 1h30m, shared equally among them. "
            "Each schedule is fitted to the epochs that its share affords.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto takes a GPU where there is one; cpu does not.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes and threads; -1 takes all processors.")] = -1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted fit in the same folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what stands in the folder.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a face that can't be used.")
    ] = False,
) -> None:
    """Train an ensemble on labelled faces and save it.

    A tenth of the training faces is held out for early stopping and for learning the weights of
    the members. Ctrl-C keeps the members that are done and the epochs of the one in training;
    --resume goes on from there.

    Examples:

      fer-ensemble fit --out model/

      fer-ensemble fit fer2013.zip --members dense_hog,boosted_hog --out model/

      fer-ensemble fit fer2013.zip --members se_resnet --time-budget 1h --out model/

      fer-ensemble fit fer2013.csv --protocol grouped --out model/

      fer-ensemble fit fer2013.csv --ferplus fer2013new.csv --out model/
    """
    from fer_ensemble.artifact import fit_resumable
    from fer_ensemble.cli.console import (
        choose_device,
        notes,
        output,
        parse_duration,
        read_faces,
        told_counts,
    )
    from fer_ensemble.cli.settings import parse_settings
    from fer_ensemble.cli.tables import score_table
    from fer_ensemble.datasets import (
        emotion_names,
        find_protocol,
        join_ferplus,
        load_ferplus,
        soft_training,
        training_part,
    )
    from fer_ensemble.ensemble import VotingEnsemble, score_ensemble
    from fer_ensemble.models import augment_copies, create_member

    choose_device(device)
    warning = find_protocol(protocol).warning
    chosen = [name.strip() for name in members.split(",") if name.strip()]
    changes = parse_settings(settings or [], recipe or [], chosen)
    estimators = [
        (name, create_member(name, random_state=seed, n_jobs=jobs, verbose=1, **changes[name]))
        for name in chosen
    ]
    if time_budget is not None:
        _share(parse_duration(time_budget), [member for _, member in estimators])
    ensemble = VotingEnsemble(
        estimators,
        rule=rule,
        validation_fraction=validation_fraction,
        random_state=seed,
    )
    faces, told = read_faces(data, strict=strict, seed=seed)
    training, record = training_part(
        faces,
        protocol,
        split=split,
        test_size=test_size,
        random_state=seed,
        augment=augment_copies,
    )
    if warning:
        notes.print(warning, style="yellow")
    notes.print(f"Training on {len(training):,} faces: {told_counts(training.class_counts())}")
    held_out = None
    if record["split"] == "train" and "validation" in faces.split_counts():
        held_out = faces.select("validation")
    X, y, weights = training.images, training.labels, None
    held_out_of = told
    if ferplus is not None:
        votes = join_ferplus(faces, load_ferplus(ferplus))
        soft = soft_training(
            training, votes, held_out=held_out, test_size=validation_fraction, random_state=seed
        )
        X, y, weights, held_out = soft.images, soft.labels, soft.sample_weight, soft.held_out
        held_out_of += ", labelled by the majority of FER+"
        record["ferplus"] = {"source": ferplus.name, "n_faces": soft.n_faces, "n_rows": len(y)}
        notes.print(f"Votes of FER+ on {soft.n_faces:,} of them, in {len(y):,} weighted rows")

    finished: list[str] = []

    def on_member(name: str, stage: str) -> None:
        if stage == "fitting":
            notes.print(f"Fitting {name} ({chosen.index(name) + 1} of {len(chosen)})", style="bold")
            return
        finished.append(name)
        if stage == "kept":
            notes.print(f"{name} is taken over from the interrupted fit")

    try:
        fit_resumable(
            ensemble,
            X,
            y,
            out,
            sample_weight=weights,
            validation_data=None if held_out is None else (held_out.images, held_out.labels),
            data={"source": told, "synthetic": data is None, **record},
            resume=resume,
            overwrite=overwrite,
            on_member=on_member,
        )
    except KeyboardInterrupt:
        kept = ", ".join(finished) or "no member"
        notes.print(
            f"\nInterrupted; {kept} done; what is done is kept in {out}, down to the last "
            "epoch. Go on with the same command and --resume.",
            style="yellow",
        )
        raise typer.Exit(130) from None

    scores = score_ensemble(
        ensemble,
        ensemble.validation_probabilities_,
        ensemble.validation_labels_,
        class_names=emotion_names(ensemble.classes_),
    )
    output.print(
        score_table(f"Held out of {held_out_of}", scores, rule, seconds=ensemble.fit_times_)
    )
    output.print(
        "These faces also chose epochs and weights; for figures to quote, evaluate on a test split."
    )
    if warning:
        output.print(warning)
    source = "" if data is None else f"{data} "
    output.print(f"Saved in {out}. Next:", soft_wrap=True)
    output.print(f"  fer-ensemble evaluate {source}--model {out}", soft_wrap=True)
    output.print(
        f"  fer-ensemble predict photos/ --model {out} --out predictions.csv", soft_wrap=True
    )


def _share(seconds: float, members: list[Any]) -> None:
    """Give each network an equal share of the time."""
    from fer_ensemble.models import find_parameters

    holders = [
        (member, parameter)
        for member in members
        for parameter in find_parameters(member, "time_budget")
    ]
    for member, parameter in holders:
        member.set_params(**{parameter: seconds / len(holders)})
