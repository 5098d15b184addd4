"""What the search for suspect labels finds, in the words of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.runs import Record
from experiments.tables.cells import NOTHING, points, share


def quick_rows(record: Record) -> list[list[str]]:
    """Lay out candidates for quick models.

    Parameters
    ----------
    record : mapping
        Of ``experiments.suspect_labels``; may be empty.

    Returns
    -------
    list of list of str
    """
    return [
        [name, _share(figures), f"{seconds:.0f}" if seconds is not None else NOTHING]
        for name, figures in record.get("models", {}).get("models", {}).items()
        for seconds in [figures.get("processor_seconds")]
    ]


def noise_rows(record: Record) -> list[list[str]]:
    """Lay out how many of the first suspects have a label that was changed, by both rankings.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
    """
    found = record.get("noise", {})
    if not found:
        return []
    own, margin = found["self_confidence"]["first"], found["normalized_margin"]["first"]
    return [
        [f"{int(n):,}", _share(figures), f"{figures['recall']:.3f}", _share(margin[n])]
        for n, figures in own.items()
    ]


def copy_rows(record: Record) -> list[list[str]]:
    """Lay out what copies say of doubted labels.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
    """
    return [
        [
            kind,
            f"{figures['faces_with_copies']:,}",
            _share(figures["of_these_in_sets_that_disagree"]),
            _share(figures["first_doubted_in_sets_that_disagree"]),
            _share(figures["outvoted_that_are_doubted"], with_n=True),
            _share(figures["others_with_copies_that_are_doubted"]),
        ]
        for kind, figures in record.get("found", {}).get("copies", {}).items()
    ]


def retrained_rows(record: Record) -> list[list[str]]:
    """Lay out accuracies of what was fitted without suspects, or with other labels.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    list of list of str
    """
    rows = []
    for model, arms in record.get("training", {}).get("models", {}).items():
        for arm, figures in arms.items():
            gain = (
                points(figures["difference"], figures["interval"])
                if "difference" in figures
                else NOTHING
            )
            accuracy = f"{figures['accuracy']:.3f}"
            first = arm == "everything"
            rows.append([model if first else "", arm, accuracy, str(len(figures["by_seed"])), gain])
    return rows


def _share(figures: Mapping[str, Any], *, with_n: bool = False) -> str:
    n = f", n = {figures['n']:,}" if with_n else ""
    return share(figures["share"], figures["interval"]) + n if figures["n"] else NOTHING
