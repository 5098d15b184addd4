"""The records of the runs, and which of them stands for a system."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.systems import System
from fer_ensemble.datasets import PROTOCOLS

Record = Mapping[str, Any]
Runs = Mapping[tuple[str, str], Record]
"""Records by name and protocol."""


def read_runs(folder: Path, names: Sequence[str]) -> Runs:
    """Read the records of systems or ensembles.

    Parameters
    ----------
    folder : Path
        Where `experiments.run` and `experiments.combine` left them.
    names : sequence of str

    Returns
    -------
    dict of (str, str) to dict
        By name and protocol; what was not run is left out.
    """
    paths = {
        (name, protocol): folder / f"{name}.{protocol}.json"
        for name in names
        for protocol in PROTOCOLS
    }
    return {key: json.loads(path.read_text()) for key, path in paths.items() if path.is_file()}


def own_run(runs: Runs, system: System) -> Record | None:
    """Find the run of a system under its authors' protocol."""
    own = runs.get((system.name, system.protocol))
    if own is None and system.protocol == "kaggle":
        return runs.get((system.name, "official"))  # the same where the data lack PrivateTest
    return own


def official_run(runs: Runs, system: System, systems: Sequence[System]) -> Record | None:
    """Find the official run of a system.

    Where only its data set it apart from another system, that one's run will do: on the official
    split both are the same network.
    """
    alike = [system] + [
        other
        for other in systems
        if (other.member, other.classes) == (system.member, system.classes)
    ]
    return next(
        (runs[other.name, "official"] for other in alike if (other.name, "official") in runs), None
    )
