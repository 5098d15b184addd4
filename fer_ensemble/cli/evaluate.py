"""``fer-ensemble evaluate``: measure a saved ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_ensemble.cli.console import count
from fer_ensemble.cli.options import (
    ClassesOption,
    DeviceOption,
    JsonOption,
    StrictOption,
    complete_protocol,
    model_option,
    split_option,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def evaluate(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled faces, in any form that 'fit' takes, stores and Parquet among them. "
            "Without it, fresh synthetic faces are drawn.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        model_option(
            help="Folder of a saved ensemble; or fast, the quick network that comes with the "
            "package. Without it, the ensemble that does.",
        ),
    ] = None,
    classes: ClassesOption = None,
    split: Annotated[
        str | None,
        split_option(
            help="Part of the data: train, validation, public_test, private_test, test (every "
            "test face) or all. By default what the protocol tests on: public_test, if there is "
            "one, for official, and test for kaggle; all, if the data have no parts.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete_protocol,
            help="How test faces are set apart. By default as the ensemble was fitted: random, "
            "grouped and balanced find their test faces again in the same data; official and "
            "kaggle take --split.",
            show_default=False,
        ),
    ] = None,
    ferplus: Annotated[
        Path | None,
        typer.Option(
            help="fer2013new.csv of FER+, for an original fer2013.csv: measures against its votes "
            "too.",
            show_default=False,
        ),
    ] = None,
    subgroups: Annotated[
        bool,
        typer.Option(
            "--subgroups",
            help="Measure groups of the faces too, by brightness, contrast, resolution, turn, tilt "
            "and border, and the faces with eyes or mouth covered, a mask or less detail; each of "
            "these is predicted once more.",
        ),
    ] = False,
    card: Annotated[
        bool,
        typer.Option("--card", help="Write the figures into the ensemble's MODEL_CARD.md too."),
    ] = False,
    json_file: JsonOption = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the synthetic faces; take another than for the fit.")
    ] = 1_000_000,
    device: DeviceOption = "auto",
    strict: StrictOption = False,
) -> None:
    """Measure a saved ensemble: accuracy with its 95 % interval, F1, and every class.

    Every member and every rule is measured on the same faces: on all, and on those without an
    exact copy in the training data, as far as that is known. The interval is Wilson's. Every
    class is shown of the members and of the ensemble's own rule; the JSON has them of all.
    Sets of labels, as 'predict --coverage' gives them, are measured too: how many of them hold the
    true label, and how many labels they have. Groups are compared at the same mix of classes, with
    a test for all comparisons together.

    Examples:

      fer-ensemble evaluate fer2013.zip --model model/ --json figures.json --card

      fer-ensemble evaluate fer2013.csv --model model/ --ferplus fer2013new.csv

      fer-ensemble evaluate fer2013.zip --model model/ --subgroups --card
    """
    from fer_ensemble.artifact import read_manifest, record_measurement, resolve_model
    from fer_ensemble.cli.console import choose_device, notes, output, read_faces, write_json
    from fer_ensemble.cli.subgroup_tables import subgroup_tables
    from fer_ensemble.cli.tables import class_table, score_table, set_table, vote_table
    from fer_ensemble.measuring import measure_model

    choose_device(device)
    if card:
        model = _check_own(model)
    if ferplus is not None and data is None:
        raise typer.BadParameter("--ferplus needs the fer2013.csv that its votes are on.")
    # A wrong model is reported before a large file is read.
    remembered = read_manifest(resolve_model(model)).data.get("classes")
    faces = None
    if data is not None:
        faces, _ = read_faces(
            data, strict=strict, seed=seed, classes=classes, remembered=remembered
        )
    with notes.status("Predicting"):
        found = measure_model(
            model,
            faces,
            split=split,
            protocol=protocol,
            ferplus=ferplus,
            subgroups=subgroups,
            seed=seed,
        )
    part, scores, rule = found.part, found.scores, found.rule
    output.print(score_table(found.description, scores, rule))
    if found.seen is not None and found.seen.any() and found.new_scores is not None:
        alone = f"{found.description}, without copies of training faces"
        output.print(score_table(alone, found.new_scores, rule))
    output.print(_describe_copies(found.seen))
    if split is None and part.split is not None:
        output.print(_describe_split(part.split, found.protocol, found.faces.split_counts()))
    for name, figures in {**scores.members, rule: scores.rules[rule]}.items():
        output.print(class_table(name, figures))
    if found.sets:
        output.print(set_table(found.description, found.sets))
    if found.votes is not None:
        title = f"{found.description}, by the votes of FER+"
        output.print(vote_table(title, found.votes, rule))
    if found.subgroups is not None:
        for table in subgroup_tables(found.description, found.subgroups):
            output.print(table)
    if part.warning:
        output.print(part.warning)
    if json_file is not None:
        write_json(json_file, found.to_dict())
    if card and model is not None:
        record_measurement(model, found.ensemble, found.to_measurement())
        notes.print(f"Figures written into the model card in {model}")


def _check_own(model: str | None) -> str:
    from fer_ensemble.artifact import PRETRAINED

    if model is None or model in PRETRAINED:
        raise typer.BadParameter(
            f"--card writes into an ensemble of yours, and {model or 'ensemble'} comes with the "
            "package: leave --card out, or name yours with --model."
        )
    return model


def _describe_copies(seen: NDArray[np.bool_] | None) -> str:
    if seen is None:
        return "Whether these faces have copies in the training data is not known."
    n = int(seen.sum())
    have = "has" if n == 1 else "have"
    return f"{n:,} of these {count(len(seen), 'face')} {have} an exact copy in the training data."


def _describe_split(split: str, protocol: str, counts: dict[str, int]) -> str:
    """Say which part was taken by default, and which other test faces there are."""
    others = [] if split == "test" else [name for name in counts if name.endswith("test")]
    others = [f"{name} ({counts[name]:,} faces)" for name in others if name != split]
    if split == "all":
        return "The data have no parts, and are measured whole."
    line = f"Split {split} is what the {protocol} protocol tests on"
    return f"{line}; there are also {', '.join(others)}: see --split." if others else f"{line}."
