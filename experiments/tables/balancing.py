"""What balancing before splitting does to a figure: balanced runs against official ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from experiments.systems import System
from experiments.tables import cells
from experiments.tables.runs import Record, Runs, official_run
from fer_ensemble.evaluation import difference_interval


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


def inflations(runs: Runs, systems: Sequence[System]) -> list[Inflation]:
    """Compare all systems that were run under both protocols.

    Parameters
    ----------
    runs : mapping
        See :func:`~experiments.tables.runs.read_runs`.
    systems : sequence of System

    Returns
    -------
    list of Inflation
    """
    found = []
    for system in systems:
        balanced = runs.get((system.name, "balanced"))
        official = official_run(runs, system, systems)
        if balanced is not None and official is not None:
            of_all = _difference(balanced, official, "all")
            found.append(Inflation(system.name, balanced, official, *of_all))
    return found


def _difference(
    balanced: Record, official: Record, faces: str
) -> tuple[float, tuple[float, float]]:
    (right_b, n_b), (right_o, n_o) = (_counts(run, faces) for run in (balanced, official))
    interval = difference_interval(right_b, n_b, right_o, n_o)
    return right_b / n_b - right_o / n_o, interval


def _counts(record: Record, faces: str) -> tuple[int, int]:
    confusion = np.array(record[faces]["confusion"])
    return int(np.trace(confusion)), record[faces]["n"]


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


def inflation_rows(found: Sequence[Inflation]) -> list[tuple[str, ...]]:
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
            f"`{each.system}`" + _against(each),
            cells.accuracy(each.official, "all", with_n=False),
            cells.accuracy(each.balanced, "all"),
            *(_differences(each) if each.is_fair else (cells.NOTHING,) * 3),
        )
        for each in found
    ]


def _differences(each: Inflation) -> tuple[str, str, str]:
    return (
        cells.points(each.difference, each.interval),
        cells.points(*_difference(each.balanced, each.official, "without_copies")),
        cells.points(class_mix(each.balanced, each.official)),
    )


def _against(each: Inflation) -> str:
    other = each.official["system"]
    return "" if other == each.system else f", official run of `{other}`"


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
    differences = [each.difference for each in fair]
    clear = sum(each.interval[0] > 0 for each in fair)
    least, middle, most = (cells.points(of(differences)) for of in (min, median, max))
    return (
        f"{clear} of {len(fair)} systems run both ways score higher under the balanced protocol "
        f"than on the official split, beyond chance. The differences go from {least} to {most} "
        f"points; the median is {middle}."
    )


def leak_rows(leaks: Mapping[str, Record]) -> list[tuple[str, ...]]:
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
