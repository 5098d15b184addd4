"""``fer-ensemble evaluate``: measure a saved ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fer_ensemble.datasets import FERPlusVotes
    from fer_ensemble.evaluation import VoteEvaluation
    from fer_ensemble.measuring import MeasuredModel


def evaluate(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled faces, in any form that 'fit' takes. Without it, fresh synthetic faces "
            "are drawn.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="Folder of a saved ensemble; or ensemble or fast, which come with the package."
        ),
    ] = "model",
    split: Annotated[
        str | None,
        typer.Option(
            help="Part of the data: train, validation, public_test, private_test, test (every "
            "test face) or all. By default what the protocol tests on: public_test, if there is "
            "one, for official, and test for kaggle.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
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
    card: Annotated[
        bool,
        typer.Option("--card", help="Write the figures into the ensemble's MODEL_CARD.md too."),
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="File to write the figures to.", show_default=False),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Seed of the synthetic faces; take another than for the fit.")
    ] = 1_000_000,
    device: Annotated[
        str, typer.Option(help="auto takes a GPU where there is one; cpu does not.")
    ] = "auto",
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at a face that can't be used.")
    ] = False,
) -> None:
    """Measure a saved ensemble: accuracy with its 95 % interval, F1, and every class.

    Every member and every rule is measured on the same faces: on all, and on those without an
    exact copy in the training data, as far as that is known. The interval is Wilson's. Every
    class is shown of the members and of the ensemble's own rule; the JSON has them of all.

    Examples:

      fer-ensemble evaluate fer2013.zip --model model/ --json figures.json --card

      fer-ensemble evaluate fer2013.csv --model model/ --ferplus fer2013new.csv
    """
    from fer_ensemble.artifact import read_manifest, record_measurement, resolve_model
    from fer_ensemble.cli.console import choose_device, notes, output, read_faces
    from fer_ensemble.cli.tables import class_table, score_table, vote_table
    from fer_ensemble.datasets import join_ferplus, load_ferplus
    from fer_ensemble.measuring import measure_model

    choose_device(device)
    if card:
        _check_own(model)
    read_manifest(resolve_model(model))  # a wrong one is told before a large file is read
    faces, told = (None, "") if data is None else read_faces(data, strict=strict, seed=seed)
    votes = None
    if ferplus is not None:
        if faces is None:
            raise typer.BadParameter("--ferplus needs the fer2013.csv that its votes are on.")
        votes = join_ferplus(faces, load_ferplus(ferplus))
    with notes.status("Predicting"):
        found = measure_model(model, faces, split=split, protocol=protocol, seed=seed)
    told = told or found.source
    part, scores, rule = found.part, found.scores, found.rule
    title = f"{told}, {part.description}" if part.description else told
    protocol = protocol or found.manifest.data.get("protocol", "official")
    output.print(score_table(title, scores, rule))
    if found.seen is not None and found.seen.any() and found.new_scores is not None:
        alone = f"{title}, without copies of training faces"
        output.print(score_table(alone, found.new_scores, rule))
    output.print(_told_copies(found.seen))
    if split is None and part.split is not None:
        output.print(_told_split(part.split, protocol, found.faces.split_counts()))
    for name, figures in {**scores.members, rule: scores.rules[rule]}.items():
        output.print(class_table(name, figures))
    voted = None if votes is None else _score_votes(found, votes)
    if voted is not None:
        output.print(vote_table(f"{title}, by the votes of FER+", voted, rule))
    if part.warning:
        output.print(part.warning)
    if json_file is not None:
        _write_json(json_file, _content(found, told, protocol, voted))
        notes.print(f"Figures written to {json_file}")
    if card:
        record_measurement(model, found.ensemble, found.to_measurement())
        notes.print(f"Figures written into the model card in {model}")


def _check_own(model: str) -> None:
    from fer_ensemble.artifact.pretrained import PRETRAINED

    if model in PRETRAINED:
        raise typer.BadParameter(
            f"--card writes into an ensemble of yours, and {model} comes with the package: leave "
            "it out."
        )


def _score_votes(found: MeasuredModel, votes: FERPlusVotes) -> dict[str, VoteEvaluation]:
    """Measure each member, and their own rule, against the votes on the same faces."""
    from fer_ensemble.evaluation import evaluate_votes

    chosen = votes.of(found.part.faces)
    predicted = {
        name: found.probabilities[:, place] for place, name in enumerate(found.scores.members)
    } | {found.rule: found.combine(found.rule)}
    return {
        name: evaluate_votes(chosen.expressions, probabilities, others=chosen.others)
        for name, probabilities in predicted.items()
    }


def _content(
    found: MeasuredModel, told: str, protocol: str, voted: dict[str, VoteEvaluation] | None
) -> dict[str, Any]:
    """Gather every figure, for JSON."""
    new = found.new_scores
    return {
        "data": told,
        "synthetic": found.synthetic,
        "split": found.part.split,
        "protocol": protocol,
        "warning": found.part.warning,
        "test": found.part.description,
        "rule": found.rule,
        **found.scores.to_dict(),
        "without_copies": None if new is None else new.to_dict(),
        "ferplus": voted and {name: figures.to_dict() for name, figures in voted.items()},
    }


def _told_copies(seen: NDArray[np.bool_] | None) -> str:
    if seen is None:
        return "Whether these faces have copies in the training data is not known."
    n = int(seen.sum())
    return f"{n:,} of these {len(seen):,} faces have an exact copy in the training data."


def _told_split(split: str, protocol: str, counts: dict[str, int]) -> str:
    """Say which part was taken by default, and which other test faces there are."""
    others = [] if split == "test" else [name for name in counts if name.endswith("test")]
    others = [f"{name} ({counts[name]:,} faces)" for name in others if name != split]
    told = f"Split {split} is what the {protocol} protocol tests on"
    return f"{told}; there are also {', '.join(others)}: see --split." if others else f"{told}."


def _write_json(file: Path, content: dict[str, Any]) -> None:
    import json

    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n")
