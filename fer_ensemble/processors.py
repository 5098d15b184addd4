"""How many processors there are for this process."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")

_granted: int | None = None


def grant_processors(number: int) -> None:
    """Count no more processors from now on: others use the rest, such as workers beside this one.

    Parameters
    ----------
    number : int
    """
    global _granted
    _granted = number


def count_processors() -> int:
    """Count the processors that this process may use.

    joblib counts the same, but to import it takes a tenth of a second.

    Returns
    -------
    int
        Of the machine's processors, those that the process is not kept away from, and no more than
        a container may take of their time.
    """
    # Python 3.13 has os.process_cpu_count, which knows nothing of containers.
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such thing
        allowed = os.cpu_count() or 1
    share = _container_share()
    if share is not None:
        allowed = max(1, min(allowed, math.ceil(share)))
    return allowed if _granted is None else min(allowed, _granted)


def _container_share() -> float | None:
    """Return how many processors' time Linux lets the process take; None without a limit."""
    try:
        if (limit := _CGROUPS / "cpu.max").exists():
            quota, period = limit.read_text().split()
        else:  # the first version of control groups
            quota, period = (
                (_CGROUPS / "cpu" / f"cpu.cfs_{name}_us").read_text()
                for name in ("quota", "period")
            )
        # "max", or -1 in the first version, is no limit.
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None


def are_gpus_hidden() -> bool:
    """Say whether GPUs are hidden from this process, and from those that it starts.

    Returns
    -------
    bool
        Whether ``CUDA_VISIBLE_DEVICES`` is empty, as ``--device cpu`` leaves it.
    """
    return os.environ.get("CUDA_VISIBLE_DEVICES") == ""
