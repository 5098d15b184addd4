"""Send 10,000 hostile requests to a server: ``python -m experiments.hostile_requests``.

Over sockets, as bytes: what is no HTTP, what HTTP forbids, wrong types and parameters, broken
multipart bodies, lengths that lie, floods of headers, slow senders and readers, bodies that are too
long, damaged pictures and bombs. Each must get one of the statuses that are right for it. Meanwhile
another process asks for the same face again and again, and must be answered rightly. The requests
come in rounds; after each, when all connections are closed, the server must hold no more files and
threads than after the first, and in the end no more memory than after half of them. It may write no
file, and say nothing of what it was sent.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import Annotated, Any

import numpy as np
import typer

from experiments.attacks import WRONG, Attack, Outcome, Random, play
from experiments.bombs import small_face
from experiments.console import Out, notes
from experiments.hostile_messages import MESSAGES, PNG
from experiments.hostile_uploads import CANARY, FAST, UPLOADS
from experiments.raw_requests import Connection, request
from experiments.runs import RESULTS, write_record
from experiments.server_process import Server, Taken
from fer_ensemble import load_pretrained, predict_faces

_KINDS = {**MESSAGES, **UPLOADS}
# What no log may hold: it stands in names, contents and addresses that are sent.
_MARK = "canary"
_TOLERANCE = 1e-5  # of probabilities: networks give other last digits in other company
# After a round the server has some seconds to come to rest: it takes less than a share of a
# processor, the other client's requests included, for as long as a look lasts.
_REST, _LOOK, _BUSY = 20.0, 0.4, 0.4
_TOLD = 100  # lines of the server's log that are shown
# By so much memory may have grown in the second half of the rounds: onnxruntime keeps the most that
# any picture took, and the requests that take the most are few and come together by chance.
_MOST_GROWTH = 1.25


def main(
    requests: Annotated[int, typer.Option(min=1, help="Hostile requests.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the requests.")] = 0,
    rounds: Annotated[int, typer.Option(min=2, help="Rounds in which they come.")] = 6,
    at_once: Annotated[int, typer.Option(min=1, help="Quick ones at once.")] = 16,
    slow_at_once: Annotated[int, typer.Option(min=1, help="Slow ones at once.")] = 150,
    kind: Annotated[list[str] | None, typer.Option(help="Only requests of this kind.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="As of 'fer-ensemble serve'.")] = None,
    out: Out = RESULTS / "hostile_requests.json",
) -> None:
    """Send hostile requests, and count the answers, the faults and what the server holds."""
    options = [word for name in model or () for word in ("--model", name)]
    began = time.monotonic()
    with Server(*options, is_traced=True) as server:
        (server.folder / "work" / CANARY).write_bytes(small_face())
        attacks = draw_attacks(requests, np.random.default_rng(seed), server.host, kind or ())
        outcomes: list[Outcome] = []
        with well_behaved(server.port) as answers:
            held = [server.taken()]
            for turn in range(rounds):
                crowd = _crowd(attacks[turn::rounds], server, at_once, slow_at_once)
                outcomes += asyncio.run(crowd)
                held.append(_at_rest(server, held[0]))
        record = {
            "requests": len(attacks),
            "seed": seed,
            "seconds": round(time.monotonic() - began),
            "kinds": _count(outcomes),
            "wrong": _wrong(outcomes),
            "others": answers,
            "held": _describe(held),
            **_look_at(server),
        }
    faults = find_faults(record, held)
    record["faults"] = faults
    write_record(out, record, show=True)
    raise typer.Exit(bool(faults))


def draw_attacks(
    number: int, random: Random, host: str, kinds: Collection[str] = ()
) -> list[Attack]:
    """Draw hostile requests of all kinds, in a random order.

    Parameters
    ----------
    number : int
    random : numpy.random.Generator
    host : str
        Of the server.
    kinds : collection of str, default=()
        Others are left out, and make the number smaller; all are drawn if there are none.

    Returns
    -------
    list of Attack
        As many of each kind as its share of the whole says, at least one.
    """
    shares = np.array([share for share, _ in _KINDS.values()])
    counts = np.maximum(1, np.floor(number * shares / shares.sum())).astype(int)
    counts[int(counts.argmax())] += max(0, number - counts.sum())
    drawn = [kind for kind, count in zip(_KINDS, counts, strict=True) for _ in range(count)]
    drawn = [kind for kind in drawn if not kinds or kind in kinds]
    order = random.permutation(len(drawn))[:number]
    return [_KINDS[drawn[at]][1](random, host)._replace(kind=drawn[at]) for at in order]


def find_faults(record: dict[str, Any], held: Sequence[Taken]) -> list[str]:
    """List what must not be in the record of a run.

    Parameters
    ----------
    record : dict
    held : sequence of Taken
        What the server held before the first round, and after each.

    Returns
    -------
    list of str
    """
    first, half, last = held[1], held[len(held) // 2], held[-1]
    files = max(held[0].files, first.files)  # one more while the other client is answered
    others = record["others"]
    found = {
        f"wrong answers: {', '.join(record['wrong'])}": record["wrong"],
        f"others were not served: {others['failed']}": others["failed"],
        "the server has ended": not record["alive"],
        f"it stopped with {record['exit_code']}": record["exit_code"] not in (0, 143),
        f"memory grew from {half.memory_mb} to {last.memory_mb} MB": (
            last.memory_mb > half.memory_mb * _MOST_GROWTH
        ),
        f"open files grew from {files} to {last.files}": last.files > files,
        f"threads grew from {first.threads} to {last.threads}": last.threads > first.threads,
        f"written: {record['written']}": record["written"],
        f"said of requests: {record['said']}": record["said"],
    }
    return [fault for fault, is_one in found.items() if is_one]


async def _crowd(
    attacks: Sequence[Attack], server: Server, at_once: int, slow_at_once: int
) -> list[Outcome]:
    """Send attacks, so many quick ones and so many slow ones at once."""
    places = {False: asyncio.Semaphore(at_once), True: asyncio.Semaphore(slow_at_once)}

    async def send(attack: Attack) -> Outcome:
        async with places[attack.is_slow]:
            return await play(attack, server.port)

    return await asyncio.gather(*map(send, attacks))


def _at_rest(server: Server, before: Taken) -> Taken:
    """Say what the server holds once connections are closed and work that was given up is over."""
    until = time.monotonic() + _REST
    while time.monotonic() < until:
        busy = server.cpu_seconds()
        time.sleep(_LOOK)
        busy = (server.cpu_seconds() - busy) / _LOOK
        if busy < _BUSY and server.taken().files <= before.files:
            break
    return server.taken()


@contextmanager
def well_behaved(port: int) -> Iterator[dict[str, Any]]:
    """Ask for one face again and again, in another process, while the context lasts.

    Parameters
    ----------
    port : int
        Of the server.

    Yields
    ------
    dict
        Is filled at the end: how many requests there were, ``failed`` with a reason each,
        ``seconds`` of an answer.
    """
    expected = predict_faces(small_face(), load_pretrained("fast"))[0].probabilities
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_ask, args=(port, expected, theirs), daemon=True)
    process.start()
    ours.recv()  # it has its first answer
    answers: dict[str, Any] = {}
    try:
        yield answers
    finally:
        ours.send(None)
        answers.update(ours.recv() if ours.poll(120) else {"failed": {"no end": 1}})
        process.join()


def _ask(port: int, expected: dict[str, float], pipe: Pipe) -> None:
    seconds: list[float] = []
    failed = Counter[str]()

    async def ask() -> None:
        content = request(FAST, f"127.0.0.1:{port}", PNG, body=small_face())
        for number in itertools.count():
            if number == 1:  # whatever the server starts for a first face is started
                pipe.send(None)
            if number and pipe.poll():
                break
            began = time.monotonic()
            try:
                async with asyncio.timeout(100), Connection(port) as connection:
                    await connection.send(content)
                    answer = await connection.answer()
            except Exception as error:
                failed[repr(error)] += 1
                continue
            seconds.append(time.monotonic() - began)
            if answer is None or answer.status != 200:
                failed["closed" if answer is None else str(answer.status)] += 1
            elif not _is_right(answer.body, expected):
                failed["another answer"] += 1
            await asyncio.sleep(0.1)

    asyncio.run(ask())
    pipe.send({"asked": len(seconds), "failed": dict(failed), "seconds": spread(seconds)})


def _is_right(body: bytes, expected: dict[str, float]) -> bool:
    (row,) = json.loads(body)["rows"]
    return all(abs(row[f"p_{name}"] - value) < _TOLERANCE for name, value in expected.items())


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Say how long answers took.

    Parameters
    ----------
    seconds : sequence of float

    Returns
    -------
    dict
        ``median``, ``p99`` and ``max``.
    """
    if not seconds:
        return {}
    median, p99 = np.percentile(seconds, [50, 99])
    figures = {"median": median, "p99": p99, "max": max(seconds)}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _look_at(server: Server) -> dict[str, Any]:
    """See whether the server still runs, what it has opened, written and said; and end it."""
    alive = server.is_alive
    written = [path for path in server.written() if path != f"work/{CANARY}"] if alive else []
    peak = server.peak_mb() if alive else None
    metrics = asyncio.run(_metrics(server.port)) if alive else ""
    opened = server.opened()
    code = server.stop()
    lines = server.log().splitlines()
    notes.print(*lines[:_TOLD], sep="\n", markup=False)
    telling = [line[:200] for line in [*lines, *metrics.splitlines()] if _MARK in line]
    telling += [line for line in lines if "Traceback" in line]
    return {
        "alive": alive,
        "peak_mb": peak,
        "exit_code": code,
        "traced": server.is_traced,
        "opened": sorted(path for path, how in opened.items() if how == "read"),
        "written": written + [path for path, how in opened.items() if how != "read"],
        "lines_of_log": len(lines),
        "said": telling[:20],
        "lines_of_metrics": len(metrics.splitlines()),
        "cores": len(os.sched_getaffinity(0)),
    }


