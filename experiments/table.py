"""Write the experiments' README, with all runs in it: ``python -m experiments.table``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from experiments.console import Results
from experiments.runs import HERE, RESULTS, Record, read_record, read_records
from experiments.systems import all_ensembles, all_systems, read_system
from experiments.tables import cells
from experiments.tables.balancing import (
    inflation_rows,
    inflation_summary,
    inflations,
    leak_rows,
    not_redrawn,
    reach_summary,
    redrawn_ensemble_rows,
    redrawn_system_rows,
)
from experiments.tables.combining import selection_rows, selection_summary, snapshot_rows
from experiments.tables.doubts import copy_rows, noise_rows, quick_rows, retrained_rows
from experiments.tables.explaining import check_rows, choice_rows, place_rows, voice_rows
from experiments.tables.groups import (
    altered_header,
    altered_rows,
    gap_rows,
    gap_summary,
    resolution_header,
    resolution_rows,
    turn_rows,
)
from experiments.tables.published import (
    accuracies,
    ensemble_sections,
    reading_rows,
    reading_summary,
    screened_rows,
    trainings,
)
from experiments.tables.serving import hostile_summary, serving_rows, serving_summary
from experiments.tables.sets import (
    class_header,
    class_rows,
    otherwise_rows,
    set_header,
    set_rows,
    shift_rows,
)
from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets import find_protocol


def main(
    results: Results = RESULTS,
    out: Annotated[Path, typer.Option(help="File to write.")] = HERE / "README.md",
) -> None:
    """Lay all runs beside the published figures, as Markdown."""
    write_atomically(out, render_readme(results).encode())


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
    dense_hog = read_system("dense_hog_published")
    records = read_records(results, [system.name for system in systems])
    combined = read_records(results, [ensemble.name for ensemble in ensembles])
    found = inflations(records, systems)
    redrawn = read_record(results / "redrawn.json")
    readings = read_record(results / "hog_readings.json")
    serving = read_record(results / "serving_load.json")
    hostile = read_record(results / "hostile_requests.json")
    groups = read_record(results / "subgroups.json")
    sets = read_record(results / "prediction_sets.json")
    selection = read_record(results / "dynamic_selection.json")
    snapshots = read_record(results / "snapshot_members.json")
    explained = read_record(results / "explanations.json")
    suspects = read_record(results / "suspect_labels.json")
    official = [record for (_, protocol), record in records.items() if protocol == "official"]
    return _template().render(
        accuracies=accuracies(records, systems),
        n_official=_counts(official, "all"),
        n_alone=_counts(official, "without_copies"),
        warning=find_protocol("balanced").warning,
        inflations=inflation_rows(found),
        inflation_summary=inflation_summary(found),
        reach_summary=reach_summary(records, systems),
        leaks=leak_rows(read_record(results / "leak.json")),
        redrawn=redrawn_system_rows(redrawn.get("systems", {}), records, systems)
        + redrawn_ensemble_rows(redrawn.get("ensembles", {}), combined, ensembles),
        not_redrawn=not_redrawn(records, redrawn.get("systems", {})),
        screened=screened_rows(readings),
        readings=reading_rows(readings, dense_hog, records),
        reading_summary=reading_summary(readings, dense_hog),
        n_screened=_numbers(readings.get("screened", {}), "n"),
        most_epochs=_numbers(readings.get("trained", {}), "allowed"),
        cut_short=[
            f"`{record['system']}`" for record in records.values() if cells.cut_short(record)
        ],
        ensembles=ensemble_sections(combined, ensembles),
        selection=selection,
        selection_rows=selection_rows(selection),
        selection_summary=selection_summary(selection),
        snapshots=snapshots,
        snapshot_rows=snapshot_rows(snapshots),
        groups=groups,
        gap_rows=gap_rows(groups),
        gap_summary=gap_summary(groups),
        altered_header=altered_header(groups),
        altered_rows=altered_rows(groups),
        turn_rows=turn_rows(groups),
        resolution_header=resolution_header(groups),
        resolution_rows=resolution_rows(groups),
        sets=sets,
        set_header=set_header(sets),
        set_rows=set_rows(sets),
        otherwise_rows=otherwise_rows(sets),
        class_header=class_header(sets),
        class_rows=class_rows(sets),
        shift_rows=shift_rows(sets),
        explained=explained,
        choice_rows=choice_rows(explained),
        check_rows=check_rows(explained),
        place_rows=place_rows(explained),
        voice_rows=voice_rows(explained),
        suspects=suspects,
        quick_rows=quick_rows(suspects),
        noise_rows=noise_rows(suspects),
        copy_rows=copy_rows(suspects),
        retrained_rows=retrained_rows(suspects),
        serving=serving,
        hostile=hostile,
        batches=next(iter(serving.get("batches", {}).values()), {}),
        serving_rows=serving_rows(serving),
        serving_summary=serving_summary(serving),
        hostile_summary=hostile_summary(hostile),
        trainings=trainings(records),
    )


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE / "tables"),
        undefined=StrictUndefined,  # a table that is misspelt must not silently be empty
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    return environment.get_template("README.md.j2", globals={"table": cells.table})


def _counts(records: Iterable[Record], faces: str) -> str:
    """List on how many faces the runs were measured: the same for all, as a rule."""
    return _listed(record[faces]["n"] for record in records)


def _numbers(section: Mapping[str, Record], key: str) -> str:
    """List what stands under a key in all figures of a section: the same in all, as a rule."""
    return _listed(figures[key] for figures in section.values())


def _listed(numbers: Iterable[int]) -> str:
    return " or ".join(f"{n:,}" for n in sorted(set(numbers)))


if __name__ == "__main__":
    sys.exit(typer.run(main))
