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
from collections.abc import Callable, Mapping, Sequence
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
# Faces to compare runtimes on, and to learn the ranges of layers from.
_FEW = 64
# Rows and columns of the matrices that are multiplied.
_SIDE = 2048
_FAST, _PRODUCT = "fast", "matrix product"


def main(
    cores: Annotated[int, typer.Option(min=1, help="Cores to use.")],
    model: PackedModel = None,
    faces: Annotated[int, typer.Option(min=1, help="Faces of a repetition.")] = 1024,
    repetitions: Annotated[int, typer.Option(min=1, help="Of all sides in turn.")] = 5,
    peer_weights: PeerWeights = None,
) -> None:
    """Time the ensemble and the quick network, what they are made of, and the peer, by runtime.

    Prints JSON: the median of the repetitions, the first of which, in which networks are built,
    is not counted; the ratio of the quick network to the peer in its quickest runtime; and how
    near networks come to the operations a second of a product of matrices.
    """
    cap_cores(cores)
    sides, operations = _sides(model, faces, peer_weights, cores)
    sides[_PRODUCT] = _matrix_product()
    for work in sides.values():
        work()
    # In turn, so that a slow spell of the machine hits all sides alike.
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(repetitions):
        for side, work in sides.items():
            seconds[side].append(timed(work).wall)
    bound = _SIDE**3 / statistics.median(seconds.pop(_PRODUCT))
    speeds = {side: faces / statistics.median(times) for side, times in seconds.items()}
    record = {
        "cores": cores,
        "faces": faces,
        "repetitions": repetitions,
        "faces_per_second": {side: round(speed, 1) for side, speed in speeds.items()},
        **compare_with_peer(seconds),
        "multiply_accumulates": operations,
        "matrix_product_gmacs": round(bound / 1e9, 1),
        "share_of_matrix_product": {
            side: round(speeds[side] * count / bound, 3) for side, count in operations.items()
        },
    }
    sys.stdout.write(json.dumps(record) + "\n")


def compare_with_peer(seconds: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Divide the times of the peer in its quickest runtime by those of the quick network.

    Parameters
    ----------
    seconds : mapping of str to sequence of float
        Of each side, one time for each repetition. Sides "peer in …" are the peer's, "fast" and
        "fast in …" the quick network's.

    Returns
    -------
    dict
        ``quickest_peer``, by the median of its times; and ``fast_to_peer``: how many times as many
        faces a second each of the quick network's sides does, the median over the repetitions of
        the ratio within each, with the lowest and the highest; ready for JSON.
    """
    peers = [side for side in seconds if side.startswith("peer in ")]
    quickest = min(peers, key=lambda side: statistics.median(seconds[side]))
    ratios = {
        side: [peer / own for peer, own in zip(seconds[quickest], times, strict=True)]
        for side, times in seconds.items()
        if side == _FAST or side.startswith(f"{_FAST} in ")
    }
    return {
        "quickest_peer": quickest,
        "fast_to_peer": {
            side: {
                "median": round(statistics.median(found), 3),
                "range": [round(min(found), 3), round(max(found), 3)],
            }
            for side, found in ratios.items()
        },
    }


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
    model: Path | None, n_faces: int, peer_weights: Path | None, cores: int
) -> tuple[dict[str, Callable[[], Any]], dict[str, int]]:
    """Prepare everything that is timed, and count the operations of networks for one face."""
    # Only now: what counts the cores must be loaded after they are capped.
    from experiments.pretrained.peer import LITE, load_peer, peer_faces, peer_runtimes
    from experiments.pretrained.runtimes import (
        in_keras,
        mirrored_members,
        multiply_accumulates,
        parts_of,
    )
    from fer_ensemble import load_pretrained
    from fer_ensemble.datasets import make_faces
    from fer_ensemble.exporting import convert_ensemble
    from fer_ensemble.models import layer_costs

    X = make_faces(n_faces, random_state=0).images
    small = peer_faces(X)
    sides: dict[str, Callable[[], Any]] = {}
    peer_layers = layer_costs(load_peer(peer_weights))
    operations = {LITE: sum(layer.multiply_accumulates for layer in peer_layers)}
    ensembles = {name: load_pretrained(name, folder=model) for name in (_FAST, "ensemble")}
    # What is compared most closely stands side by side, so that it is timed at almost one time.
    for runtime, predict in peer_runtimes(peer_weights, small[:_FEW], cores).items():
        sides[runtime] = partial(predict, small)
    for name, ensemble in ensembles.items():
        # Where the ranges of layers come from does not matter to their speed.
        in_8_bits = convert_ensemble(ensemble, precision="int8", faces=X[:_FEW])
        sides[name] = partial(ensemble.predict_proba, X)
        sides[f"{name} in 8 bits"] = partial(in_8_bits.predict_proba, X)
        sides[f"{name} in Keras"] = partial(in_keras(ensemble).predict_proba, X)
    for name, member in ensembles["ensemble"].members_:
        sides[name] = partial(member.predict_proba, X)
        sides |= {f"{name}, {part} alone": work for part, work in parts_of(member, X).items()}
    for name, member in mirrored_members(ensembles["ensemble"]):
        sides[f"{name}, faces once"] = partial(member.predict_proba, X)
    for name, ensemble in ensembles.items():
        counts = {each: multiply_accumulates(member) for each, member in ensemble.members_}
        # The one network of the quick ensemble goes by the name of the ensemble.
        operations |= {name: counts.popitem()[1]} if name == _FAST else counts
    return sides, {side: count for side, count in operations.items() if count}


def _matrix_product() -> Callable[[], Any]:
    """Multiply two matrices in single precision, which keeps cores as busy as anything does."""
    import numpy as np

    random = np.random.default_rng(0)
    first, second = random.random((2, _SIDE, _SIDE), dtype=np.float32)
    return partial(np.matmul, first, second)


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
