"""How often sets of labels hold the true one, in the words of the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from experiments.runs import Record
from experiments.tables.cells import share

_OTHERWISE = {
    "without_copies": "faces without a copy in Training",
    "learned_in_sample": "learned from faces that the combination has seen",
    "may_be_empty": "`lac`, sets may be empty",
}
# The coverage of which classes are told.
_TOLD = 0.9


def set_header(record: Record) -> list[str]:
    """Name the columns of `set_rows` and `otherwise_rows`.

    Parameters
    ----------
    record : mapping
        Of ``experiments.prediction_sets``; may be empty.

    Returns
    -------
    list of str
    """
    return ["model", "sets", *(f"{nominal:g} asked for" for nominal in _nominals(record))]


def set_rows(record: Record) -> list[list[str]]:
    """Lay out coverage and size of each model's sets, a row for each way to make them.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
    """
    rows: dict[tuple[str, str], list[str]] = {}
    for name, found in record.get("models", {}).items():
        for entry in found["methods"]:
            way = f"`{entry['method']}`{', for each class' * entry['class_conditional']}"
            rows.setdefault((f"`{name}`", way), []).append(_cell(entry))
    return [[*key, *cells] for key, cells in rows.items()]


def otherwise_rows(record: Record) -> list[list[str]]:
    """Lay out the same of sets that were learned or measured otherwise.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
    """
    return [
        [f"`{name}`", told, *map(_cell, found[key])]
        for name, found in record.get("models", {}).items()
        for key, told in _OTHERWISE.items()
    ]


def class_rows(record: Record) -> list[list[str]]:
    """Lay out the coverage of each class at 0.9, by one threshold and by one for each class.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
    """
    rows: dict[str, list[str]] = {}
    for found in record.get("models", {}).values():
        for entry in found["methods"]:
            if entry["nominal"] != _TOLD:
                continue
            for name, score in entry.get("per_class", {}).items():
                rows.setdefault(name, [name, f"{score['n']:,}"]).append(_cell(score))
    return list(rows.values())


def class_header(record: Record) -> list[str]:
    """Name the columns of `class_rows`.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of str
    """
    ways = ("together", "for each class")
    return [
        "class",
        "n",
        *(f"`{name}`, {way}" for name in record.get("models", ()) for way in ways),
    ]


def shift_rows(record: Record) -> list[list[str]]:
    """Lay out what is left of the coverage on changed faces.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
        The last cell is of sets that were learned from faces changed alike.
    """
    rows: dict[tuple[str, int], list[str]] = {}
    for name, found in record.get("models", {}).items():
        for entry in found["shifted"]:
            key = (f"`{name}`", entry["strength"])
            cells = rows.setdefault(key, [f"{found['accuracy'][entry['strength']]:.3f}"])
            cells.append(_cell(entry))
        for entry in found["shifted"]:
            if entry["nominal"] == _TOLD:
                rows[f"`{name}`", entry["strength"]].append(_cell(entry["learned_alike"]))
    return [[name, str(strength), *cells] for (name, strength), cells in rows.items()]


def _nominals(record: Record) -> Iterable[float]:
    methods = (entry for found in record.get("models", {}).values() for entry in found["methods"])
    return sorted({entry["nominal"] for entry in methods})


def _cell(entry: dict[str, Any]) -> str:
    empty = f"; {100 * entry['sizes'][0]:.1f} % empty" if entry.get("sizes", [0])[0] else ""
    return f"{share(entry['coverage'], entry['interval'])}; {entry['mean_size']:.2f} labels{empty}"
