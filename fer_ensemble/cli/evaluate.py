"""``fer-ensemble evaluate``: measure a saved ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled faces, in any form that 'fit' takes. Without it, fresh synthetic faces "
            "are drawn.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[Path, typer.Option(help="Folder of the saved ensemble.")] = Path("model"),
    split: Annotated[
        str,
        typer.Option(
            help="Part of the data: train, validation, public_test, private_test, test (every "
            "test face) or all."
        ),
    ] = "test",
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

    Every member and every rule is measured on the same faces. The interval is Wilson's. Every
    class is shown of the members and of the ensemble's own rule; the JSON has them of all.

    Example:

      fer-ensemble evaluate fer2013.zip --model model/ --split test --json figures.json
    """
    from fer_ensemble.artifact import load_ensemble
    from fer_ensemble.cli.console import choose_device, notes, output, read_faces
    from fer_ensemble.cli.tables import class_table, score_table
    from fer_ensemble.datasets import emotion_names
    from fer_ensemble.ensemble import score_ensemble

    choose_device(device)
    ensemble = load_ensemble(model)
    faces, told = read_faces(data, strict=strict, seed=seed)
    part = faces if data is None else faces.select(split)
    with notes.status(f"Predicting {len(part):,} faces"):
        probabilities = ensemble.predict_member_proba(part.images)

    scores = score_ensemble(
        ensemble, probabilities, part.labels, class_names=emotion_names(ensemble.classes_)
    )
    title = told if data is None else f"{told}, split {split}"
    rule = getattr(ensemble, "rule", "stacking")
    output.print(score_table(title, scores, rule))
    for name, figures in {**scores.members, rule: scores.rules[rule]}.items():
        output.print(class_table(name, figures))
    if json_file is not None:
        import json

        content = {
            "data": told,
            "synthetic": data is None,
            "split": None if data is None else split,
            "rule": rule,
            **scores.to_dict(),
        }
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(content, indent=2) + "\n")
        notes.print(f"Figures written to {json_file}")
