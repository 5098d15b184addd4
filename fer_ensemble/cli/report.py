"""``fer-ensemble report``: a page about a saved ensemble."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder of a saved ensemble; or ensemble or fast, which come with the package."
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled faces, in any form that 'fit' takes. Without it, fresh synthetic faces "
            "are drawn.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="File to write; one that is there is replaced.")] = Path(
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
        typer.Option(
            help="Part of the data: train, validation, public_test, private_test, test (every "
            "test face) or all. By default what the protocol tests on.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="How test faces are set apart. By default as the ensemble was fitted.",
            show_default=False,
        ),
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
    """Measure a saved ensemble and write a page about it, one file that needs no network.

    It shows the data, what each member and each rule can do, with intervals, on all test faces and
    on those without copies in the training data; the classes, the confidence, the surest mistakes
    as pictures, and how to come to the same figures.

    Example:

      fer-ensemble report model/ fer2013.zip --out report.html --figures figures/
    """
    from fer_ensemble.cli.console import choose_device, notes, read_faces
    from fer_ensemble.libraries import require
    from fer_ensemble.report import write_report

    choose_device(device)
    require("matplotlib", "A report")  # told before a large file is read
    faces = None if data is None else read_faces(data, strict=strict, seed=seed)[0]
    with notes.status("Predicting and drawing"):
        write_report(model, faces, out, split=split, protocol=protocol, figures=figures, seed=seed)
    if figures is not None:
        notes.print(f"Figures written to {figures}")
    notes.print(f"Report written to {out}")
