"""Train the candidates: ``python -m experiments.pretrained.train --data fer2013.zip``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from experiments import run
from experiments.options import FITTED, Data
from experiments.pretrained.declaration import DECLARATION, PROTOCOL, fitted_file, read_declaration
from experiments.systems import read_system
from fer_ensemble.cli.console import notes


def main(
    data: Data,
    time_budget: Annotated[
        str | None,
        typer.Option(help="Time for each member's training, as in 2h.", show_default=False),
    ] = None,
    declaration: Annotated[
        Path, typer.Option(help="File that names the candidates.")
    ] = DECLARATION,
) -> None:
    """Train every candidate that is not trained yet, its teachers first, one after the other.

    After an interruption the same command goes on with the last epoch of the member in training.
    """
    for name in _with_teachers(read_declaration(declaration).candidates):
        if fitted_file(FITTED, name).is_file():
            notes.print(f"{name} is trained already")
            continue
        run.main(name, data, protocol=PROTOCOL, time_budget=time_budget)


def _with_teachers(candidates: Sequence[str]) -> list[str]:
    """List each candidate after the systems that it learns from, each once."""
    names = [name for own in candidates for name in (*read_system(own).teachers, own)]
    return list(dict.fromkeys(names))


if __name__ == "__main__":
    sys.exit(typer.run(main))
