"""``fer-ensemble tune``: search the recipe of a network member."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_ensemble.cli.options import (
    ClassesOption,
    DeviceOption,
    StrictOption,
    complete_member,
    out_option,
    split_option,
)

if TYPE_CHECKING:
    from rich.table import Table

    from fer_ensemble.models.search import SearchResult, SearchTrial

_BEST_SHOWN = 5


def tune(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_member,
            help="Member whose network to search, such as tuned_cnn.",
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Labelled faces, in any form that 'fit' takes. Without it, synthetic faces are "
            "drawn, to try things out.",
            show_default=False,
        ),
    ] = None,
    classes: ClassesOption = None,
    trials: Annotated[
        int, typer.Option(min=1, help="Trials in all, those of an interrupted search included.")
    ] = 20,
    out: Annotated[Path, out_option(help="Folder to keep the search in.")] = Path("search"),
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Epochs of each trial, in place of the recipe's."),
    ] = None,
    time_budget: Annotated[
        str | None,
        typer.Option(
            help="Time for training the networks, as in 20m or 1h30m, shared equally among the "
            "trials.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = "auto",
    split: Annotated[str, split_option(help="Part of the data to train on.")] = "train",
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume an interrupted search in the same folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Discard a search in the folder.")
    ] = False,
    strict: StrictOption = False,
) -> None:
    """Search the recipe of a network member, and save the best one for 'fit --recipe'.

    Every trial trains the member with other values, chosen by Bayesian optimisation, and is judged
    on the same tenth of the training faces (or on the data's validation part). Ctrl-C loses no
    trial but the running one; --resume continues from there, also to more trials.

    Example:

      fer-ensemble tune tuned_cnn fer2013.zip --trials 20 --time-budget 10h --out search/
    """
    from fer_ensemble.cli.console import (
        choose_device,
        list_counts,
        notes,
        output,
        parse_duration,
        read_faces,
    )
    from fer_ensemble.models.search import import_keras_tuner, search_member, search_space

    choose_device(device)
    seconds = None if time_budget is None else parse_duration(time_budget)
    # A wrong name or a missing library is reported before a large file is read.
    search_space(name)
    import_keras_tuner()
    faces, description = read_faces(data, strict=strict, seed=seed, classes=classes)
    held_out = None
    if split == "train" and "validation" in faces.split_counts():
        validation = faces.select("validation")
        held_out = (validation.images, validation.labels)
    training = faces.select(split)
    notes.print(f"Searching on {len(training):,} faces: {list_counts(training.class_counts())}")

    with notes.status(f"Trial 1 of {trials}") as status:

        def on_trial(trial: SearchTrial) -> None:
            notes.print(_line(trial, trials))
            status.update(f"Trial {min(trial.number + 1, trials)} of {trials}")

        try:
            result = search_member(
                name,
                training.images,
                training.labels,
                trials,
                out,
                validation_data=held_out,
                epochs=epochs,
                time_budget=seconds,
                random_state=seed,
                resume=resume,
                overwrite=overwrite,
                on_trial=on_trial,
            )
        except KeyboardInterrupt:
            notes.print(
                f"\nInterrupted; finished trials are kept in {out}. "
                "Resume it with the same command and --resume.",
                style="yellow",
            )
            raise typer.Exit(130) from None
    output.print(_table(result, description))
    output.print(
        f"The best of {len(result.trials)} trials is optimistic: these faces chose it, and its "
        "epochs. For figures to quote, fit its recipe and evaluate on a test split.",
        soft_wrap=True,
    )
    source = "" if data is None else f"{data} "
    notes.print(f"Recipe saved in {out / 'best.json'}. Next:")
    notes.print(f"  fer-ensemble fit {source}--members {name} --recipe {out / 'best.json'}")


def _line(trial: SearchTrial, trials: int) -> str:
    values = ", ".join(f"{key} {_format(value)}" for key, value in trial.values.items())
    outcome = (
        f"failed ({trial.message})"
        if trial.accuracy is None
        else f"held-out accuracy {trial.accuracy:.3f}"
    )
    return f"Trial {trial.number} of {trials}: {values} · {outcome} · {trial.seconds:.0f} s"


def _format(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_format(entry) for entry in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(result: SearchResult, description: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    best = result.ranking[:_BEST_SHOWN]
    table = Table(
        title=f"Best of {len(result.trials)} trials of {result.member}, held out of {description}, "
        f"n = {best[0].n:,}",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in ("trial", *best[0].values, "accuracy", "95 % CI", "seconds"):
        table.add_column(column, justify="right")
    for trial in best:
        low, high = trial.accuracy_interval or (0.0, 1.0)
        table.add_row(
            str(trial.number),
            *(_format(value) for value in trial.values.values()),
            f"{trial.accuracy:.3f}",
            f"{low:.3f}–{high:.3f}",
            f"{trial.seconds:.0f}",
        )
    return table
