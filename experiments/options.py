"""Options that several experiments have, and the file that their figures go to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PREDICTIONS = HERE / "predictions"
FITTED = HERE / "fitted"

Data = Annotated[Path, typer.Option(help="FER2013 as 'fer-ensemble fit' takes it.")]
Model = Annotated[Path, typer.Option(help="Folder of a saved ensemble.")]
Predictions = Annotated[
    Path, typer.Option(help="Folder where 'experiments.run' left its predictions.")
]
Fitted = Annotated[
    Path, typer.Option(help="Folder where 'experiments.run' left the fitted members.")
]
Results = Annotated[Path, typer.Option(help="Folder of the figures.")]
Out = Annotated[Path, typer.Option(help="File for the figures.")]


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write figures as JSON.

    Parameters
    ----------
    path : Path
        Its folder is made if need be.
    record : mapping
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")
