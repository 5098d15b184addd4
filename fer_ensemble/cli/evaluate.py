"""``fer-ensemble evaluate``: measure a saved ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    protocol: Annotated[
        str | None,
        typer.Option(
            help="How test faces are set apart. By default as the ensemble was fitted: random, "
            "grouped and balanced find their test faces again in the same data; official and "
            "kaggle take --split.",
            show_default=False,
        ),
    ] = None,
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

    Example:

      fer-ensemble evaluate fer2013.zip --model model/ --split test --json figures.json
    """
    from fer_ensemble.artifact import load_ensemble, read_manifest
    from fer_ensemble.cli.console import choose_device, notes, output, read_faces
    from fer_ensemble.cli.tables import class_table, score_table
    from fer_ensemble.datasets import EvaluationPart, emotion_names, evaluation_part
    from fer_ensemble.ensemble import score_ensemble
    from fer_ensemble.models.augmented_copies import augment_copies

    choose_device(device)
    record = read_manifest(model).data
    ensemble = load_ensemble(model)
    faces, told = read_faces(data, strict=strict, seed=seed)
    if data is None:
        part = EvaluationPart(faces, None, "", "")
    else:
        part = evaluation_part(
            faces, record, split=split, protocol=protocol, augment=augment_copies
        )
    with notes.status(f"Predicting {len(part.faces):,} faces"):
        probabilities = ensemble.predict_member_proba(part.faces.images)

    names = emotion_names(ensemble.classes_)
    labels = part.faces.labels
    scores = score_ensemble(ensemble, probabilities, labels, class_names=names)
    seen = part.seen(getattr(ensemble, "training_digests_", None))
    new = None
    if seen is not None and not seen.all():
        new = score_ensemble(ensemble, probabilities[~seen], labels[~seen], class_names=names)
    title = f"{told}, {part.told}" if part.told else told
    rule = getattr(ensemble, "rule", "stacking")
    output.print(score_table(title, scores, rule))
    if seen is not None and seen.any() and new is not None:
        output.print(score_table(f"{title}, without copies of training faces", new, rule))
    output.print(_told_copies(seen))
    for name, figures in {**scores.members, rule: scores.rules[rule]}.items():
        output.print(class_table(name, figures))
    if part.warning:
        output.print(part.warning)
    if json_file is not None:
        import json

        content = {
            "data": told,
            "synthetic": data is None,
            "split": None if data is None else split,
            "protocol": protocol or record.get("protocol", "official"),
            "warning": part.warning,
            "test": part.told,
            "rule": rule,
            **scores.to_dict(),
            "without_copies": None if new is None else new.to_dict(),
        }
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(content, indent=2) + "\n")
        notes.print(f"Figures written to {json_file}")


def _told_copies(seen: NDArray[np.bool_] | None) -> str:
    if seen is None:
        return "Whether these faces have copies in the training data is not known."
    n = int(seen.sum())
    return f"{n:,} of these {len(seen):,} faces have an exact copy in the training data."
