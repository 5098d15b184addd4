"""Kill a long prediction again and again and go on: ``python -m experiments.kills --model DIR``.

The table at the end must be that of an unbroken run, to the byte. Faces are synthetic. Kills come
at random moments, some of them before the first row; a run that ends by itself was not killed in
time and does not count.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import cv2
import typer

from fer_ensemble.datasets import make_faces

HERE = Path(__file__).parent


def main(
    model: Annotated[Path, typer.Option(help="Folder of a saved ensemble.")],
    files: Annotated[int, typer.Option(help="Pictures to predict.")] = 5000,
    kills: Annotated[int, typer.Option(help="How often to kill.")] = 20,
    batch_size: Annotated[int, typer.Option(help="Faces predicted at once.")] = 64,
    ending: Annotated[str, typer.Option(help="Form of the table.")] = ".csv",
    seed: Annotated[int, typer.Option(help="Seed of the moments.")] = 0,
    out: Annotated[Path, typer.Option(help="File for the figures.")] = HERE
    / "results"
    / "kills.json",
) -> None:
    """Compare the table of a run that was killed many times with an unbroken run's."""
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        _draw_photos(photos, files)
        whole, broken = (Path(folder) / f"{name}{ending}" for name in ("whole", "broken"))
        command = [str(photos), "--model", str(model), "--batch-size", str(batch_size)]
        seconds = _run_through(command, whole)
        sizes = _kill_often(command, broken, kills, whole.stat().st_size, random.Random(seed))
        _run_through([*command, "--resume"], broken)
        record = {
            "files": files,
            "kills": len(sizes),
            "batch_size": batch_size,
            "bytes_at_each_kill": sizes,
            "bytes_of_the_unbroken_run": whole.stat().st_size,
            "seconds_of_the_unbroken_run": round(seconds, 1),
            "identical": whole.read_bytes() == broken.read_bytes(),
        }
    typer.echo(json.dumps(record, indent=1))
    out.write_text(json.dumps(record, indent=1) + "\n")
    raise typer.Exit(not record["identical"])


def _draw_photos(folder: Path, n_files: int) -> None:
    folder.mkdir()
    for number, face in enumerate(make_faces(n_files, random_state=0).images):
        cv2.imwrite(str(folder / f"{number:05}.png"), face)
    for number in range(0, n_files, 97):
        (folder / f"{number:05}.png").write_bytes(b"no picture")


def _start(command: list[str], table: Path) -> subprocess.Popen[bytes]:
    script = "from fer_ensemble.cli import main; main()"
    arguments = [sys.executable, "-c", script, "predict", *command, "--out", str(table)]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE)


def _run_through(command: list[str], table: Path) -> float:
    started = time.perf_counter()
    process = _start(command, table)
    _, told = process.communicate()
    if process.returncode != 3:  # some pictures are broken
        raise typer.BadParameter(f"the run ended with {process.returncode}: {told.decode()}")
    return time.perf_counter() - started


def _kill_often(
    command: list[str], table: Path, kills: int, full_size: int, chance: random.Random
) -> list[int]:
    """Start and kill; how large the table was at each kill."""
    sizes: list[int] = []
    while len(sizes) < kills:
        process = _start([*command, "--resume"], table)
        # A kill right after some growth comes amid the work, wherever the time goes.
        growth = chance.uniform(-0.2, 1) * full_size / kills
        _wait_for_growth(process, table, growth)
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.communicate()
        if process.returncode != -9:
            table.unlink()  # all was done: begin anew
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
