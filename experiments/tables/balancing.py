"""What the balanced protocol does to a figure: balanced runs against official ones, and redrawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from experiments.runs import Record, Records, official_record
from experiments.systems import Ensemble, System
from experiments.tables import cells
from experiments.tables.published import WAYS, Row
from fer_ensemble.evaluation import difference_interval

_PROTOCOL = "balanced"


@dataclass(frozen=True)
class Inflation:
    """How much higher a system scores under the balanced protocol.

    Attributes
    ----------
    system : str
    balanced, official : dict
        Records of its runs.
    difference : float
        Accuracy under the balanced protocol less that under the official one.
    interval : tuple of (float, float)
        Newcombe's 95 % interval of that difference.
    """

    system: str
    balanced: Record
    official: Record
    difference: float
    interval: tuple[float, float]

    @property
    def is_fair(self) -> bool:
        """Whether both trainings, or neither, were held to a time."""
        return cells.cut_short(self.balanced) == cells.cut_short(self.official)


def inflations(records: Records, systems: Sequence[System]) -> list[Inflation]:
    """Compare all systems that were run under both protocols.

    Parameters
    ----------
    records : mapping
        See :func:`~experiments.runs.read_records`.
    systems : sequence of System

    Returns
    -------
    list of Inflation
    """
    found = []
    for system in systems:
        balanced = records.get((system.name, _PROTOCOL))
        official = official_record(records, system, systems)
        if balanced is not None and official is not None:
            (right, n), (right_before, n_before) = (
                _count_right(record, "all") for record in (balanced, official)
            )
            found.append(
                Inflation(
                    system.name,
                    balanced,
                    official,
                    right / n - right_before / n_before,
                    difference_interval(right, n, right_before, n_before),
                )
            )
    return found


def class_mix(balanced: Record, official: Record) -> float:
    """Return what the balanced test faces gain by holding other shares of each expression.

    Parameters
    ----------
    balanced, official : dict
        Records of runs with the same classes.

    Returns
    -------
    float
        Accuracy of the balanced run, less what it would be if its expressions had the shares of
        the official test faces and were each recognised as often as now.
    """
    recall = [entry["recall"] for entry in balanced["all"]["per_class"]]
    support = [entry["support"] for entry in official["all"]["per_class"]]
    return float(balanced["all"]["accuracy"] - np.average(recall, weights=support))


def inflation_rows(found: Sequence[Inflation]) -> list[Row]:
    """Write a row for each system.

    Parameters
    ----------
    found : sequence of Inflation

    Returns
    -------
    list of tuple of str
        System, accuracy on the official split and under the balanced protocol, their difference,
        the same without exact copies, and how much of it is the mix of expressions; of trainings
        that cannot be compared no differences.
    """
    return [
        (
            f"`{each.system}`" + _official_system(each),
            cells.accuracy(each.official, "all", with_n=False),
            cells.accuracy(each.balanced, "all"),
            *(_differences(each) if each.is_fair else (cells.NOTHING,) * 3),
        )
        for each in found
    ]


def inflation_summary(found: Sequence[Inflation]) -> str:
    """Say in a sentence how large the differences are.

    Parameters
    ----------
    found : sequence of Inflation

    Returns
    -------
    str
        Of systems whose trainings can be compared; empty if there is none.
    """
    fair = [each for each in found if each.is_fair]
    if not fair:
        return ""
    middle = cells.points(median(each.difference for each in fair))
    clear = sum(each.interval[0] > 0 for each in fair)
    least, most = (of(fair, key=lambda each: each.difference) for of in (min, max))
    return (
        f"{clear} of {len(fair)} systems run both ways score higher under the balanced protocol "
        "than on the official split, beyond chance. The differences go from "
        f"{cells.points(least.difference)} (`{least.system}`) to "
        f"{cells.points(most.difference)} points (`{most.system}`); the median is {middle}."
    )


def reach_summary(records: Records, systems: Sequence[System]) -> str:
    """Say which runs reach what was published of this protocol.

    Parameters
    ----------
    records : mapping
        See :func:`~experiments.runs.read_records`.
    systems : sequence of System

    Returns
    -------
    str
        Empty if no system with a published figure was run.
    """
    reached: dict[bool, list[str]] = {True: [], False: []}
    for system in systems:
        record = records.get((system.name, _PROTOCOL))
        if record is None or system.protocol != _PROTOCOL or "accuracy" not in system.published:
            continue
        ours, theirs = record["all"]["accuracy"], system.published["accuracy"]
        reached[ours >= theirs].append(f"`{system.name}` {ours:.3f} ({theirs:g})")
    n = sum(map(len, reached.values()))
    if not n:
        return ""
    those = [f"{len(reached[True])} of {n} runs reach what was published of this protocol"]
    those += [", ".join(reached[True])] if reached[True] else []
    below = f" Below it stay {', '.join(reached[False])}." if reached[False] else ""
    return f"{': '.join(those)}.{below}"


def not_redrawn(records: Records, redrawn: Record) -> list[str]:
    """List balanced runs whose fitted members could not be measured on another draw.

    Parameters
    ----------
    records : mapping
        See :func:`~experiments.runs.read_records`.
    redrawn : dict
        What `experiments.redrawn` found of systems, by name.

    Returns
    -------
    list of str
        Systems, each with the share of training faces that its network recognised at last.
    """
    return [
        f"`{name}` {record['history']['accuracy'][-1]:.3f}"
        for (name, protocol), record in records.items()
        if protocol == _PROTOCOL and name not in redrawn and "history" in record
    ]


def leak_rows(leaks: Mapping[str, Record]) -> list[Row]:
    """Write a row for each system that `experiments.leak` measured.

    Parameters
    ----------
    leaks : mapping of str to dict
        Its record.

    Returns
    -------
    list of tuple of str
        System, share of test faces that are known from training, and by how much better they are
        recognised than unknown ones.
    """
    return [
        (
            f"`{name}`",
            f"{leak['n_known']:,} of {leak['n']:,} ({100 * leak['n_known'] / leak['n']:.0f} %)",
            cells.NOTHING
            if leak["difference"] is None
            else cells.points(leak["difference"], leak["interval"]),
        )
        for name, leak in leaks.items()
    ]


def redrawn_system_rows(redrawn: Record, records: Records, systems: Sequence[System]) -> list[Row]:
    """Write a row for each system that `experiments.redrawn` measured.

    Parameters
    ----------
    redrawn : dict
        What it found of systems, by name.
    records : mapping
        See :func:`~experiments.runs.read_records`.
    systems : sequence of System

    Returns
    -------
    list of tuple of str
        System, published figure, accuracy on the test faces that were kept from training and on
        those drawn anew, and the difference in points.
    """
    rows = []
    for system in systems:
        record = records.get((system.name, _PROTOCOL))
        if record is None or system.name not in redrawn:
            continue
        kept = record["all"]
        rows.append(
            (
                f"`{system.name}`",
                # Figures of another protocol were not come by in this way.
                cells.published(
                    system.published if system.protocol == _PROTOCOL else {}, "accuracy"
                ),
                cells.share(kept["accuracy"], kept["accuracy_interval"]) + cells.mark(record),
                *_redrawn_cells(redrawn[system.name], kept["accuracy"], kept["n"]),
            )
        )
    return rows


def redrawn_ensemble_rows(
    redrawn: Record, records: Records, ensembles: Sequence[Ensemble]
) -> list[Row]:
    """Write a row for each way to combine that `experiments.redrawn` measured.

    Parameters
    ----------
    redrawn : dict
        What it found of ensembles, by name and way to combine.
    records : mapping
        See :func:`~experiments.runs.read_records`.
    ensembles : sequence of Ensemble

    Returns
    -------
    list of tuple of str
        Ensemble and way to combine; the rest as in `redrawn_system_rows`.
    """
    rows = []
    for ensemble in ensembles:
        record = records.get((ensemble.name, _PROTOCOL))
        if record is None or ensemble.name not in redrawn:
            continue
        for way in WAYS:
            kept = record["combined"][way]
            again = {"n": record["n"], **redrawn[ensemble.name][way]}
            rows.append(
                (
                    f"`{ensemble.name}`, {way}",
                    cells.published(ensemble.published, way),
                    cells.share(kept["accuracy"], kept["interval"]),
                    *_redrawn_cells(again, kept["accuracy"], record["n"]),
                )
            )
    return rows


def _redrawn_cells(again: Record, kept: float, n_kept: int) -> tuple[str, str]:
    """Write the accuracy on faces drawn anew, and what it has over that on those kept apart."""
    n = again["n"]
    return (
        cells.share(again["accuracy"], again["interval"]),
        cells.difference(round(again["accuracy"] * n), n, round(kept * n_kept), n_kept),
    )


def _count_right(record: Record, faces: str) -> tuple[int, int]:
    """Count the faces that were recognised, and all."""
    return int(np.trace(np.array(record[faces]["confusion"]))), record[faces]["n"]


def _differences(each: Inflation) -> tuple[str, str, str]:
    runs = (each.balanced, each.official)
    all_faces, alone = (
        cells.difference(*_count_right(runs[0], faces), *_count_right(runs[1], faces))
        for faces in ("all", "without_copies")
    )
    return all_faces, alone, cells.points(class_mix(*runs))


def _official_system(each: Inflation) -> str:
    other = each.official["system"]
    return "" if other == each.system else f", official run of `{other}`"
