"""Ensembles: the published ways to combine beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.systems import Ensemble
from experiments.tables import cells
from experiments.tables.runs import Record, Runs
from fer_ensemble.evaluation import wilson_interval

WAYS = ("weighted", "average", "majority", "greedy selection", "stacking")
"""Those that are shown: the published ones first."""
PROTOCOLS = ("balanced", "official")


@dataclass(frozen=True)
class Section:
    """What there is to show of an ensemble.

    Attributes
    ----------
    ensemble : Ensemble
    best : dict of str to str
        By protocol that it was run under: its best member, with its figure.
    rows : list of tuple of str
        Protocol, way to combine, published figure, ours on all faces and without copies, gain over
        the best member, McNemar's test of it, points that a member of noise costs.
    """

    ensemble: Ensemble
    best: dict[str, str]
    rows: list[tuple[str, ...]]


def ensemble_sections(runs: Runs, ensembles: Sequence[Ensemble]) -> list[Section]:
    """Lay every ensemble out.

    Parameters
    ----------
    runs : mapping
        See :func:`~experiments.tables.runs.read_runs`.
    ensembles : sequence of Ensemble

    Returns
    -------
    list of Section
    """
    return [_section(runs, ensemble) for ensemble in ensembles]


def _section(runs: Runs, ensemble: Ensemble) -> Section:
    best, rows = {}, []
    for protocol in PROTOCOLS:
        record = runs.get((ensemble.name, protocol))
        if record is not None:
            best[protocol] = _best_member(record)
            rows += [_row(record, way, ensemble) for way in WAYS]
        elif protocol == ensemble.protocol:
            rows += [_missing(ensemble, way) for way in WAYS if way in ensemble.published]
    return Section(ensemble, best, rows)


def _best_member(record: Record) -> str:
    name = record["best_member"]
    figures = record["members"][name]
    told = cells.share(figures["accuracy"], figures["interval"])
    return f"`{name}` with {told}, n = {record['n']:,}"


def _row(record: Record, way: str, ensemble: Ensemble) -> tuple[str, ...]:
    figures = record["combined"][way]
    return (
        cells.protocol_name(record["protocol"]),
        way,
        _published(ensemble, way) if record["protocol"] == ensemble.protocol else cells.NOTHING,
        cells.share(figures["accuracy"], figures["interval"]),
        _without_copies(record, way),
        cells.points(figures["gain"], figures["gain_interval"]),
        cells.p_value(figures["mcnemar_p"]),
        f"{round(100 * figures['cost_of_noise'], 1) + 0:.1f}",
    )


def _without_copies(record: Record, way: str) -> str:
    alone = record["without_copies"]
    if alone is None:
        return cells.NOTHING
    accuracy, n = alone["accuracy"][way], alone["n"]
    return cells.share(accuracy, wilson_interval(round(accuracy * n), n))


def _missing(ensemble: Ensemble, way: str) -> tuple[str, ...]:
    told = (cells.protocol_name(ensemble.protocol), way, _published(ensemble, way))
    return (*told, cells.NOT_RUN, *[cells.NOTHING] * 4)


def _published(ensemble: Ensemble, way: str) -> str:
    return f"{ensemble.published[way]:g}" if way in ensemble.published else cells.NOTHING
