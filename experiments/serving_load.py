"""Put load on ``fer-ensemble serve``: ``python -m experiments.serving_load``.

Faces a second through the API in batches beside `predict_faces` of the same files, in turn; many
clients at once for a minute; and one small face alone. Server and clients are two processes that
share the cores of this machine, so that the clients' work lowers the server's figures.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from PIL import Image

from experiments.console import Out
from experiments.hostile_requests import spread
from experiments.raw_requests import Connection, form, multipart, part, request
from experiments.runs import RESULTS, write_record
from experiments.server_process import Server
from experiments.timing import timed
from fer_ensemble import load_pretrained, predict_faces
from fer_ensemble.datasets import make_faces

_BATCH = 64  # faces of a request
_CONNECTIONS = 4
_FEW = 8  # faces of a small batch
_SAMPLES = 6  # looks at the memory
_SCENE = (480, 640)


class Ask(NamedTuple):
    """A request, and how many rows its answer has at least.

    Attributes
    ----------
    content : bytes
    rows : int
    """

    content: bytes
    rows: int


def main(
    photographs: Annotated[
        Path | None, typer.Option(help="Folder of photographs; drawn ones by default.")
    ] = None,
    faces: Annotated[int, typer.Option(min=1, help="Faces of a round.")] = 2048,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of the comparison.")] = 7,
    clients: Annotated[int, typer.Option(min=1, help="Clients at once.")] = 64,
    seconds: Annotated[float, typer.Option(help="How long they ask.")] = 60.0,
    alone: Annotated[int, typer.Option(min=1, help="Requests of one small face.")] = 500,
    model: Annotated[list[str] | None, typer.Option(help="Ensemble and fast by default.")] = None,
    out: Out = RESULTS / "serving_load.json",
) -> None:
    """Measure the server's speed, waiting times and memory."""
    files = [_save(Image.fromarray(face)) for face in make_faces(faces, random_state=0).images]
    photos = _draw_photographs() if photographs is None else _read_photographs(photographs)
    models = model or ["ensemble", "fast"]
    with Server(*(word for name in models for word in ("--model", name))) as server:
        record: dict[str, Any] = {
            "cores": len(os.sched_getaffinity(0)),
            "load_before": round(os.getloadavg()[0], 2),
            "batches": {name: compare(server, name, files, rounds) for name in models},
            "alone": {
                name: asyncio.run(ask_alone(server, name, files[0], alone)) for name in models
            },
            "crowd": asyncio.run(ask_at_once(server, models, files, photos, clients, seconds)),
        }
    write_record(out, record, show=True)
    wrong = any(figures["largest_difference"] > 1e-5 for figures in record["batches"].values())
    raise typer.Exit(wrong or bool(record["crowd"]["failed"]))


def compare(server: Server, model: str, files: Sequence[bytes], rounds: int) -> dict[str, Any]:
    """Compare the speed through the API with the library's own.

    Parameters
    ----------
    server : Server
    model : str
    files : sequence of bytes
        Pictures of a face each.
    rounds : int
        In each, both sides predict all of them; one more round before is not counted.

    Returns
    -------
    dict
        Faces a second of each side, their ratio with its median, lowest and highest, and the
        ``largest_difference`` of a probability; ready for JSON.
    """
    classifier = load_pretrained(model)
    asks = [
        _ask(server, model, files[start : start + _BATCH]) for start in range(0, len(files), _BATCH)
    ]
    seconds: dict[str, list[float]] = {"api": [], "library": []}
    answers: list[list[dict[str, Any]]] = []
    for turn in range(rounds + 1):
        # Each goes first in every second round.
        for side in sorted(seconds, reverse=bool(turn % 2)):
            if side == "api":
                wall, _, answers = timed(lambda: asyncio.run(_ask_in_batches(server, asks)))
            else:
                wall, _, own = timed(lambda: predict_faces(list(files), classifier))
            if turn:
                seconds[side].append(wall)
    rows = [row for answer in answers for row in answer]
    ratios = [own / api for api, own in zip(seconds["api"], seconds["library"], strict=True)]
    return {
        "faces": len(files),
        "faces_a_request": _BATCH,
        "connections": _CONNECTIONS,
        "rounds": rounds,
        "faces_per_second": {
            side: round(len(files) / statistics.median(times), 1) for side, times in seconds.items()
        },
        "api_to_library": {
            "median": round(statistics.median(ratios), 3),
            "range": [round(min(ratios), 3), round(max(ratios), 3)],
        },
        "largest_difference": max(
            abs(row[f"p_{name}"] - value)
            for row, prediction in zip(rows, own, strict=True)
            for name, value in prediction.probabilities.items()
        ),
    }


async def ask_alone(server: Server, model: str, file: bytes, number: int) -> dict[str, float]:
    """Ask for one small face on one connection, and again when it was answered.

    Parameters
    ----------
    server : Server
    model : str
    file : bytes
    number : int
        Of requests.

    Returns
    -------
    dict of str to float
        ``median``, ``p99`` and ``max``, in seconds.
    """
    ask = _ask_raw(server, model, file, "image/png")
    seconds = []
    async with Connection(server.port) as connection:
        for _ in range(number + 1):
            began = time.perf_counter()
            await _rows(connection, ask)
            seconds.append(time.perf_counter() - began)
    return spread(seconds[1:])


