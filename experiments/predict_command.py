"""The command ``fer-ensemble predict``, for experiments that watch it from outside."""

from __future__ import annotations

import sys
from pathlib import Path


def predict_command(inputs: Path, model: Path, out: Path, **options: object) -> list[str]:
    """Return the words that start a prediction in a process of its own.

    Parameters
    ----------
    inputs : Path
        Folder of pictures.
    model : Path
        Folder of a saved ensemble.
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
    words = ["predict", str(inputs), "--model", str(model), "--out", str(out)]
    for name, value in options.items():
        words.append(f"--{name.replace('_', '-')}")
        words += [] if value is True else [str(value)]
    return [sys.executable, "-c", "from fer_ensemble.cli import main; main()", *words]
