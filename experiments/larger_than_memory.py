"""Train on more faces than fit in memory: ``python -m experiments.larger_than_memory run``.

Training faces of FER2013, and many times as many made of them, are written to disk. Members are
fitted on them, each in a process of its own whose highest memory counts: on the faces in memory, on
the same faces on disk, and on the many on disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, Out
from experiments.runs import RESULTS, write_record
from experiments.timing import peak_gb, timed
from fer_ensemble.datasets import FaceDataset, load_faces
from fer_ensemble.stored_arrays import StoredArray, write_array

#: What each member is fitted with: enough to go through all that a full fit does.
MEMBERS: dict[str, dict[str, Any]] = {
    "cnn_1": {
        "epochs": 1,
        "network_params": {"filters": (8, 16), "units": 32},
        "augmentation": {"flip": True, "translation": 0.1},
    },
    "dense_hog": {"classifier__epochs": 1},
    "boosted_hog": {"classifier__n_estimators": 5, "classifier__external_memory": True},
}

app = typer.Typer(add_completion=False)

Folder = Annotated[Path, typer.Argument(help="Folder with images.npy and labels.npy.")]


@app.command()
def run(
    data: Data,
    copies: Annotated[int, typer.Option(min=2, help="How many times as many faces.")] = 20,
    members: Annotated[str, typer.Option(help="Separated by commas.")] = ",".join(MEMBERS),
    work: Annotated[
        Path | None, typer.Option(help="Folder for faces and features; a temporary one by default.")
    ] = None,
    out: Out = RESULTS / "larger_than_memory.json",
) -> None:
    """Write the faces, fit each member three times and print memory and seconds."""
    with TemporaryDirectory(dir=work) as place:
        faces = load_faces(data).select("train")
        folders = {1: Path(place) / "once", copies: Path(place) / "many"}
        for times, folder in folders.items():
            write_copies(faces, folder, times)
        record: dict[str, Any] = {"faces": len(faces), "copies": copies, "members": {}}
        for name in members.split(","):
            found = {
                "in memory": _fit_apart(name, folders[1], "--in-memory"),
                "on disk": _fit_apart(name, folders[1]),
                "many on disk": _fit_apart(name, folders[copies]),
            }
            found["memory_many_to_once"] = round(
                found["many on disk"]["peak_gb"] / found["on disk"]["peak_gb"], 3
            )
            record["members"][name] = found
            typer.echo(f"{name}: {json.dumps(found)}")
    write_record(out, record)


@app.command()
def fit(
    folder: Folder,
    member: Annotated[str, typer.Option(help="A key of MEMBERS.")],
    in_memory: Annotated[bool, typer.Option(help="Read all faces first.")] = False,
) -> None:
    """Fit an ensemble of one member and print the peak of the memory and the seconds."""
    from fer_ensemble import fit_ensemble
    from fer_ensemble.models import create_member

    images = StoredArray(folder / "images.npy")
    labels = np.load(folder / "labels.npy")
    faces = FaceDataset(
        images=np.asarray(images) if in_memory else images,
        labels=labels,
        split=np.full(len(labels), "train"),
        names=np.full(len(labels), "", object),
    )
    unfitted = create_member(member, random_state=0, **MEMBERS[member])
    out = folder.with_name("model")
    seconds, cpu, _ = timed(
        lambda: fit_ensemble(faces, out, members=[(member, unfitted)], overwrite=True)
    )
    figures = {
        "faces": len(labels),
        "peak_gb": round(peak_gb(), 3),
        "seconds": round(seconds, 1),
        "processor_seconds": round(cpu, 1),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def write_copies(faces: FaceDataset, folder: Path, times: int) -> None:
    """Write faces and changed copies of them, some thousand at a time.

    Parameters
    ----------
    faces : FaceDataset
    folder : Path
        Is made.
    times : int
        How often each face is written; changed but for the first time.
    """
    folder.mkdir()
    write_array(folder / "images.npy", _copies(faces.images, times))
    np.save(folder / "labels.npy", np.tile(faces.labels, times))


def _copies(images: NDArray[np.uint8], times: int) -> Iterator[NDArray[np.uint8]]:
    yield images
    for number in range(1, times):
        random = np.random.default_rng(number)
        moved = np.roll(images, tuple(random.integers(-3, 4, 2)), axis=(1, 2))
        noise = random.integers(-9, 10, images.shape, dtype=np.int8)
        yield np.clip(moved.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def _fit_apart(member: str, folder: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "experiments.larger_than_memory", "fit", str(folder)]
    command += ["--member", member, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{member} ended with {done.returncode}: {done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    sys.exit(app())
