"""Mutants of files, and a way to try thousands of them that outlives crashes.

Each is tried in a process of its own, forked from this one, with a limit on processor time: what
crashes, hangs or takes much memory is counted and named, and the next is tried.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

Random = np.random.Generator

#: What is no failure: an answer, or one line that says why there is none.
FINE = ("answered", "refused", "the same")
_HANG, _PATIENCE = 5, 60


class Outcome(NamedTuple):
    """What became of a mutant.

    Attributes
    ----------
    kind : str
        What it is a mutant of.
    what : str
        One of `FINE`, or what went wrong.
    seconds : float
        Processor time.
    peak_mb : float
        Largest resident memory, what this process had before included.
    """

    kind: str
    what: str
    seconds: float
    peak_mb: float


def try_each(cases: Iterable[tuple[str, Callable[[], str]]]) -> list[Outcome]:
    """Try mutants, each in a process of its own.

    Parameters
    ----------
    cases : iterable of (str, callable)
        What it is a mutant of, and what reads it: returns one of `FINE` or what is wrong. Errors
        that a user would see as one line, `ValueError` and `OSError`, count as refused.

    Returns
    -------
    list of Outcome
    """
    return [_try(kind, read) for kind, read in cases]


def summarize(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Count outcomes by kind, and list all failures.

    Parameters
    ----------
    outcomes : iterable of Outcome

    Returns
    -------
    dict
        Ready for JSON: ``kinds``, ``failures``, ``most_seconds``, ``peak_mb``.
    """
    outcomes = list(outcomes)
    kinds: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        kinds.setdefault(outcome.kind, Counter())[outcome.what] += 1
    failures = Counter(
        f"{outcome.kind}: {outcome.what}" for outcome in outcomes if outcome.what not in FINE
    )
    return {
        "tried": len(outcomes),
        "kinds": {kind: dict(counts.most_common()) for kind, counts in sorted(kinds.items())},
        "failures": dict(failures.most_common()),
        "most_seconds": round(max((outcome.seconds for outcome in outcomes), default=0), 2),
        "peak_mb": round(max((outcome.peak_mb for outcome in outcomes), default=0)),
    }


def mutate(content: bytes, random: Random) -> bytes:
    """Damage bytes at random places: some are replaced, or all after one are cut off or doubled.

    Parameters
    ----------
    content : bytes
    random : numpy.random.Generator

    Returns
    -------
    bytes
        Never the same, unless `content` is empty.
    """
    mutant = bytearray(content)
    while mutant == content and content:
        turn = random.random()
        place = int(random.integers(len(content)))
        if turn < 0.08:
            del mutant[place:]
        elif turn < 0.12:
            mutant[place:place] = content[place : place + 64]
        else:
            for at in random.integers(0, len(content), random.choice([1, 1, 2, 8, 40])):
                extreme = (0, 1, 127, 128, 255)[random.integers(5)]
                mutant[at] = random.choice([extreme, random.integers(256)])
    return bytes(mutant)


def mutate_entry(content: bytes, random: Random) -> bytes:
    """Damage one file inside a zip file, whose checksums are right again after it.

    Parameters
    ----------
    content : bytes
        Of a zip file.
    random : numpy.random.Generator

    Returns
    -------
    bytes
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w") as target:
        names = source.namelist()
        chosen = names[random.integers(len(names))]
        for name in names:
            entry = source.read(name)
            target.writestr(name, mutate(entry, random) if name == chosen else entry)
    return stream.getvalue()


def describe(outcomes: Mapping[str, Any]) -> str:
    """Say in a line how it went.

    Parameters
    ----------
    outcomes : mapping
        As of :func:`summarize`.

    Returns
    -------
    str
    """
    failures = sum(outcomes["failures"].values())
    return (
        f"{outcomes['tried']:,} tried, {failures} failures, at most {outcomes['most_seconds']} s "
        f"and {outcomes['peak_mb']:,} MB"
    )


def _try(kind: str, read: Callable[[], str]) -> Outcome:
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        _report(read, theirs)
    os.close(theirs)
    began = time.monotonic()
    status, usage, killed = 0, None, False
    while usage is None:
        done, status, found = os.wait4(child, os.WNOHANG)
        if done:
            usage = found
        elif not killed and time.monotonic() - began > _PATIENCE:
            # Waiting takes no processor time, and has no limit of its own.
            os.kill(child, signal.SIGKILL)
            killed = True
        else:
            time.sleep(0.002)
    with open(ours, "rb") as pipe:
        what = pipe.read().decode()
    seconds = usage.ru_utime + usage.ru_stime
    if killed or os.WIFSIGNALED(status):
        limit = killed or os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
        what = "hung" if limit else f"crashed ({signal.Signals(os.WTERMSIG(status)).name})"
    elif seconds > _HANG:
        what = "hung"
    return Outcome(kind, what, seconds, usage.ru_maxrss / 1024)


def _report(read: Callable[[], str], pipe: int) -> None:
    """Read a mutant in the child, and end it."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (4 * _HANG, 4 * _HANG))
    try:
        what = read()
    except (ValueError, OSError) as error:
        what = "refused" if len(str(error).splitlines()) == 1 else f"many lines: {error!r:.200}"
    except BaseException as error:
        what = f"{type(error).__name__}: {str(error)[:120]}"
    os.write(pipe, what.encode()[:4000])
    os._exit(0)
