"""Write the experiments' README, with all runs in it: ``python -m experiments.table``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from experiments.options import HERE, RESULTS, Results
from experiments.systems import all_ensembles, all_systems
from experiments.tables import cells
from experiments.tables.balancing import inflation_rows, inflation_summary, inflations, leak_rows
from experiments.tables.ensembles import ensemble_sections
from experiments.tables.published import accuracies, trainings
from experiments.tables.redrawn import ensemble_rows, system_rows
from experiments.tables.runs import Record, read_runs
from fer_ensemble.datasets import PROTOCOLS


def main(
    results: Results = RESULTS,
    out: Annotated[Path, typer.Option(help="File to write.")] = HERE / "README.md",
) -> None:
    """Lay all runs beside the published figures, as Markdown."""
    out.write_text(render_readme(results))


def render_readme(results: Path) -> str:
    """Write the page from the records of the runs.

    Parameters
    ----------
    results : Path
        Their folder.

    Returns
    -------
    str
        Markdown.
    """
    systems, ensembles = all_systems(), all_ensembles()
    runs = read_runs(results, [system.name for system in systems])
    combined = read_runs(results, [ensemble.name for ensemble in ensembles])
    found = inflations(runs, systems)
    leaks, redrawn = _read(results / "leak.json"), _read(results / "redrawn.json")
    official = [record for (_, protocol), record in runs.items() if protocol == "official"]
    return _template().render(
        accuracies=accuracies(runs, systems),
        n_official=_counts(official, "all"),
        n_alone=_counts(official, "without_copies"),
        warning=PROTOCOLS["balanced"].warning,
        inflations=inflation_rows(found),
        inflation_summary=inflation_summary(found),
        leaks=leak_rows(leaks),
        redrawn=system_rows(redrawn.get("systems", {}), runs, systems)
        + ensemble_rows(redrawn.get("ensembles", {}), combined, ensembles),
        ensembles=ensemble_sections(combined, ensembles),
        trainings=trainings(runs),
    )


def _read(path: Path) -> Record:
    """Read figures; none if they were not measured."""
    return json.loads(path.read_text()) if path.is_file() else {}


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE / "tables"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    return environment.get_template("README.md.j2", globals={"table": cells.table})


def _counts(records: Iterable[Record], faces: str) -> str:
    """Tell on how many faces the runs were measured: the same for all, as a rule."""
    return " or ".join(f"{n:,}" for n in sorted({record[faces]["n"] for record in records}))


if __name__ == "__main__":
    sys.exit(typer.run(main))
