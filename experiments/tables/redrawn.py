"""What it does to a figure to draw the test faces anew after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.systems import Ensemble, System
from experiments.tables import cells
from experiments.tables.ensembles import WAYS
from experiments.tables.runs import Record, Runs
from fer_ensemble.evaluation import difference_interval

_PROTOCOL = "balanced"


def system_rows(again: Record, runs: Runs, systems: Sequence[System]) -> list[tuple[str, ...]]:
    """Write a row for each system that `experiments.redrawn` measured.

    Parameters
    ----------
    again : dict
        What it found of systems, by name.
    runs : mapping
        See :func:`~experiments.tables.runs.read_runs`.
    systems : sequence of System

    Returns
    -------
    list of tuple of str
        System, published figure, accuracy on the test faces that were kept from training and on
        those drawn anew, and the difference in points.
    """
    rows = []
    for system in systems:
        run = runs.get((system.name, _PROTOCOL))
        if run is None or system.name not in again:
            continue
        kept = run["all"]["accuracy"], run["all"]["accuracy_interval"]
        found = again[system.name]
        published = system.published if system.protocol == _PROTOCOL else {}
        rows.append(
            (
                f"`{system.name}`",
                _published(published, "accuracy"),
                cells.share(*kept) + cells.mark(run),
                cells.share(found["accuracy"], found["interval"]),
                _difference(found["accuracy"], found["n"], kept[0], run["all"]["n"]),
            )
        )
    return rows


def ensemble_rows(
    again: Record, combined: Runs, ensembles: Sequence[Ensemble]
) -> list[tuple[str, ...]]:
    """Write a row for each way to combine that `experiments.redrawn` measured.

    Parameters
    ----------
    again : dict
        What it found of ensembles, by name and way to combine.
    combined : mapping
        See :func:`~experiments.tables.runs.read_runs`.
    ensembles : sequence of Ensemble

    Returns
    -------
    list of tuple of str
        Ensemble and way to combine; the rest as in `system_rows`.
    """
    rows = []
    for ensemble in ensembles:
        record = combined.get((ensemble.name, _PROTOCOL))
        if record is None or ensemble.name not in again:
            continue
        for way in WAYS:
            kept, found = record["combined"][way], again[ensemble.name][way]
            rows.append(
                (
                    f"`{ensemble.name}`, {way}",
                    _published(ensemble.published, way),
                    cells.share(kept["accuracy"], kept["interval"]),
                    cells.share(found["accuracy"], found["interval"]),
                    _difference(found["accuracy"], record["n"], kept["accuracy"], record["n"]),
                )
            )
    return rows


def _published(figures: Mapping[str, Any], key: str) -> str:
    return f"{figures[key]:g}" if key in figures else cells.NOTHING


def _difference(new: float, n_new: int, old: float, n_old: int) -> str:
    interval = difference_interval(round(new * n_new), n_new, round(old * n_old), n_old)
    return cells.points(new - old, interval)
