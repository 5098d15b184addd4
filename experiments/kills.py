"""Kill a long prediction and a fit, and resume them: ``python -m experiments.kills --model DIR``.

That happens again and again, by SIGKILL, SIGTERM and SIGINT in turn. The table at the end must be
that of an unbroken run, to the byte, and the ensemble must answer as that of an unbroken fit. While
a run goes on, its table is locked; a signal that can be handled leaves whole rows and its exit
code; and no kill leaves a lock behind. Faces are synthetic. Kills come at random moments, some of
them before the first row; a run that ends by itself was not killed in time and does not count.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from experiments.console import Model, Out, predict_command
from experiments.runs import RESULTS, write_record
from experiments.timing import timed
from fer_ensemble import load_ensemble
from fer_ensemble.datasets import make_faces, synthetic_dataset, write_folder
from fer_ensemble.locks import InUseError, Lock

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def main(
    model: Model,
    files: Annotated[int, typer.Option(help="Pictures to predict.")] = 5000,
    kills: Annotated[int, typer.Option(help="How often to kill.")] = 20,
    fit_kills: Annotated[int, typer.Option(help="How often to kill a fit.")] = 20,
    batch_size: Annotated[int, typer.Option(help="Faces predicted at once.")] = 64,
    ending: Annotated[str, typer.Option(help="Form of the table.")] = ".csv",
    seed: Annotated[int, typer.Option(help="Seed of the moments.")] = 0,
    out: Out = RESULTS / "kills.json",
) -> None:
    """Compare the table of a run that was killed many times with an unbroken run's."""
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        draw_photos(photos, files)
        whole, broken = (Path(folder) / f"{name}{ending}" for name in ("whole", "broken"))
        command = partial(predict_command, photos, model, batch_size=batch_size)
        seconds = run_through(command(whole))
        resumed = command(broken, resume=True)
        chance = random.Random(seed)
        sizes = kill_often(
            resumed, broken, kills, whole.stat().st_size, chance, SIGNALS, is_locked=True
        )
        run_through(resumed)
        fit_moments, is_same_fit = kill_fits(Path(folder), fit_kills, chance)
        record = {
            "files": files,
            "kills": len(sizes),
            "batch_size": batch_size,
            "signals": [number.name for number in SIGNALS],
            "bytes_at_each_kill": sizes,
            "bytes_of_the_unbroken_run": whole.stat().st_size,
            "seconds_of_the_unbroken_run": round(seconds, 1),
            "identical": whole.read_bytes() == broken.read_bytes(),
            "fit_kills": len(fit_moments),
            "seconds_at_each_kill_of_the_fit": fit_moments,
            "identical_fit": is_same_fit,
        }
    write_record(out, record, show=True)
    raise typer.Exit(not (record["identical"] and is_same_fit))


def draw_photos(folder: Path, n_files: int) -> None:
    """Draw synthetic faces, and write some files that are no pictures among them.

    Parameters
    ----------
    folder : Path
        Is made.
    n_files : int
    """
    folder.mkdir()
    for number, face in enumerate(make_faces(n_files, random_state=0).images):
        cv2.imwrite(str(folder / f"{number:05}.png"), face)
    for number in range(0, n_files, 97):
        (folder / f"{number:05}.png").write_bytes(b"no picture")  # their rows must resume too


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def run_through(command: list[str]) -> float:
    """Run a prediction to its end.

    Parameters
    ----------
    command : list of str
        Its words.

    Returns
    -------
    float
        Seconds that it took.

    Raises
    ------
    typer.BadParameter
        If it ended otherwise than for want of some predictions.
    """
    process = _start(command)
    wall, _, (_, errors) = timed(process.communicate)
    if process.returncode != 3:  # some pictures are broken
        raise typer.BadParameter(f"the run ended with {process.returncode}: {errors.decode()}")
    return wall


