"""``fer-ensemble score``: measure the predictions of any tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_ensemble.cli.options import ClassesOption, JsonOption

if TYPE_CHECKING:
    from fer_ensemble.scoring import SystemPredictions


def score(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns label, p_NAME for each class, or both, as 'predict' writes."
        ),
    ],
    truth: Annotated[
        Path,
        typer.Option(
            help="CSV with the true labels: a column label, emotion, expression or class."
        ),
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            help="Predictions of another tool for the same rows, to compare with.",
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            help="Column of either file; every value of it is measured alone.", show_default=False
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Columns that name a row in all files, separated by commas. By default a column "
            "of each that names the same files (path, file, image, name or the like, whatever it "
            "is called in the other), or id.",
            show_default=False,
        ),
    ] = None,
    by_row: Annotated[
        bool,
        typer.Option("--by-row", help="Join row by row: all files are in the same order."),
    ] = False,
    classes: ClassesOption = None,
    json_file: JsonOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Measure the predictions of any tool against true labels.

    Labels go by any usual spelling (angry, Anger), or are any others; what numbers mean is said
    by --classes. Rows without an answer,
    such as those that 'predict' could not read, count as errors; the answered ones are measured
    alone as well. Intervals are of 95 %.

    Examples:

      fer-ensemble score predictions.csv --truth labels.csv --group lighting

      fer-ensemble score ours.csv --truth labels.csv --against theirs.csv --json figures.json
    """
    from fer_ensemble.cli.console import count, notes, output, write_json
    from fer_ensemble.cli.subgroup_tables import gap_lines
    from fer_ensemble.cli.tables import (
        class_table,
        comparison_line,
        confusion_table,
        group_table,
        measure_table,
    )
    from fer_ensemble.scoring import score_predictions

    if by is not None and by_row:
        raise typer.BadParameter("--by and --by-row exclude each other: give one of them.")
    columns = None if by is None else [name.strip() for name in by.split(",")]
    found = score_predictions(
        truth,
        predictions,
        against,
        group=group,
        by=columns,
        by_row=by_row,
        classes=classes,
        seed=seed,
    )
    systems = found.joined.systems
    if found.joined.n_left_out:
        rows = count(found.joined.n_left_out, "row")
        notes.print(f"Left out, since their true label was said to be no expression: {rows}")
    for system, scores in zip(systems, found.scores, strict=True):
        _print_reading(system, truth)
        name = system.table.source
        output.print(measure_table(f"{name}, n = {len(found.joined.y_true):,}", scores))
        output.print(class_table(f"Classes, {name}", scores["all"]))
        output.print(confusion_table("Confusion: rows are true, columns predicted", scores["all"]))
    if found.group_comparison is not None:
        compared = found.group_comparison
        output.print(group_table(f"By {group}, {systems[0].table.source}", compared.groups))
        for line in gap_lines(compared):
            output.print(line, soft_wrap=True)
    if found.comparison is not None:
        line = comparison_line(str(predictions), str(against), found.comparison)
        output.print(line, soft_wrap=True)
    if json_file is not None:
        write_json(json_file, found.to_dict())


def _print_reading(system: SystemPredictions, truth: Path) -> None:
    from fer_ensemble.cli.console import notes

    notes.print(f"{system.table.source}: joined with {truth} by {system.joined_by}")
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in system.unanswered.items())
    if reasons:
        notes.print(f"  Without an answer: {reasons}", style="yellow")
    for note in system.notes:
        notes.print(f"  {note}", style="yellow")
