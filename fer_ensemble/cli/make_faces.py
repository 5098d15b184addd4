"""``fer-ensemble make-faces``: synthetic faces as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def make_faces(
    out: Annotated[Path, typer.Argument(help="Folder to write to, in one folder per class.")],
    n_samples: Annotated[int, typer.Option("--n-samples", "-n", min=1, help="How many.")] = 50,
    seed: Annotated[int, typer.Option(help="Seed; 0 draws the faces that fit trains on.")] = 1,
) -> None:
    """Write synthetic faces as PNG files, to try the other commands on.

    Example:

      fer-ensemble make-faces faces/ && fer-ensemble predict faces/ --model model/
    """
    from fer_ensemble.cli.console import notes
    from fer_ensemble.datasets import synthetic_dataset, write_folder

    write_folder(synthetic_dataset(n_samples, random_state=seed), out)
    notes.print(f"{n_samples:,} synthetic faces written to {out}")
