"""What selecting members, and snapshots of one training, are worth, in the words of the page."""

from __future__ import annotations

from typing import Any

from experiments.runs import Record
from experiments.tables.cells import points, share

_SAME_FOR_ALL = ("best member", "average", "weighted", "stacking")


def selection_rows(record: Record) -> list[list[str]]:
    """Lay dynamic selection beside combinations that are the same for every face.

    Parameters
    ----------
    record : mapping
        Of ``experiments.dynamic_selection``; may be empty.

    Returns
    -------
    list of list of str
        Of the ways to select, those that average probabilities.
    """
    rows = []
    for pool, figures in record.get("pools", {}).items():
        title = f"{pool}, {len(figures['members'])}"
        for way, found in figures["ways"].items():
            if way in _SAME_FOR_ALL or ("soft" in way and "neighbours" in found):
                rows.append([title, *_selection(way, found)])
                title = ""
    return rows


def _selection(way: str, found: dict[str, Any]) -> list[str]:
    against = found["against"]
    name, _, space = way.partition(", soft, by ")
    return [
        f"`{name}`" if space else name,
        f"{found['neighbours']} by {space}" if space else "",
        share(found["accuracy"], found["interval"]),
        f"{found['log_loss']:.3f}",
        *(
            "" if way == other else points(against[other]["gain"], against[other]["interval"])
            for other in ("weighted", "stacking")
        ),
    ]


def selection_summary(record: Record) -> str:
    """Say whether any way to select members is better than weights that are the same for all.

    Parameters
    ----------
    record : mapping
        May be empty.

    Returns
    -------
    str
    """
    gains = [
        found["against"]["weighted"]
        for figures in record.get("pools", {}).values()
        for way, found in figures["ways"].items()
        if way not in _SAME_FOR_ALL and "neighbours" in found
    ]
    better = sum(gain["interval"][0] > 0 for gain in gains)
    worse = sum(gain["interval"][1] < 0 for gain in gains)
    return (
        f"Of {len(gains)} ways to select, votes counted as well as probabilities averaged,\n"
        f"{better} are better than learned weights beyond chance, and {worse} are worse."
    )


def snapshot_rows(record: Record) -> list[list[str]]:
    """Lay snapshots beside one training and independent members of as many epochs.

    Parameters
    ----------
    record : mapping
        Of ``experiments.snapshot_members``; may be empty.

    Returns
    -------
    list of list of str
    """
    rows = []
    for network, sides in record.get("networks", {}).items():
        title = network
        for side, figures in sides.items():
            averaged = figures["average"]
            is_one = len(figures["members"]) == 1
            rows.append(
                [
                    title,
                    side,
                    ", ".join(f"{member:.3f}" for member in figures["members"]),
                    "; ".join(map(share, averaged["by_seed"], averaged["intervals"])),
                    "" if is_one else points(averaged["gain"], averaged["gain_interval"]),
                    "" if is_one else points(*_gain(figures["weighted"])),
                ]
            )
            title = ""
    return rows


def _gain(figures: dict[str, Any]) -> tuple[float, tuple[float, float]]:
    return figures["gain"], figures["gain_interval"]
