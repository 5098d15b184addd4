"""Train the candidates: ``python -m experiments.pretrained.train --data fer2013.zip``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from experiments import run
from experiments.console import Data, Fitted, Predictions, Results, Unfinished, notes
from experiments.pretrained.candidates import DECLARATION, PROTOCOL, read_declaration
from experiments.runs import FITTED, PREDICTIONS, RESULTS, UNFINISHED, fitted_file
from experiments.systems import read_system

Declaration = Annotated[Path, typer.Option(help="File that names the candidates.")]


def main(
    data: Data,
    time_budget: Annotated[
        str | None,
        typer.Option(help="Time for each member's training, as in 2h.", show_default=False),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Epochs of each network, to try the whole out.", show_default=False
        ),
    ] = None,
    predictions: Predictions = PREDICTIONS,
    fitted: Fitted = FITTED,
    unfinished: Unfinished = UNFINISHED,
    results: Results = RESULTS,
    declaration: Declaration = DECLARATION,
) -> None:
    """Train every candidate that is not trained yet, its teachers first, one after the other.

    Teachers are large, and each candidate that they teach is trained for 280 epochs in which they
    judge every view: that is for an accelerator. After an interruption the same command resumes
    the member in training after its last epoch.
    """
    for name in _with_teachers(read_declaration(declaration).candidates):
        if fitted_file(fitted, name, PROTOCOL).is_file():
            notes.print(f"{name} is trained already")
            continue
        run.main(
            name,
            data,
            protocol=PROTOCOL,
            time_budget=time_budget,
            epochs=epochs,
            predictions=predictions,
            fitted=fitted,
            unfinished=unfinished,
            results=results,
        )


def _with_teachers(candidates: Sequence[str]) -> list[str]:
    """List each candidate after the systems that it learns from, each once."""
    names = [name for own in candidates for name in (*read_system(own).teachers, own)]
    return list(dict.fromkeys(names))


if __name__ == "__main__":
    sys.exit(typer.run(main))
