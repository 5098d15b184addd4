"""``fer-ensemble score``: measure the predictions of any tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fer_ensemble.evaluation import Evaluation
    from fer_ensemble.scoring import JoinedPredictions, SystemPredictions

_RESAMPLES = 2000


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
            help="Columns that name a row in all files, separated by commas. By default path, "
            "file, image, name, id or the like; without any, rows are joined by their number.",
            show_default=False,
        ),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="File to write the figures to.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Measure the predictions of any tool against true labels.

    Labels go by any usual spelling (angry, Anger, 0), or are any others. Rows without an answer,
    such as those that 'predict' could not read, count as errors; the answered ones are measured
    alone as well. Intervals are of 95 %.

    Examples:

      fer-ensemble score predictions.csv --truth labels.csv --group lighting

      fer-ensemble score ours.csv --truth labels.csv --against theirs.csv --json figures.json
    """
    from fer_ensemble.cli.console import notes, output
    from fer_ensemble.cli.tables import (
        class_table,
        comparison_line,
        confusion_table,
        group_table,
        measure_table,
    )
    from fer_ensemble.evaluation import compare_predictions, evaluate_groups
    from fer_ensemble.scoring import join_predictions

    files = [predictions] if against is None else [predictions, against]
    columns = None if by is None else [name.strip() for name in by.split(",")]
    joined = join_predictions(truth, files, by=columns)
    content: dict[str, Any] = {"truth": str(truth), "classes": list(joined.classes), "systems": {}}
    for system in joined.systems:
        _tell(system, truth)
        scores = _evaluate(joined, system, seed)
        name = system.table.source
        content["systems"][name] = {
            "joined_by": system.joined_by,
            "unanswered": system.unanswered,
            **{kind: found.to_dict() for kind, found in scores.items()},
        }
        output.print(measure_table(f"{name}, n = {len(joined.y_true):,}", scores))
        output.print(class_table(f"Classes, {name}", scores["all"]))
        output.print(confusion_table("Confusion: rows are true, columns predicted", scores["all"]))
    if group is not None:
        first = joined.systems[0]
        found = evaluate_groups(
            joined.y_true,
            groups=joined.column(group),
            classes=joined.classes,
            n_bootstrap=_RESAMPLES,
            random_state=seed,
            **_arrays(first),
        )
        content["groups"] = {"column": group, "scores": [part.to_dict() for part in found]}
        output.print(group_table(f"By {group}, {first.table.source}", found))
    if against is not None:
        ours, theirs = (system.y_pred for system in joined.systems)
        difference = compare_predictions(joined.y_true, ours, theirs, random_state=seed)
        content["comparison"] = difference.to_dict()
        told = comparison_line(str(predictions), str(against), difference)
        output.print(told, soft_wrap=True, markup=False)
    if json_file is not None:
        import json

        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(content, indent=2) + "\n")
        notes.print(f"Figures written to {json_file}")


def _evaluate(
    joined: JoinedPredictions, system: SystemPredictions, seed: int
) -> dict[str, Evaluation]:
    """Measure all rows, and the answered ones alone if there are others."""
    from fer_ensemble.evaluation import evaluate_predictions

    parts: dict[str, Any] = {"all": slice(None)}
    if system.answered.any() and not system.answered.all():
        parts["answered"] = system.answered
    return {
        kind: evaluate_predictions(
            joined.y_true[rows],
            classes=joined.classes,
            n_bootstrap=_RESAMPLES,
            random_state=seed,
            **{name: array[rows] for name, array in _arrays(system).items()},
        )
        for kind, rows in parts.items()
    }


def _arrays(system: SystemPredictions) -> dict[str, Any]:
    arrays = {"y_pred": system.y_pred, "answered": system.answered}
    probabilities = system.probabilities
    return arrays if probabilities is None else {**arrays, "probabilities": probabilities}


def _tell(system: SystemPredictions, truth: Path) -> None:
    from fer_ensemble.cli.console import notes

    told = f"{system.table.source}: joined with {truth} by {system.joined_by}"
    notes.print(told, markup=False)
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in system.unanswered.items())
    if reasons:
        notes.print(f"  Without an answer: {reasons}", style="yellow", markup=False)
    for note in system.notes:
        notes.print(f"  {note}", style="yellow", markup=False)