def kill_often(
    command: list[str],
    table: Path,
    kills: int,
    full_size: int,
    chance: random.Random,
    signals: Sequence[signal.Signals] = (signal.SIGKILL,),
    *,
    is_locked: bool = False,
) -> list[int]:
    """Start a command and kill it, again and again.

    Parameters
    ----------
    command : list of str
        Its words; it must resume where it stopped.
    table : Path
        The file that it writes.
    kills : int
        How often to kill; a run that ends by itself does not count, and its table is deleted.
    full_size : int
        Bytes of the whole table.
    chance : random.Random
        Source of the moments.
    signals : sequence of signal.Signals
        What the runs are killed by, in turn.
    is_locked : bool, default=False
        Whether to make sure that a table which grows is locked.

    Returns
    -------
    list of int
        Bytes of the table at each kill.

    Raises
    ------
    RuntimeError
        If a signal that can be handled left half a row or another exit code, or a table that grew
        was not locked.
    """
    sizes: list[int] = []
    turns = cycle(signals)
    while len(sizes) < kills:
        process = _start(command)
        # Loading the libraries may take most of a run: moments drawn from the clock alone could all
        # come before the first row. So it waits for some growth, and one in six for none.
        growth = chance.uniform(-0.2, 1) * full_size / kills
        _wait_for_growth(process, table, growth)
        time.sleep(chance.uniform(0, 0.05))
        if is_locked and growth > 0:
            _check_locked(process, table)
        number = next(turns)
        process.send_signal(number)
        _, errors = process.communicate()
        if process.returncode not in (-number, 128 + number):
            table.unlink()
            continue
        if process.returncode > 0 and table.exists() and not table.read_bytes().endswith(b"\n"):
            raise RuntimeError(f"{number.name} left half a row: {errors.decode()}")
        sizes.append(_size(table))
    return sizes


def _check_locked(process: subprocess.Popen[bytes], table: Path) -> None:
    try:
        Lock(table).release()
    except InUseError:
        return
    if process.poll() is None:
        raise RuntimeError(f"{table} grows but is not locked")


def kill_fits(folder: Path, kills: int, chance: random.Random) -> tuple[list[float], bool]:
    """Start a fit and kill it, again and again, and resume it to its end.

    Parameters
    ----------
    folder : Path
        For the faces and the ensembles.
    kills : int
        How often to kill; a fit that ends by itself does not count, and is begun anew.
    chance : random.Random
        Source of the moments.

    Returns
    -------
    list of float
        Seconds after which each was killed.
    bool
        Whether the ensemble answers as that of an unbroken fit.
    """
    write_folder(synthetic_dataset(350, random_state=0), folder / "faces")
    members = ("--members", "dense_hog", "--set", "dense_hog.classifier__epochs=20")
    script = "from fer_ensemble.cli import main; main()"
    fit = [sys.executable, "-c", script, "fit", str(folder / "faces"), *members, "--out"]
    whole, broken = folder / "whole", folder / "broken"
    seconds = timed(partial(subprocess.run, [*fit, str(whole)], capture_output=True, check=True))[0]
    resumed = [*fit, str(broken), "--resume"]
    moments: list[float] = []
    turns = cycle(SIGNALS)
    while len(moments) < kills:
        process = _start(resumed)
        moment = chance.uniform(0.3, 1.02) * seconds  # the libraries take a third of it
        try:
            process.communicate(timeout=moment)
            shutil.rmtree(broken)
        except subprocess.TimeoutExpired:
            process.send_signal(next(turns))
            process.communicate()
            moments.append(round(moment, 2))
    subprocess.run(resumed, capture_output=True, check=True)
    faces = make_faces(70, random_state=1).images
    answers = [load_ensemble(model).predict_proba(faces) for model in (whole, broken)]
    return moments, bool(np.array_equal(*answers))


def _wait_for_growth(process: subprocess.Popen[bytes], table: Path, growth: float) -> None:
    before = _size(table)
    started = time.perf_counter()
    while process.poll() is None and _size(table) - before < growth:
        time.sleep(0.002)
    if growth <= 0:
        time.sleep(max(0.0, 1 - (time.perf_counter() - started)))


def _size(table: Path) -> int:
    return table.stat().st_size if table.exists() else 0


if __name__ == "__main__":
    typer.run(main)
