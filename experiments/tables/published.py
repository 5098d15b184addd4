"""Published systems: their figures beside ours, and how ours were trained."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.systems import System
from experiments.tables import cells
from experiments.tables.runs import Record, Runs, official_run, own_run
from fer_ensemble.models import list_members

Row = tuple[str, ...]


def accuracies(runs: Runs, systems: Sequence[System]) -> dict[str, list[Row]]:
    """Lay the accuracies of every system beside the published one.

    Parameters
    ----------
    runs : mapping
        See :func:`~experiments.tables.runs.read_runs`.
    systems : sequence of System

    Returns
    -------
    dict of str to list of tuple of str
        By publication: system, published figure, protocol of its authors, ours under it on all
        faces and without copies, ours on the official split on all and without copies.
    """
    source = {info.name: info.source for info in list_members()}
    tables: dict[str, list[Row]] = {}
    for system in systems:
        row = _accuracies_of(system, runs, systems)
        tables.setdefault(source[system.member], []).append(row)
    return tables


def _accuracies_of(system: System, runs: Runs, systems: Sequence[System]) -> Row:
    own, official = own_run(runs, system), official_run(runs, system, systems)
    if system.protocol == "official":
        ours = ("as official", "as official")
    else:
        ours = (cells.accuracy(own, "all"), cells.accuracy(own, "without_copies"))
    borrowed = cells.BORROWED if official and official["system"] != system.name else ""
    return (
        _title(system),
        _published(system),
        cells.protocol_name(system.protocol),
        *ours,
        cells.accuracy(official, "all", with_n=False) + borrowed,
        cells.accuracy(official, "without_copies", with_n=False) + borrowed,
    )


def _title(system: System) -> str:
    note = system.published.get("note")
    return f"`{system.name}` {system.title}" + (f"; authors: {note}" if note else "")


def _published(system: System) -> str:
    if "accuracy" not in system.published:
        return cells.NOTHING
    n = system.published.get("n")
    return f"{system.published['accuracy']:g}" + (f", n = {n:,}" if n else "")


def trainings(runs: Runs) -> list[Row]:
    """Tell how each run was trained.

    Parameters
    ----------
    runs : mapping

    Returns
    -------
    list of tuple of str
        System, protocol, epochs run of those planned, how they ended, minutes, device, seed, and
        what else there is to say.
    """
    return [
        (
            f"`{record['system']}`",
            record["protocol"],
            _epochs(record),
            _ending(record),
            f"{record['minutes']:g}",
            record["device"],
            str(record["seed"]),
            _remarks(record),
        )
        for record in runs.values()
    ]


def _epochs(record: Record) -> str:
    if record["epochs_run"] is None:
        return cells.NOTHING
    return f"{record['epochs_run']:g} of {record['epochs_planned']}"


def _ending(record: Record) -> str:
    if record["epochs_run"] is None:
        return cells.NOTHING
    if record["epochs_run"] >= record["epochs_planned"]:
        return "full length"
    if cells.cut_short(record):
        return f"held to {record['time_budget']}{cells.mark(record)}"
    return "early stopping"


def _remarks(record: Record) -> str:
    remarks = [record["note"]] if record["note"] else []
    if earlier := record.get("earlier_rounds"):
        told = " and ".join(f"{accuracy:.3f}" for accuracy in earlier)
        remarks.append(f"trained {len(earlier) + 1} times, {told} before the last")
    return "; ".join(remarks) or cells.NOTHING
