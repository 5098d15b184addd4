"""Faces per second on some cores: ``python -m experiments.pretrained.speed --cores 2``.

A process of its own: libraries count the cores once, when they are loaded.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def main(
    cores: Annotated[int, typer.Option(min=1, help="Cores to use.")],
    model: Annotated[
        Path | None,
        typer.Option(help="Packed ensemble; by default, the package's.", show_default=False),
    ] = None,
    faces: Annotated[int, typer.Option(min=1, help="Faces of a repetition.")] = 1024,
    repetitions: Annotated[int, typer.Option(min=1, help="Of all sides in turn.")] = 5,
    peer_weights: Annotated[
        Path | None, typer.Option(help="The peer's emotion_model.hdf5.", show_default=False)
    ] = None,
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
    for _ in range(repetitions):
        for side, predict in sides.items():
            started = time.perf_counter()
            predict()
            seconds[side].append(time.perf_counter() - started)
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


def _sides(
    model: Path | None, n_faces: int, peer_weights: Path | None
) -> dict[str, Callable[[], Any]]:
    # Only now: what counts the cores must be loaded after they are capped.
    from functools import partial

    from experiments.pretrained.figures import mirrored_members
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


if __name__ == "__main__":
    sys.exit(typer.run(main))
