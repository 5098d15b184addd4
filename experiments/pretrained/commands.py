"""How long ``fer-ensemble predict`` takes, from its start to its end."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from experiments.pretrained.speed import cap_cores
from fer_ensemble.datasets import FaceDataset, write_folder

_REPETITIONS = 3
_COMMAND = (sys.executable, "-c", "from fer_ensemble.cli import main; main()", "predict")


def command_figures(
    model: Path | None, faces: FaceDataset, work: Path, cores: int
) -> dict[str, Any]:
    """Time the command on one photograph and on a folder of faces.

    Parameters
    ----------
    model : Path or None
        Packed ensemble; the package's own if None.
    faces : FaceDataset
        What to write into the folder.
    work : Path
        Folder for the files.
    cores : int
        Cores that the command may use.

    Returns
    -------
    dict
        Seconds of the photograph, the median of three runs, and of the folder, ready for JSON.

    Raises
    ------
    RuntimeError
        If a run fails; with what it said.
    """
    write_folder(faces, work / "faces")
    photograph = _write_photograph(work)
    cold = [_seconds([photograph], model, work, cores) for _ in range(_REPETITIONS)]
    folder = _seconds([work / "faces"], model, work, cores)
    return {
        "cores": cores,
        "photograph_seconds": round(statistics.median(cold), 2),
        "files": len(faces),
        "files_seconds": round(folder, 2),
        "files_per_second": round(len(faces) / folder, 1),
    }


def _write_photograph(work: Path) -> Path:
    from skimage.data import astronaut
    from skimage.io import imsave

    imsave(work / "photograph.jpg", astronaut())
    return work / "photograph.jpg"


def _seconds(paths: list[Path], model: Path | None, work: Path, cores: int) -> float:
    chosen = [] if model is None else ["--model", str(model)]
    command = [*_COMMAND, *map(str, paths), "--out", str(work / "rows.csv"), *chosen]
    started = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        preexec_fn=lambda: cap_cores(cores),
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"predict ended with {done.returncode}: {done.stderr}")
    return seconds
