"""Load and hostile requests: how answers are judged, and both experiments on a server that runs."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from experiments import attacks, hostile_requests, serving_load
from experiments.attacks import CLOSED, WRONG, Attack, play
from experiments.hostile_messages import MESSAGES
from experiments.hostile_requests import draw_attacks, find_faults
from experiments.hostile_uploads import UPLOADS
from experiments.raw_requests import form, multipart, part, request
from experiments.server_process import Taken
from experiments.tables.serving import hostile_summary, serving_rows, serving_summary
from tests.experiments.stand_ins import invoke


def _answer(status, body=b'{"error": {"code": "a", "message": "b"}}', kind=b"application/json"):
    head = b"HTTP/1.1 %d A\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (status, kind, len(body)) + body


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
GOOD, BAD = _answer(200), _answer(400)


@pytest.mark.parametrize(
    ("answer", "attack", "what"),
    [
        (GOOD, Attack([b"x"], [{200}]), "200"),
        (BAD, Attack([b"x"], [{400, 415}]), "400"),
        (BAD, Attack([b"x"], [{415}]), f"{WRONG}400, not 415"),
        (GOOD + BAD, Attack([b"x"], [{200}, {400}]), "200 400"),
        (GOOD, Attack([b"x"], [{200}, {400}]), f"{WRONG}200 closed, not 400"),
        (b"", Attack([b"x"], [{408, CLOSED}]), "closed"),
        (b"", Attack([b"x"], [{408}]), f"{WRONG}closed, not 408"),
        (b"hello\r\n\r\n", Attack([b"x"], [{400}]), f"{WRONG}no HTTP: "),
        (GOOD[:-1], Attack([b"x"], [{200}]), f"{WRONG}no HTTP: "),
        (_answer(400, b"no"), Attack([b"x"], [{400}]), f"{WRONG}400, no JSON error"),
        (_answer(400, kind=b"text/a"), Attack([b"x"], [{400}]), f"{WRONG}400, no JSON error"),
        (_answer(200, b"root:x:0"), Attack([b"x"], [{200}]), f"{WRONG}200, a look inside"),
        (GOOD, Attack([b"x"], [{200}], check=lambda _: "odd"), f"{WRONG}200, odd"),
        (GOOD, Attack([b"x"], [], "reset"), "broken off by the client"),
        (GOOD, Attack([b"x"], [], "crawl"), "closed on a slow reader"),
        (None, Attack([b"x"], [{200}]), f"{WRONG}silent"),
        (GOOD, Attack([b"", 0.01, b"x"], [{200}], "half"), "200"),
    ],
)
def test_answers_are_right_or_wrong(answer, attack, what, monkeypatch):
    monkeypatch.setattr(attacks, "_CRAWL", (1000, 0.0))

    async def serve(reader, writer):
        await reader.read(1)
        if answer is None:
            await asyncio.sleep(1)
        else:
            writer.write(answer)
        writer.close()

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1") as server:
            return await play(attack, server.sockets[0].getsockname()[1], patience=0.3)

    outcome = asyncio.run(run())
    assert outcome.what.startswith(what)
    assert outcome.what.startswith(WRONG) == what.startswith(WRONG)
    assert outcome.sent == repr(next(step for step in attack.script if step != 0.01))


def test_requests_are_of_all_kinds_and_go_by_the_seed():
    def draw(seed, *kinds):
        return draw_attacks(300, np.random.default_rng(seed), "127.0.0.1:1", kinds)

    drawn = draw(0, *MESSAGES)
    assert {attack.kind for attack in drawn} == set(MESSAGES)
    assert drawn == draw(0, *MESSAGES)
    assert [attack.kind for attack in drawn] != [attack.kind for attack in draw(1, *MESSAGES)]
    assert {attack.kind for attack in draw(0, "name", "query")} == {"name", "query"}


def test_all_kinds_of_requests_are_drawn(monkeypatch):
    def stand_in(random, host):
        return Attack([b"x"], [])

    kinds = {**MESSAGES, **UPLOADS}
    all_kinds = {kind: (share, stand_in) for kind, (share, _) in kinds.items()}
    monkeypatch.setattr(hostile_requests, "_KINDS", all_kinds)
    drawn = draw_attacks(1000, np.random.default_rng(0), "127.0.0.1:1")
    counts = Counter(attack.kind for attack in drawn)
    assert len(drawn) == 1000
    assert counts.keys() == kinds.keys()
    assert counts["path"] > 5 * counts["heavy"] > 0


def test_bodies_of_several_files_are_as_libraries_write_them():
    body = multipart([part(b"a.png", b"1"), part(b"b", b"2", b"X: y")], "edge")
    head = b'--edge\r\nContent-Disposition: form-data; name="files"; filename='
    assert body == (
        head + b'"a.png"\r\n\r\n1\r\n' + head + b'"b"\r\nX: y\r\n\r\n2\r\n' + b"--edge--\r\n"
    )
    assert form("edge") == "Content-Type: multipart/form-data; boundary=edge"
    assert request("GET / HTTP/1.0", "") == b"GET / HTTP/1.0\r\n\r\n"


CALM = {
    "wrong": {},
    "others": {"asked": 9, "failed": {}},
    "alive": True,
    "exit_code": 0,
    "written": [],
    "said": [],
}
HELD = [Taken(200, 9, 9), Taken(300, 10, 10), Taken(310, 10, 10)]


@pytest.mark.parametrize(
    ("change", "last", "fault"),
    [
        ({}, HELD[-1], None),
        ({"wrong": {"path: 200": {"GET": 1}}}, HELD[-1], "wrong answers"),
        ({"others": {"failed": {"503": 1}}}, HELD[-1], "others"),
        ({"alive": False}, HELD[-1], "ended"),
        ({"exit_code": -9}, HELD[-1], "stopped with -9"),
        ({"written": ["tmp/a"]}, HELD[-1], "written"),
        ({"said": ["canary"]}, HELD[-1], "said"),
        ({}, Taken(400, 10, 10), "memory grew from 300 to 400"),
        ({}, Taken(300, 11, 10), "open files"),
        ({}, Taken(300, 10, 11), "threads"),
    ],
)
def test_what_must_not_be_is_a_fault(change, last, fault):
    faults = find_faults({**CALM, **change}, [*HELD[:-1], last])
    assert len(faults) == (fault is not None)
    assert all(fault in found for found in faults)


@needs_proc
def test_a_server_outlives_hostile_requests(tmp_path):
    out = tmp_path / "record.json"
    kinds = ("path", "foreign host", "name", "length", "headers", "broken off", "query", "parts")
    options = [word for kind in kinds for word in ("--kind", kind)]
    options += ["--requests", 150, "--rounds", 2, "--model", "fast", "--out", out]
    outcome = invoke(hostile_requests.main, *options)
    record = json.loads(out.read_text())
    assert outcome.exit_code == 0, record["faults"]
    assert 40 < record["requests"] == sum(kind["sent"] for kind in record["kinds"].values())
    assert record["others"]["asked"] > 0
    assert record["kinds"]["path"]["answers"]["404"] > 0
    assert len(record["held"]["memory_mb"]) == 3
    assert str(tmp_path) not in out.read_text()
    assert "kinds, 0 of them slow, none got another status" in hostile_summary(record)


@needs_proc
def test_speed_is_told_beside_the_library(tmp_path):
    out = tmp_path / "record.json"
    small = ("--faces", 70, "--rounds", 1, "--clients", 3, "--seconds", 0.5, "--alone", 3)
    outcome = invoke(serving_load.main, *small, "--model", "fast", "--out", out)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(out.read_text())
    assert record["batches"]["fast"]["api_to_library"]["median"] > 0
    assert record["batches"]["fast"]["largest_difference"] < 1e-5
    assert record["alone"]["fast"]["median"] > 0
    assert record["crowd"]["failed"] == {}
    assert record["crowd"]["answered"] >= 3
    assert len(record["crowd"]["memory_mb"]) == 6
    assert "3 clients at once" in serving_summary(record)
    assert serving_rows(record)[0][0] == "`fast`"