async def ask_at_once(
    server: Server,
    models: Sequence[str],
    files: Sequence[bytes],
    photographs: Sequence[bytes],
    clients: int,
    seconds: float,
) -> dict[str, Any]:
    """Let many clients ask at once: single faces, small batches, and photographs.

    Parameters
    ----------
    server : Server
    models : sequence of str
    files : sequence of bytes
        Pictures of a face each.
    photographs : sequence of bytes
    clients : int
        Each asks, on a connection of its own, as soon as it was answered.
    seconds : float
        After so many, none asks any more.

    Returns
    -------
    dict
        Ready for JSON.
    """
    random = np.random.default_rng(0)
    small = [_ask(server, model, files[at : at + _FEW]) for at in (0, _FEW) for model in models]
    single = [_ask_raw(server, model, file, "image/png") for file in files[:4] for model in models]
    whole = [
        _ask_raw(server, model, file, "application/octet-stream")
        for file in photographs
        for model in models
    ]
    kinds = {"face": single, "batch": small, "photograph": whole}
    waited: dict[str, list[float]] = {kind: [] for kind in kinds}
    failed = Counter[str]()
    began = time.monotonic()

    async def client(order: np.random.Generator) -> None:
        async with Connection(server.port) as connection:
            while time.monotonic() < began + seconds:
                kind = list(kinds)[order.integers(len(kinds))]
                ask = kinds[kind][order.integers(len(kinds[kind]))]
                asked = time.monotonic()
                try:
                    await _rows(connection, ask)
                except Exception as error:
                    failed[f"{kind}: {error!r:.200}"] += 1
                    return
                waited[kind].append(time.monotonic() - asked)

    async def watch() -> list[float]:
        memory = []
        for turn in range(1, _SAMPLES + 1):
            await asyncio.sleep(max(0, began + turn * seconds / _SAMPLES - time.monotonic()))
            memory.append(server.taken().memory_mb)
        return memory

    before = server.taken().memory_mb
    memory, *_ = await asyncio.gather(watch(), *map(client, random.spawn(clients)))
    taken = time.monotonic() - began
    answered = [wait for waits in waited.values() for wait in waits]
    return {
        "clients": clients,
        "seconds": round(taken, 1),
        "answered": len(answered),
        "failed": dict(failed),
        "requests_per_second": round(len(answered) / taken, 1),
        "waited": spread(answered),
        "waited_by_kind": {kind: spread(waits) for kind, waits in waited.items()},
        "photographs": len(photographs),
        "memory_mb_before": before,
        "memory_mb": memory,
        "peak_mb": server.peak_mb(),
    }


async def _ask_in_batches(server: Server, asks: Sequence[Ask]) -> list[list[dict[str, Any]]]:
    """Send requests over a few connections; return the rows of each, in the order of requests."""
    answers: list[list[dict[str, Any]]] = [[] for _ in asks]
    waiting = iter(range(len(asks)))

    async def work() -> None:
        async with Connection(server.port) as connection:
            for place in waiting:
                answers[place] = await _rows(connection, asks[place])

    await asyncio.gather(*(work() for _ in range(_CONNECTIONS)))
    return answers


async def _rows(connection: Connection, ask: Ask) -> list[dict[str, Any]]:
    await connection.send(ask.content)
    answer = await connection.answer()
    if answer is None or answer.status != 200:
        raise RuntimeError("closed" if answer is None else f"{answer.status}: {answer.body!r:.200}")
    rows: list[dict[str, Any]] = json.loads(answer.body)["rows"]
    if len(rows) < ask.rows:
        raise RuntimeError(f"{len(rows)} rows of {ask.rows}")
    return rows


def _ask(server: Server, model: str, files: Sequence[bytes]) -> Ask:
    body = multipart(part(f"{place}.png".encode(), file) for place, file in enumerate(files))
    start = f"POST /v1/predict?model={model}"
    return Ask(request(start, server.host, form(), body=body), len(files))


def _ask_raw(server: Server, model: str, file: bytes, kind: str) -> Ask:
    start = f"POST /v1/predict?model={model}"
    return Ask(request(start, server.host, f"Content-Type: {kind}", body=file), 1)


def _read_photographs(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]


def _draw_photographs(number: int = 8) -> list[bytes]:
    """Draw faces into scenes of light and noise, as JPEG."""
    random = np.random.default_rng(0)
    photographs = []
    for face in make_faces(number, random_state=1).images:
        scene = np.linspace(60, 180, _SCENE[1]) + random.normal(0, 8, _SCENE)
        side = int(random.integers(120, 300))
        x, y = (int(random.integers(0, length - side)) for length in _SCENE[::-1])
        scene[y : y + side, x : x + side] = Image.fromarray(face).resize((side, side))
        photographs.append(_save(Image.fromarray(scene.clip(0, 255).astype(np.uint8)), "JPEG"))
    return photographs


def _save(picture: Image.Image, form: str = "PNG") -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form)
    return stream.getvalue()


if __name__ == "__main__":
    typer.run(main)