async def _metrics(port: int) -> str:
    async with Connection(port) as connection:
        await connection.send(request("GET /metrics", f"127.0.0.1:{port}"))
        answer = await connection.answer()
        return "" if answer is None else answer.body.decode()


def _count(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for kind in sorted({outcome.kind for outcome in outcomes}):
        these = [outcome for outcome in outcomes if outcome.kind == kind]
        whats = Counter(outcome.what for outcome in these if not outcome.what.startswith(WRONG))
        kinds[kind] = {
            "sent": len(these),
            "answers": dict(_shorten(whats).most_common()),
            "seconds": spread([outcome.seconds for outcome in these]),
        }
    return kinds


def _shorten(whats: Counter[str]) -> Counter[str]:
    """Write 200 once where it came many times in a row."""
    short = Counter[str]()
    for what, count in whats.items():
        statuses = what.split(" ")
        repeated = len(statuses) > 3 and len(set(statuses)) == 1
        short[f"{statuses[0]} each" if repeated else what] += count
    return short


def _wrong(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Count the requests that were answered wrongly: by the answer, and by how they begin."""
    wrong: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        if outcome.what.startswith(WRONG):
            what = f"{outcome.kind}: {outcome.what.removeprefix(WRONG)[:200]}"
            wrong.setdefault(what, Counter())[outcome.sent] += 1
    return {what: dict(counts.most_common(20)) for what, counts in wrong.items()}


def _describe(held: Sequence[Taken]) -> dict[str, list[float]]:
    return {name: [getattr(taken, name) for taken in held] for name in Taken._fields}


if __name__ == "__main__":
    typer.run(main)
