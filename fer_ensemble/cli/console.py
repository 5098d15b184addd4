"""What the verbs share on the terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

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
    told : str
        What to call them beside a figure.
    """
    from fer_ensemble.datasets import load_faces, synthetic_dataset

    if path is None:
        faces = synthetic_dataset(random_state=seed)
        return faces, f"{len(faces):,} synthetic faces (seed {seed})"
    from rich.progress import Progress

    with Progress(console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task(f"Reading {path.name}", total=None)
        faces = load_faces(
            path,
            strict=strict,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    notes.print(f"{path}: {len(faces):,} faces ({told_counts(faces.split_counts())})")
    for line in faces.report.lines():
        notes.print(f"  {line}", style="yellow", markup=False)
    return faces, path.name


def told_counts(counts: dict[str, int]) -> str:
    """Tell counts in a line.

    Parameters
    ----------
    counts : dict of str to int

    Returns
    -------
    str
        Such as "train 28,709, public_test 3,589".
    """
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PATTERN = re.compile(r"(?=.)(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s?)?")


def parse_duration(text: str) -> float:
    """Read a length of time.

    Parameters
    ----------
    text : str
        Such as ``20m``, ``1h30m``, ``90s`` or ``90``, which is seconds too.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    typer.BadParameter
        If it is no such length, or zero.
    """
    found = _PATTERN.fullmatch(text.strip().lower())
    try:
        amounts = [float(amount or 0) for amount in found.groups()] if found else []
    except ValueError:
        amounts = []
    seconds = sum(amount * unit for amount, unit in zip(amounts, _UNITS.values(), strict=False))
    if seconds <= 0:
        raise typer.BadParameter(f"{text!r} is no length of time: write 20m, 1h30m or 90s.")
    return seconds
