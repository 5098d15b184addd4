"""What the verbs share on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from fer_ensemble.datasets import FaceDataset

notes = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(highlight=False)


def choose_device(device: str) -> None:
    """Settle what networks run on, before a backend is imported.

    Parameters
    ----------
    device : {'auto', 'cpu'}

    Raises
    ------
    typer.BadParameter
        If it is neither.
    """
    if device not in ("auto", "cpu"):
        raise typer.BadParameter(f"--device {device}: choose auto or cpu.")
    if device == "cpu":
        from fer_ensemble.models import use_cpu

        use_cpu()


def read_faces(path: Path | None, *, strict: bool, seed: int) -> tuple[FaceDataset, str]:
    """Read the user's faces, or draw the embedded default.

    Parameters
    ----------
    path : Path or None
        The user's data set; ``None`` draws synthetic faces.
    strict : bool
        Whether a face that can't be used is an error.
    seed : int
        Seed of the synthetic faces.

    Returns
    -------
    faces : FaceDataset
    description : str
        What to call them beside a figure.
    """
    from fer_ensemble.datasets import open_faces

    if path is None:
        return open_faces(seed=seed)
    from rich.progress import Progress

    with Progress(console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task(f"Reading {path.name}", total=None)
        faces, description = open_faces(
            path,
            strict=strict,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    notes.print(f"{path}: {len(faces):,} faces ({list_counts(faces.split_counts())})")
    for line in faces.report.lines():
        notes.print(f"  {line}", style="yellow", markup=False)
    return faces, description


def list_counts(counts: dict[str, int]) -> str:
    """List counts in a line.

    Parameters
    ----------
    counts : dict of str to int

    Returns
    -------
    str
        Such as "train 28,709, public_test 3,589".
    """
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def write_json(file: Path, content: Mapping[str, Any], *, what: str = "Figures") -> None:
    """Write figures to a file, and say so.

    Parameters
    ----------
    file : Path
        Its folder is made if need be.
    content : mapping
        JSON values.
    what : str, default='Figures'
        What to call them.
    """
    import json

    from fer_ensemble.atomic_files import write_atomically

    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, (json.dumps(content, indent=2) + "\n").encode())
    notes.print(f"{what} written to {file}")


def parse_duration(text: str) -> float:
    """Read a length of time as a user gives it.

    Parameters
    ----------
    text : str
        As :func:`fer_ensemble.fitting.parse_duration` takes it.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    typer.BadParameter
        If it is no such length, or zero.
    """
    from fer_ensemble.fitting import parse_duration as parse

    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
