"""``fer-ensemble export``: a saved ensemble as graphs in ONNX."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fer_ensemble.cli.options import ClassesOption, complete_model, out_option


class Format(StrEnum):
    """What an ensemble can be exported to."""

    onnx = "onnx"


class Precision(StrEnum):
    """How weights can be stored; the names of `fer_ensemble.models.onnx_export.PRECISIONS`."""

    float32 = "float32"
    float16 = "float16"
    int8 = "int8"


def export(
    model: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_model,
            help="Folder of a saved ensemble; or ensemble or fast, which come with the package.",
        ),
    ],
    out: Annotated[
        Path | None, out_option(help="Folder for the exported ensemble.", show_default=False)
    ] = None,
    hub: Annotated[
        Path | None,
        typer.Option(
            help="In place of --out: folder in the layout of the Hugging Face hub, with card and "
            "config.json, to be pushed as it is. Nothing is sent.",
            show_default=False,
        ),
    ] = None,
    license_name: Annotated[
        str | None,
        typer.Option(
            "--license",
            help="License of a model of yours, for --hub: as the hub has it, such as apache-2.0, "
            "or the name of another.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[Format, typer.Option("--format", help="The only one so far.")] = Format.onnx,
    precision: Annotated[
        Precision,
        typer.Option(
            help="float32 leaves weights as they are; float16 rounds those of networks, and files "
            "are half as large; int8 lets networks compute in whole numbers: a quarter of the "
            "size, faster on processors with VNNI, and a few labels in a hundred change."
        ),
    ] = Precision.float32,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Labelled faces, in any form that 'fit' takes, from whose training part int8 "
            "learns the ranges of layers. By default, from drawn faces.",
            show_default=False,
        ),
    ] = None,
    classes: ClassesOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what stands in --out or --hub.")
    ] = False,
) -> None:
    """Export a saved ensemble to ONNX: it predicts without TensorFlow and XGBoost.

    The folder is a saved ensemble as any other: 'predict --model', 'evaluate' and Python's
    load_ensemble take it. Each member is one .onnx file, with the pixels' preprocessing inside
    (input "faces": uint8, n × 48 × 48), or with features computed before it.

    Examples:

      fer-ensemble export model/ --out model-onnx/

      fer-ensemble export ensemble --precision int8 --out quick/

      fer-ensemble predict photos/ --model quick/

      fer-ensemble export model/ --hub my-model/ --license apache-2.0
    """
    from fer_ensemble.artifact import PRETRAINED, read_manifest, resolve_model
    from fer_ensemble.cli.console import notes, output, read_faces
    from fer_ensemble.exporting import export_ensemble

    if (out is None) == (hub is None):
        raise typer.BadParameter("Say where to: --out DIR, or --hub DIR for the hub's layout.")
    target = out or hub
    assert target is not None
    if license_name is not None and hub is None:
        raise typer.BadParameter("--license is for the card of --hub.")
    # The converter takes networks of this backend, and saved weights are the same on every one.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    faces = None
    if data is not None:
        remembered = read_manifest(resolve_model(model)).data.get("classes")
        labelled, _ = read_faces(data, strict=False, seed=0, classes=classes, remembered=remembered)
        faces = labelled.select("train").images
    with notes.status(f"Exporting {model}"):
        exported = export_ensemble(
            model,
            target,
            precision=precision.value,
            faces=faces,
            overwrite=overwrite,
            hub=hub is not None,
            license=license_name,
        )
    for file in sorted(target.glob(f"*.{to.value}")):
        output.print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB")
    if exported.n_faces:
        source = "drawn faces" if data is None else f"faces of {data}"
        output.print(
            f"On {exported.n_faces} {source}: {exported.agreement:.1%} of the labels as before, "
            f"largest change of a probability {exported.largest_change:.1g}"
        )
    notes.print(f"Saved in {exported.path}")
    if hub is not None:
        if license_name is None and model not in PRETRAINED:
            notes.print("Its card names no license: say --license, such as apache-2.0")
        notes.print(f"To push it: hf upload USER/{hub.resolve().name} {hub}")
