"""Running Python in a process of its own, which may crash or hang without ending this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from fer_ensemble.diagnosis.private import hide_private

# What is imported there is what is imported here.
_BEGIN = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "


class Ran(NamedTuple):
    """What came of a piece of Python.

    Attributes
    ----------
    lines : list of JSON values
        What it printed, line by line, as far as it came.
    error : str
        Why it did not come to its end; empty if it did.
    """

    lines: list[Any]
    error: str


def run_apart(
    code: str, *arguments: str, seconds: float, environment: Mapping[str, str] | None = None
) -> Ran:
    """Run a piece of Python in a new process.

    Parameters
    ----------
    code : str
        Prints JSON, a value a line, and finds `arguments` in ``sys.argv[1:]``.
    *arguments : str
    seconds : float
        It is ended after so long.
    environment : mapping of str to str, optional
        Variables to set beside those of this process.

    Returns
    -------
    Ran
    """
    command = [sys.executable, "-c", _BEGIN + code, json.dumps(sys.path), *arguments]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **quiet, **(environment or {})},
    )
    try:
        out, err = process.communicate(timeout=seconds)
        error = "" if process.returncode == 0 else _reason(process.returncode, err)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        error = f"it took longer than {seconds:.0f} s, and was ended"
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Ran(list(_parse(out)), error)


def _parse(out: str) -> list[Any]:
    """Take the lines that are JSON: libraries may print others between them."""
    lines = []
    for line in out.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def _reason(code: int, err: str) -> str:
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return f"it crashed (signal {name})"
    said = [line for line in err.splitlines() if line.strip()]
    return hide_private(said[-1].strip()) if said else f"it ended with code {code}"
