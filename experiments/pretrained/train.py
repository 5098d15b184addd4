"""Train the candidates: ``python -m experiments.pretrained.train --data fer2013.zip``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from experiments import run
from experiments.pretrained.declaration import DECLARATION, PROTOCOL, fitted_file, read_declaration
from fer_ensemble.cli.console import notes


def main(
    data: Annotated[Path, typer.Option(help="FER2013 as 'fer-ensemble fit' takes it.")],
    time_budget: Annotated[
        str | None,
        typer.Option(help="Time for each member's training, as in 2h.", show_default=False),
    ] = None,
    declaration: Annotated[
        Path, typer.Option(help="File that names the candidates.")
    ] = DECLARATION,
) -> None:
    """Train every candidate that is not trained yet, one after the other, each on its own.

    After an interruption the same command goes on with the last epoch of the member in training.
    """
    for name in read_declaration(declaration).candidates:
        if fitted_file(run.HERE / "fitted", name).is_file():
            notes.print(f"{name} is trained already")
            continue
        run.main(name, data, protocol=PROTOCOL, time_budget=time_budget)


if __name__ == "__main__":
    sys.exit(typer.run(main))
