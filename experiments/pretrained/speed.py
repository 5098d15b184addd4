"""Faces per second on some cores: ``python -m experiments.pretrained.speed --cores 2``.

A process of its own: libraries count the cores once, when they are loaded. So nothing at the top
of this file may load NumPy, Keras or XGBoost.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.console import PackedModel, PeerWeights, predict_command
from experiments.timing import timed

if TYPE_CHECKING:
    from fer_ensemble.datasets import FaceDataset

# Starts of the command on one photograph, of which the median counts.
_REPETITIONS = 3


def main(
    cores: Annotated[int, typer.Option(min=1, help="Cores to use.")],
    model: PackedModel = None,
    faces: Annotated[int, typer.Option(min=1, help="Faces of a repetition.")] = 1024,
    repetitions: Annotated[int, typer.Option(min=1, help="Of all sides in turn.")] = 5,
    peer_weights: PeerWeights = None,
) -> None:
    """Time the ensemble, its members with and without mirror images, and the peer, in turn.

    Prints JSON: the median of the repetitions, the first of which, in which networks are built,
    is not counted, and the median ratio of the fast member to the peer in the same repetition.
    """
    cap_cores(cores)
    sides = _sides(model, faces, peer_weights)
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for predict in sides.values():
        predict()
    # In turn, so that a slow spell of the machine hits all sides alike; the ratio is of times that
    # were measured one right after the other.
    for _ in range(repetitions):
        for side, predict in sides.items():
            seconds[side].append(timed(predict).wall)
    ratios = [peer / fast for peer, fast in zip(seconds["peer"], seconds["fast"], strict=True)]
    record = {
        "cores": cores,
        "faces": faces,
        "repetitions": repetitions,
        "faces_per_second": {
            side: round(faces / statistics.median(times), 1) for side, times in seconds.items()
        },
        "fast_to_peer": round(statistics.median(ratios), 3),
    }
    sys.stdout.write(json.dumps(record) + "\n")


def cap_cores(cores: int) -> None:
    """Keep this process, and what it starts, to some of the cores.

    Parameters
    ----------
    cores : int

    Raises
    ------
    OSError
        If the system cannot do that, or has fewer cores.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise OSError("This system cannot keep a process to some cores: measure on Linux.")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < cores:
        raise OSError(f"{cores} cores are asked for, and there are {len(allowed)}.")
    os.sched_setaffinity(0, allowed[:cores])


def time_command(model: Path | None, faces: FaceDataset, work: Path, cores: int) -> dict[str, Any]:
    """Time ``fer-ensemble predict`` from its start to its end, on a photograph and on a folder.

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
        Seconds of the photograph, the median of three runs, and of the folder of faces, ready for
        JSON.

    Raises
    ------
    RuntimeError
        If a run fails; with what it said.
    """
    from skimage.data import astronaut
    from skimage.io import imsave

    from fer_ensemble.datasets import write_folder

    photograph, folder = work / "photograph.jpg", work / "faces"
    imsave(photograph, astronaut())
    write_folder(faces, folder)
    starts = [_predict(photograph, model, work, cores) for _ in range(_REPETITIONS)]
    seconds = _predict(folder, model, work, cores)
    return {
        "cores": cores,
        "photograph_seconds": round(statistics.median(starts), 2),
        "files": len(faces),
        "files_seconds": round(seconds, 2),
        "files_per_second": round(len(faces) / seconds, 1),
    }


def _sides(
    model: Path | None, n_faces: int, peer_weights: Path | None
) -> dict[str, Callable[[], Any]]:
    # Only now: what counts the cores must be loaded after they are capped.
    from experiments.pretrained.candidates import mirrored_members
    from experiments.pretrained.peer import load_peer, peer_faces, predict_peer
    from fer_ensemble import load_pretrained
    from fer_ensemble.datasets import make_faces

    X = make_faces(n_faces, random_state=0).images
    ensemble, fast = load_pretrained(folder=model), load_pretrained("fast", folder=model)
    sides = {
        "fast": partial(fast.predict_proba, X),
        "peer": partial(predict_peer, load_peer(peer_weights), peer_faces(X)),
        "ensemble": partial(ensemble.predict_proba, X),
    }
    sides |= {name: partial(member.predict_proba, X) for name, member in ensemble.members_}
    return sides | {
        f"{name}, faces once": partial(member.predict_proba, X)
        for name, member in mirrored_members(ensemble)
    }


def _predict(inputs: Path, model: Path | None, work: Path, cores: int) -> float:
    wall, _, done = timed(
        partial(
            subprocess.run,
            predict_command(inputs, model, work / "rows.csv"),
            capture_output=True,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            preexec_fn=partial(cap_cores, cores),
        )
    )
    if done.returncode:
        raise RuntimeError(f"predict ended with {done.returncode}: {done.stderr}")
    return wall


if __name__ == "__main__":
    sys.exit(typer.run(main))
