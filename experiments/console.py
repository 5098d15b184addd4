"""What experiments share on the terminal: options, consoles, and the command that they watch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

# This module loads no library that counts the cores: `experiments.pretrained.speed` imports it
# before it caps them.
if TYPE_CHECKING:
    from fer_ensemble.datasets import FaceDataset

Data = Annotated[Path, typer.Option(help="FER2013 as 'fer-ensemble fit' takes it.")]
Model = Annotated[Path, typer.Option(help="Folder of a saved ensemble.")]
PackedModel = Annotated[
    Path | None,
    typer.Option(help="Packed ensemble; by default, the package's.", show_default=False),
]
PeerWeights = Annotated[
    Path | None,
    typer.Option(
        help="emotion_model.hdf5 of the package 'fer', to measure it beside ours.",
        show_default=False,
    ),
]
Predictions = Annotated[
    Path, typer.Option(help="Folder where 'experiments.run' leaves its predictions.")
]
Fitted = Annotated[
    Path, typer.Option(help="Folder where 'experiments.run' leaves the fitted members.")
]
Unfinished = Annotated[Path, typer.Option(help="Folder for trainings that are interrupted.")]
Results = Annotated[Path, typer.Option(help="Folder of the figures.")]
Out = Annotated[Path, typer.Option(help="File for the figures.")]
Note = Annotated[str, typer.Option(help="What else to say of this run.")]

# Figures go to the standard output, where they can be redirected; all else goes beside it.
output = Console(highlight=False, soft_wrap=True)
notes = Console(stderr=True, highlight=False, soft_wrap=True)


def read_faces(path: Path) -> FaceDataset:
    """Read faces with a bar, and print how many there are and what is wrong with some.

    Parameters
    ----------
    path : Path
        As :func:`fer_ensemble.datasets.load_faces` takes it.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If there are none.
    """
    from fer_ensemble.datasets import load_faces

    with Progress(console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task(f"Reading {path.name}", total=None)
        faces = load_faces(
            path, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    parts = ", ".join(f"{part} {count:,}" for part, count in faces.split_counts().items())
    notes.print(f"{path}: {len(faces):,} faces ({parts})", markup=False)
    for line in faces.report.lines():
        notes.print(f"  {line}", style="yellow", markup=False)
    return faces


def predict_command(inputs: Path, model: Path | None, out: Path, **options: object) -> list[str]:
    """Return the words that start ``fer-ensemble predict`` in a process of its own.

    Parameters
    ----------
    inputs : Path
        A picture, or a folder of pictures.
    model : Path or None
        Folder of a saved ensemble; the package's own if None.
    out : Path
        File for the rows.
    **options
        More options by name, as in ``batch_size=64``; ``True`` makes a flag.

    Returns
    -------
    list of str

    Examples
    --------
    >>> predict_command(Path("photos"), Path("model"), Path("rows.csv"), batch_size=64)[3:]
    ['predict', 'photos', '--model', 'model', '--out', 'rows.csv', '--batch-size', '64']
    """
    words = ["predict", str(inputs)]
    words += [] if model is None else ["--model", str(model)]
    words += ["--out", str(out)]
    for name, value in options.items():
        words.append(f"--{name.replace('_', '-')}")
        words += [] if value is True else [str(value)]
    # The script `fer-ensemble` need not be on the path of a checkout that is not installed.
    return [sys.executable, "-c", "from fer_ensemble.cli import main; main()", *words]
