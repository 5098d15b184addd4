"""How groups of faces fare, in the words of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.runs import Record
from experiments.tables.cells import NOTHING, p_value, points, share

_LEVEL = 0.05


def gap_rows(record: Record) -> list[list[str]]:
    """Lay out how far the best and the worst group are apart, for each side and condition.

    Parameters
    ----------
    record : mapping
        Of ``experiments.subgroups``; may be empty.

    Returns
    -------
    list of list of str
    """
    return [
        [f"`{name}`" if first else "", condition, *_gap(found)]
        for name, side in record.get("sides", {}).items()
        for first, (condition, found) in _marked(side["conditions"])
    ]


def gap_summary(record: Record) -> str:
    """Say which differences at one mix are hardly chance.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    str
    """
    found = {
        f"`{name}`": [
            condition
            for condition, compared in side["conditions"].items()
            if (gap := compared["standardised_gap"]) and gap["adjusted_p"] < _LEVEL
        ]
        for name, side in record.get("sides", {}).items()
    }
    certain = [f"{', '.join(names)} of {side}" for side, names in found.items() if names]
    others = [side for side, names in found.items() if not names]
    parts = [f"p is below {_LEVEL:g} for {'; '.join(certain)}"] if certain else []
    parts += [f"for no condition of {', '.join(others)}"] if others else []
    return f"At one mix, {', and '.join(parts)}." if parts else ""


def altered_header(record: Record) -> list[str]:
    """Name the columns of `altered_rows`."""
    return ["changed", *(f"`{name}`" for name in record.get("sides", {}))]


def altered_rows(record: Record) -> list[list[str]]:
    """Lay out what changes on purpose do to the accuracy of each side.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
        One row a change, with a column for each side.
    """
    sides = record.get("sides", {})
    by_change: dict[str, list[str]] = {}
    for side in sides.values():
        for row in side["altered"]:
            by_change.setdefault(row["name"], []).append(points(row["difference"], row["interval"]))
    return [[name, *cells] for name, cells in by_change.items()]


def turn_rows(record: Record) -> list[list[str]]:
    """Lay out accuracies of each run by how far heads are turned, at one mix of classes.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
    """
    rows = []
    for name, run in record.get("runs", {}).items():
        found = run["turn"]
        cells = [
            NOTHING if figures is None else _share(figures)
            for figures in found["standardised"].values()
        ]
        rows.append([f"`{name}`", *cells, *_difference(found["standardised_gap"])])
    return rows


def resolution_header(record: Record) -> list[str]:
    """Name the columns of `resolution_rows`."""
    return ["shrunk to", *_ways(record)]


def resolution_rows(record: Record) -> list[list[str]]:
    """Lay out estimates of resolution beside what it was.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
        One row a side, with a column for each way to shrink and enlarge.
    """
    ways = _ways(record)
    sides = next(iter(ways.values()), {})
    return [[side, *(_spread(way[side]) for way in ways.values())] for side in sides]


def _ways(record: Record) -> dict[str, Any]:
    kinds = record.get("resolution", {})
    found = {
        f"enlarged: {way}": figures["sides"]
        for way, figures in kinds.get("faces", {}).items()
        if isinstance(figures, Mapping) and "sides" in figures
    }
    if "photographs" in kinds:
        found["photographs, enlarged: cubic"] = kinds["photographs"]["sides"]
    return found


def _marked(conditions: Mapping[str, Any]) -> Any:
    return ((place == 0, item) for place, item in enumerate(conditions.items()))


def _gap(found: Mapping[str, Any]) -> list[str]:
    cells: list[str] = []
    for gap in (found["gap"], found["standardised_gap"]):
        named = NOTHING if gap is None else f"{gap['best']}; {gap['worst']}"
        cells += [named, *_difference(gap)]
    return cells


def _difference(gap: Mapping[str, Any] | None) -> list[str]:
    if gap is None:
        return [NOTHING, NOTHING]
    return [points(gap["difference"], gap["interval"]), p_value(gap["adjusted_p"])]


def _share(figures: list[float]) -> str:
    value, low, high = figures
    return share(value, (low, high))


def _spread(figures: Mapping[str, float]) -> str:
    return f"{figures['median']:.1f} ({figures['p5']:.1f}–{figures['p95']:.1f})"
