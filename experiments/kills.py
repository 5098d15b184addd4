"""Kill a long prediction and resume it: ``python -m experiments.kills --model DIR``.

That happens again and again. The table at the end must be that of an unbroken run, to the byte.
Faces are synthetic. Kills come at random moments, some of them before the first row; a run that
ends by itself was not killed in time and does not count.
"""

from __future__ import annotations

import random
import signal
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import cv2
import typer

from experiments.console import Model, Out, predict_command
from experiments.runs import RESULTS, write_record
from experiments.timing import timed
from fer_ensemble.datasets import make_faces


def main(
    model: Model,
    files: Annotated[int, typer.Option(help="Pictures to predict.")] = 5000,
    kills: Annotated[int, typer.Option(help="How often to kill.")] = 20,
    batch_size: Annotated[int, typer.Option(help="Faces predicted at once.")] = 64,
    ending: Annotated[str, typer.Option(help="Form of the table.")] = ".csv",
    seed: Annotated[int, typer.Option(help="Seed of the moments.")] = 0,
    out: Out = RESULTS / "kills.json",
) -> None:
    """Compare the table of a run that was killed many times with an unbroken run's."""
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        _draw_photos(photos, files)
        whole, broken = (Path(folder) / f"{name}{ending}" for name in ("whole", "broken"))
        command = partial(predict_command, photos, model, batch_size=batch_size)
        seconds = _run_through(command(whole))
        resumed = command(broken, resume=True)
        sizes = kill_often(resumed, broken, kills, whole.stat().st_size, random.Random(seed))
        _run_through(resumed)
        record = {
            "files": files,
            "kills": len(sizes),
            "batch_size": batch_size,
            "bytes_at_each_kill": sizes,
            "bytes_of_the_unbroken_run": whole.stat().st_size,
            "seconds_of_the_unbroken_run": round(seconds, 1),
            "identical": whole.read_bytes() == broken.read_bytes(),
        }
    write_record(out, record, show=True)
    raise typer.Exit(not record["identical"])


def _draw_photos(folder: Path, n_files: int) -> None:
    folder.mkdir()
    for number, face in enumerate(make_faces(n_files, random_state=0).images):
        cv2.imwrite(str(folder / f"{number:05}.png"), face)
    for number in range(0, n_files, 97):
        (folder / f"{number:05}.png").write_bytes(b"no picture")  # their rows must resume too


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def _run_through(command: list[str]) -> float:
    process = _start(command)
    wall, _, (_, errors) = timed(process.communicate)
    if process.returncode != 3:  # some pictures are broken
        raise typer.BadParameter(f"the run ended with {process.returncode}: {errors.decode()}")
    return wall


def kill_often(
    command: list[str], table: Path, kills: int, full_size: int, chance: random.Random
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

    Returns
    -------
    list of int
        Bytes of the table at each kill.
    """
    sizes: list[int] = []
    while len(sizes) < kills:
        process = _start(command)
        # Loading the libraries may take most of a run: moments drawn from the clock alone could all
        # come before the first row. So it waits for some growth, and one in six for none.
        growth = chance.uniform(-0.2, 1) * full_size / kills
        _wait_for_growth(process, table, growth)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.communicate()
        if process.returncode != -signal.SIGKILL:
            table.unlink()
            continue
        sizes.append(_size(table))
    return sizes


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
