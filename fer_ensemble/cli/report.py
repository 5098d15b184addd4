"""``fer-ensemble report``: a page about a saved ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_ensemble.cli.options import (
    ClassesOption,
    DeviceOption,
    StrictOption,
    complete_model,
    complete_protocol,
    out_option,
    split_option,
)


def report(
    model: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_model,
            help="Folder of a saved ensemble; or ensemble or fast, which come with the package. "
            "Without it, the ensemble that comes with the package.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled faces, in any form that 'fit' takes. Without it, fresh synthetic faces "
            "are drawn.",
            show_default=False,
        ),
    ] = None,
    classes: ClassesOption = None,
    out: Annotated[Path, out_option(help="File to write; one that is there is replaced.")] = Path(
        "report.html"
    ),
    figures: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write the figures to as well, as PNG for a paper.", show_default=False
        ),
    ] = None,
    split: Annotated[
        str | None,
        split_option(
            help="Part of the data: train, validation, public_test, private_test, test (every "
            "test face) or all. By default what the protocol tests on.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete_protocol,
            help="How test faces are set apart. By default as the ensemble was fitted.",
            show_default=False,
        ),
    ] = None,
    subgroups: Annotated[
        bool,
        typer.Option(
            "--subgroups", help="Measure groups of the faces and changed faces too, as 'evaluate'."
        ),
    ] = False,
    explain: Annotated[
        int,
        typer.Option(
            "--explain-mistakes",
            min=0,
            help="Of so many of the surest mistakes, show what spoke for the wrong label.",
        ),
    ] = 0,
    seed: Annotated[
        int, typer.Option(help="Seed of the synthetic faces; take another than for the fit.")
    ] = 1_000_000,
    device: DeviceOption = "auto",
    strict: StrictOption = False,
) -> None:
    """Measure a saved ensemble and write a page about it, one file that needs no network.

    It shows the data, what each member and each rule can do, with intervals, on all test faces and
    on those without copies in the training data; the classes, the confidence, the surest mistakes
    as pictures, and how to come to the same figures.

    Examples:

      fer-ensemble report model/ fer2013.zip --out report.html --figures figures/

      fer-ensemble report fer2013.zip
    """
    from fer_ensemble.artifact import read_manifest, resolve_model
    from fer_ensemble.cli.console import choose_device, notes, read_faces
    from fer_ensemble.libraries import require
    from fer_ensemble.report import write_report

    choose_device(device)
    require("matplotlib", "A report")  # told before a large file is read
    model, data = _tell_apart(model, data)
    remembered = read_manifest(resolve_model(model)).data.get("classes")
    faces = None
    if data is not None:
        faces, _ = read_faces(
            data, strict=strict, seed=seed, classes=classes, remembered=remembered
        )
    with notes.status("Predicting and drawing"):
        write_report(
            model,
            faces,
            out,
            split=split,
            protocol=protocol,
            figures=figures,
            n_explained=explain,
            subgroups=subgroups,
            seed=seed,
        )
    if figures is not None:
        notes.print(f"Figures written to {figures}")
    notes.print(f"Report written to {out}")


def _tell_apart(model: str | None, data: Path | None) -> tuple[str | None, Path | None]:
    """Take a path that stands alone for the data, if it is there and no ensemble's."""
    from fer_ensemble.artifact import PRETRAINED, has_ensemble

    if model is None or data is not None or model in PRETRAINED or has_ensemble(model):
        return model, data
    return (None, Path(model)) if _may_hold_faces(Path(model)) else (model, None)


def _may_hold_faces(path: Path) -> bool:
    # Where an ensemble should be but is none, that is to be told, and not that it has no faces.
    return path.is_file() or any(entry.is_dir() for entry in path.glob("*"))
