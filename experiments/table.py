"""Write the comparison with the published figures: ``python -m experiments.table``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.systems import System, all_systems
from fer_ensemble.datasets import PROTOCOLS

HERE = Path(__file__).parent
_HEADER = (
    (
        "system",
        "published",
        "same protocol",
        "official split",
        "without copies",
        "epochs",
        "run on",
    ),
    ("---",) * 7,
)


def main(
    results: Annotated[Path, typer.Option(help="Folder of the figures.")] = HERE / "results",
    out: Annotated[Path, typer.Option(help="File to write.")] = HERE / "RESULTS.md",
) -> None:
    """Write the table of all systems as Markdown."""
    rows = [*_HEADER, *(_row(system, results) for system in all_systems())]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    out.write_text(f"{_INTRODUCTION}\n{table}\n\n{_NOTES}")


_INTRODUCTION = """\
# Published systems and ours

Written by `python -m experiments.table` from the runs in `results/`; each holds the command that
made it. Accuracy with Wilson's 95 % interval.
"""
_NOTES = """\
*Published* is the authors' figure, under their own split of the data. *Same protocol* is our run
under that split, *official split* our run fitted on Training (a tenth of it held out to choose the
epoch) and measured on PublicTest, n = 3,589; *without copies* leaves out the faces of PublicTest
that also stand in Training. *Epochs* are those of the official run, of as many as the recipe has:
a run that had fewer was held to the time named beside it, its schedule annealed within that time,
and says little of what the full training would reach. Early stopping may also end a run.

**The balanced protocol leaks**: it adds augmented copies of all faces first and splits at random
after, so that copies of test faces are trained on. Its figures are no accuracies on new faces.

Our data lack PrivateTest, which is held back: under the protocols that use all of FER2013, n is
smaller than the published one.
"""


def _row(system: System, results: Path) -> tuple[str, ...]:
    official = _read(results, system, "official")
    published = _read(results, system, system.protocol)
    if published is None and system.protocol == "kaggle":
        published = official  # the same where the data lack PrivateTest
    return (
        f"`{system.name}` {system.title}",
        _published(system),
        f"{system.protocol}{_caution(published)}: {_figure(published, 'all')}",
        _figure(official, "all"),
        _figure(official, "without_copies"),
        _epochs(official),
        _where(official),
    )


def _read(results: Path, system: System, protocol: str) -> dict[str, Any] | None:
    path = results / f"{system.name}.{protocol}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def _published(system: System) -> str:
    known = system.published
    parts = [f"{known['accuracy']:.3f}"] if "accuracy" in known else []
    if "n" in known:
        parts.append(f"n = {known['n']:,}")
    if "note" in known:
        parts.append(known["note"])
    return "; ".join(parts) or "–"


def _figure(record: dict[str, Any] | None, faces: str) -> str:
    if record is None:
        return "not run"
    figures = record[faces]
    low, high = figures["accuracy_interval"]
    return f"{figures['accuracy']:.3f} ({low:.3f}–{high:.3f}), n = {figures['n']:,}"


def _caution(record: dict[str, Any] | None) -> str:
    return " (leaks, see below)" if record and PROTOCOLS[record["protocol"]].warning else ""


def _epochs(record: dict[str, Any] | None) -> str:
    if record is None or record["epochs_run"] is None:
        return "–"
    return f"{record['epochs_run']:g} of {record['epochs_planned']}"


def _where(record: dict[str, Any] | None) -> str:
    if record is None:
        return "–"
    parts = [record["device"], f"seed {record['seed']}", f"{record['minutes']:g} min"]
    if record["time_budget"]:
        parts.append(f"held to {record['time_budget']}")
    if record["note"]:
        parts.append(record["note"])
    return "; ".join(parts)


if __name__ == "__main__":
    sys.exit(typer.run(main))
