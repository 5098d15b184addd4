"""``fer-ensemble curves``: how the networks of a saved ensemble learned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fer_ensemble.cli.options import complete_folder, out_option


def curves(
    model: Annotated[
        Path, typer.Argument(autocompletion=complete_folder, help="Folder of the saved ensemble.")
    ] = Path("model"),
    out: Annotated[
        Path, out_option(help="File to draw into; its ending is .png, .svg or .pdf.")
    ] = Path("curves.png"),
) -> None:
    """Draw how the networks of a saved ensemble learned, one row for each.

    Loss and accuracy on training and held-out faces and the learning rate, epoch by epoch, with
    the epoch whose weights were kept; and how many faces each class had before and after
    balancing, where a member was balanced.

    Example:

      fer-ensemble curves model/ --out curves.png
    """
    from fer_ensemble.artifact import load_ensemble
    from fer_ensemble.atomic_files import open_atomically
    from fer_ensemble.cli.console import notes
    from fer_ensemble.evaluation.plots import PICTURE_ENDINGS, draw_trainings
    from fer_ensemble.report import find_trainings

    if out.suffix.lower() not in PICTURE_ENDINGS:
        endings = ", ".join(PICTURE_ENDINGS)
        raise ValueError(f"cannot draw into {out}: its ending must be one of {endings}")
    members = load_ensemble(model).members_
    trainings = find_trainings(members)
    others = [name for name, _ in members if name not in trainings]
    if not trainings:
        raise ValueError(
            f"{model} has no training to draw: only networks keep one, and its members are "
            f"{', '.join(others)}"
        )
    figure = draw_trainings(trainings)
    # After the drawing: what can't be drawn leaves no empty folder behind.
    out.parent.mkdir(parents=True, exist_ok=True)
    with open_atomically(out) as stream:
        figure.savefig(stream, format=out.suffix[1:].lower())
    if others:
        notes.print(f"Without a training to draw: {', '.join(others)}", style="yellow")
    notes.print(f"Curves of {', '.join(trainings)} written to {out}")
