"""Whoever sends files: none crashes, hangs or takes a gigabyte. A tenth of the experiments."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from experiments.mutants import mutate, summarize, try_each

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are tried in forks")


def run(name: str, tmp_path: Path, **options: object) -> dict:
    """Run an experiment in a process of its own: no thread may be at work where others fork."""
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", f"experiments.{name}", *words, "--out", str(out)]
    if name == "hostile_artifacts":
        command.append("--no-keras")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(out.read_text())


def test_mutants_of_artifacts_load_as_they_were_or_say_why_not(tmp_path: Path) -> None:
    found = run("hostile_artifacts", tmp_path, plain=100, adjusted=40, trees=40, graphs=40)
    for part, number in {"plain": 100, "adjusted": 40, "trees": 40, "graphs": 40}.items():
        assert found[part]["tried"] == number
        assert found[part]["failures"] == {}
        assert found[part]["peak_mb"] < 1000
    assert len(found["plain"]["kinds"]) > 20
    refused = [counts.get("refused", 0) for counts in found["plain"]["kinds"].values()]
    assert sum(refused) > 80


def test_damaged_inputs_are_read_or_say_why_not(tmp_path: Path) -> None:
    found = run("hostile_inputs", tmp_path, pictures=150, tables=70, zips=50)
    for part in ("pictures", "tables", "zips"):
        assert found[part]["failures"] == {}
        assert found[part]["peak_mb"] < 1000


def test_what_crashes_hangs_or_talks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash() -> str:
        os.kill(os.getpid(), signal.SIGUSR1)
        return "answered"

    def wait() -> str:
        time.sleep(60)
        return "answered"

    def talk() -> str:
        raise ValueError("one\ntwo")

    def surprise() -> str:
        raise KeyError("nothing")

    monkeypatch.setattr("experiments.mutants._PATIENCE", 0.2)
    cases = {"a": crash, "b": wait, "c": talk, "d": surprise, "e": lambda: "answered"}
    found = summarize(try_each(cases.items()))
    told = sorted(found["failures"])
    assert [text[:10] for text in told] == ["a: crashed", "b: hung", "c: many li", "d: KeyErro"]
    assert found["kinds"]["e"] == {"answered": 1}


def test_a_mutant_is_never_what_it_was() -> None:
    random = np.random.default_rng(0)
    assert all(mutate(b"a few bytes", random) != b"a few bytes" for _ in range(300))
    assert mutate(b"", random) == b""
