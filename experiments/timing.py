"""Time and memory, as the experiments measure them.

Loads no library that counts the cores: ``experiments.pretrained.speed`` imports this module before
it caps them.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple


class Timed(NamedTuple):
    """What some work took, and what it gave.

    Attributes
    ----------
    wall : float
        Seconds on the clock.
    cpu : float
        Seconds of all processors together. Other processes that keep the cores busy hardly change
        them, whereas the clock counts the waiting.
    result : object
    """

    wall: float
    cpu: float
    result: Any


def timed(work: Callable[[], Any]) -> Timed:
    """Do some work in this process and time it.

    Parameters
    ----------
    work : callable
        Without arguments.

    Returns
    -------
    Timed
    """
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return Timed(time.perf_counter() - wall, time.process_time() - cpu, result)


def peak_gb(*, of_children: bool = False) -> float:
    """Return the highest memory of this process so far, or of those that it started.

    Parameters
    ----------
    of_children : bool, default=False
        The largest of the processes that were started and have ended.

    Returns
    -------
    float
        In units of 10⁹ bytes.
    """
    # Linux counts in units of 1024 bytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    who = resource.RUSAGE_CHILDREN if of_children else resource.RUSAGE_SELF
    return resource.getrusage(who).ru_maxrss * unit / 1e9
