"""``fer-ensemble fit``: train an ensemble and save it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Annotated, Any

import typer

from fer_ensemble.cli.console import count, parse_duration
from fer_ensemble.cli.options import (
    ClassesOption,
    DeviceOption,
    JobsOption,
    StrictOption,
    complete_engine,
    complete_members,
    complete_protocol,
    complete_rule,
    out_option,
    split_option,
)

#: Seconds for training the networks on synthetic faces, where nothing else is asked for.
SYNTHETIC_BUDGET = 40


def fit(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="FER2013 as .zip, .csv or .csv.gz, icml_face_data.csv, or a folder laid out as "
            "split/class/* or class/*; a .parquet with pictures or pixels; or a store, which "
            "'fer-ensemble data … --store' makes of data larger than memory. "
            "Without it, synthetic faces are drawn, to try things out.",
            show_default=False,
        ),
    ] = None,
    classes: ClassesOption = None,
    out: Annotated[Path, out_option(help="Folder to save the ensemble in.")] = Path("model"),
    members: Annotated[
        str,
        typer.Option(
            autocompletion=complete_members,
            help="Members, separated by commas; 'fer-ensemble members' lists them.",
        ),
    ] = "dense_hog,boosted_hog,cnn_2",
    rule: Annotated[
        str,
        typer.Option(
            autocompletion=complete_rule,
            help="How to combine them: weighted, average, majority, weighted_majority, geometric, "
            "median, max or borda; or knora_e, knora_u or meta_des, which select members for every "
            "face.",
        ),
    ] = "weighted",
    protocol: Annotated[
        str,
        typer.Option(
            autocompletion=complete_protocol,
            help="How test faces are set apart: official or kaggle, the data's own split; random; "
            "grouped, which keeps copies together; balanced, which leaks and warns of it.",
        ),
    ] = "official",
    test_size: Annotated[
        float, typer.Option(help="Share of the faces that random, grouped and balanced set apart.")
    ] = 0.1,
    split: Annotated[str, split_option(help="Part of the data to train on.")] = "train",
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
    labels: Annotated[
        Path | None,
        typer.Option(
            "--decisions",
            help="decisions.csv of 'fer-ensemble suspects', for the same data: leave training "
            "faces out or relabel them as decided. Test faces stay as they are.",
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
    snapshots: Annotated[
        int,
        typer.Option(
            min=1,
            max=100,
            help="Networks that are made of each network's training, and averaged: the learning "
            "rate comes down so many times, and the weights are kept each time.",
        ),
    ] = 1,
    time_budget: Annotated[
        str | None,
        typer.Option(
            help="Time for training the networks, as in 20m or 1h30m, shared equally among them. "
            "Each schedule is fitted to the epochs that its share affords. Without it recipes run "
            f"to their end, and on synthetic faces for {SYNTHETIC_BUDGET} seconds.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    jobs: JobsOption = -1,
    engine: Annotated[
        str,
        typer.Option(
            autocompletion=complete_engine,
            help="Where members are fitted: local, on this machine; or ray, each by a worker of a "
            "cluster of Ray, networks with a GPU to themselves where it has some.",
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray's cluster, as in 10.0.0.1:6379; auto is one that runs on this machine. "
            "Without it, RAY_ADDRESS counts, or this machine alone.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume an interrupted fit in the same folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what stands in the folder.")
    ] = False,
    strict: StrictOption = False,
) -> None:
    """Train an ensemble on labelled faces and save it.

    A tenth of the training faces is held out for early stopping and for learning the weights of
    the members. Ctrl-C keeps the members that are done and the epochs of the one in training;
    --resume continues from there.

    Examples:

      fer-ensemble fit --out model/

      fer-ensemble fit fer2013.zip --members dense_hog,boosted_hog --out model/

      fer-ensemble fit fer2013.zip --members se_resnet --time-budget 1h --out model/

      fer-ensemble fit fer2013.csv --protocol grouped --out model/

      fer-ensemble fit fer2013.csv --ferplus fer2013new.csv --out model/

      fer-ensemble fit fer2013.zip --decisions decisions.csv --out model/

      fer-ensemble fit RAF-DB/ --classes rafdb --out model/

      fer-ensemble fit fer2013.zip --engine ray --address 10.0.0.1:6379 --out model/
    """
    from fer_ensemble.cli.console import choose_device, list_counts, notes, output, read_faces
    from fer_ensemble.cli.tables import score_table
    from fer_ensemble.datasets import find_protocol
    from fer_ensemble.fitting import TrainingSet, create_members, fit_ensemble
    from fer_ensemble.spreading import check_engine

    choose_device(device)
    # What is wrong with the options is reported before a large file is read.
    find_protocol(protocol)
    if engine != "local" or address is not None:
        check_engine(engine, address)
    names = [name.strip() for name in members.split(",") if name.strip()]
    seconds = None if time_budget is None else parse_duration(time_budget)
    if data is None and seconds is None:
        seconds = SYNTHETIC_BUDGET
        notes.print(
            f"Synthetic faces, to try things out: networks train for {seconds} seconds in all "
            "(--time-budget changes it)"
        )
    estimators = create_members(
        names,
        parse_settings(settings or [], recipe or [], names),
        snapshots=snapshots,
        time_budget=seconds,
        seed=seed,
        n_jobs=jobs,
        verbose=int(not notes.quiet),
    )
    faces = None
    if data is not None:
        faces = read_faces(data, strict=strict, seed=seed, classes=classes)[0]

    def on_data(training: TrainingSet) -> None:
        if training.warning:
            notes.print(training.warning, style="yellow")
        counts = list_counts(training.class_counts)
        notes.print(f"Training on {training.n_faces:,} faces: {counts}")
        alone = [name for name, n in training.class_counts.items() if n == 1]
        if alone:
            why = "none can be held out to learn weights from, or to measure"
            notes.print(f"Only one face of {', '.join(alone)}: {why}", style="yellow")
        if decided := training.record.get("decisions"):
            dropped = count(decided["n_dropped"], "face")
            relabelled = f"{decided['n_relabelled']:,} relabelled"
            notes.print(f"As decided in {labels}: {dropped} left out, {relabelled}")
        if training.n_voted is not None:
            rows = f"{len(training.y):,} weighted rows"
            notes.print(f"Votes of FER+ on {training.n_voted:,} of them, in {rows}")

    finished: list[str] = []

    def on_member(name: str, stage: str) -> None:
        if stage == "fitting":
            notes.print(f"Fitting {name} ({names.index(name) + 1} of {len(names)})", style="bold")
            return
        finished.append(name)
        if stage == "kept":
            notes.print(f"{name} is taken over from the interrupted fit")
        elif engine != "local":
            notes.print(f"{name} is fitted ({len(finished)} of {len(names)} done)")

    try:
        fitted = fit_ensemble(
            faces,
            out,
            members=estimators,
            rule=rule,
            protocol=protocol,
            test_size=test_size,
            split=split,
            validation_fraction=validation_fraction,
            ferplus=ferplus,
            labels=labels,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            engine=engine,
            address=address,
            on_data=on_data,
            on_member=on_member,
        )
    except KeyboardInterrupt:
        kept = ", ".join(finished) or "no member"
        notes.print(
            f"\nInterrupted; {kept} done; what is done is kept in {out}, down to the last "
            "epoch. Resume it with the same command and --resume.",
            style="yellow",
        )
        raise typer.Exit(130) from None

    title = f"Held out of {fitted.training.description}"
    scores = fitted.score_held_out()
    output.print(score_table(title, scores, rule, seconds=fitted.ensemble.fit_times_))
    output.print(
        "These faces also chose epochs and weights; for figures to quote, evaluate on a test split."
    )
    if fitted.training.warning:
        output.print(fitted.training.warning)
    source = "" if data is None else f"{data} "
    notes.print(f"Saved in {out}. Next:")
    notes.print(f"  fer-ensemble evaluate {source}--model {out}")
    notes.print(f"  fer-ensemble predict photos/ --model {out} --out predictions.csv")


def parse_settings(
    settings: list[str], recipes: list[Path], members: list[str]
) -> dict[str, dict[str, Any]]:
    """Turn recipes and settings, which win, into parameters of each member.

    Parameters
    ----------
    settings : list of str
        Such as ``cnn_2.epochs=10``: Python's literals, or else text.
    recipes : list of Path
        Files that ``fer-ensemble tune`` wrote.
    members : list of str
        Names of the members.

    Returns
    -------
    dict of str to dict
        Parameters by the name of the member; empty where nothing is changed.

    Raises
    ------
    typer.BadParameter
        If a setting is not of that form, or one or a recipe is for another member.
    """
    from fer_ensemble.models.search import read_recipe

    changes: dict[str, dict[str, Any]] = {name: {} for name in members}
    for path in recipes:
        name, params = read_recipe(path)
        if name not in changes:
            raise typer.BadParameter(
                f"--recipe {path} is for {name}, which is not among {', '.join(members)}."
            )
        changes[name].update(params)
    for setting in settings:
        target, equals, value = setting.partition("=")
        name, dot, parameter = target.partition(".")
        if not (equals and dot and parameter) or name not in changes:
            raise typer.BadParameter(
                f"--set {setting}: write MEMBER.PARAMETER=VALUE with a member among "
                f"{', '.join(members)}."
            )
        try:
            changes[name][parameter] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            changes[name][parameter] = value
    return changes
