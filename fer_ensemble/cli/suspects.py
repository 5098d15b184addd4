"""``fer-ensemble suspects``: labels that are probably wrong, and pictures that are no faces."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_ensemble.cli.console import count
from fer_ensemble.cli.options import (
    ClassesOption,
    JobsOption,
    JsonOption,
    StrictOption,
    complete_decision,
    complete_members,
    complete_rank,
    out_option,
    split_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from fer_ensemble.suspects import SuspectLabels


def suspects(
    data: Annotated[
        Path,
        typer.Argument(help="Labelled faces, in any form that 'fit' takes.", show_default=False),
    ],
    classes: ClassesOption = None,
    out: Annotated[
        Path, out_option(help="Page to look through the suspects on, and to decide.")
    ] = Path("suspects.html"),
    decisions: Annotated[
        Path | None,
        typer.Option(
            help="CSV to list every suspect in, with an empty column for decisions, or with those "
            "of --decide; 'fit --decisions' takes it.",
            show_default=False,
        ),
    ] = None,
    decide: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete_decision,
            help="What to decide of the --first suspects without asking anybody: drop, or relabel "
            "as suggested.",
            show_default=False,
        ),
    ] = None,
    first: Annotated[
        int, typer.Option(help="Of how many of the most suspect --decide decides.")
    ] = 100,
    split: Annotated[
        str, split_option(help="Part of the data to look through; all takes every face.")
    ] = "train",
    members: Annotated[
        str | None,
        typer.Option(
            autocompletion=complete_members,
            help="Members to judge the faces, separated by commas, in place of two quick models; "
            "'fer-ensemble members' lists them. Better ones find more and take longer.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[int, typer.Option(help="Into how many folds the faces are dealt.")] = 5,
    rank_by: Annotated[
        str,
        typer.Option(
            autocompletion=complete_rank,
            help="By what doubted labels are ranked: self_confidence, normalized_margin.",
        ),
    ] = "self_confidence",
    most: Annotated[
        int, typer.Option("--max-shown", help="How many suspects the page shows.")
    ] = 1000,
    json_file: JsonOption = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    jobs: JobsOption = -1,
    strict: StrictOption = False,
) -> None:
    """Find labels that are probably wrong, copies that disagree, and pictures that are no faces.

    Models judge every face without having seen it or a copy of it. A page shows the suspects, the
    most suspect first, each with its reason; what is decided there is saved as a CSV, which 'fit
    --decisions' follows. Ctrl-C keeps the folds that are done; the same command continues.

    Examples:

      fer-ensemble suspects fer2013.zip

      fer-ensemble fit fer2013.zip --decisions decisions.csv

      fer-ensemble suspects photos/ --members dense_hog,cnn_2 --decisions decisions.csv
    """
    import shutil

    from fer_ensemble.cli.console import notes, output, read_faces, write_json
    from fer_ensemble.report import write_contact_sheet
    from fer_ensemble.suspects import check_rule, find_suspect_labels

    # What is wrong with the options is reported before a large file is read.
    check_rule(decide, first)
    if out.is_dir():
        raise IsADirectoryError(f"{out} is a folder: name a file to write the page to.")
    estimators = None
    if members is not None:
        from fer_ensemble.fitting import create_members

        names = [name.strip() for name in members.split(",") if name.strip()]
        estimators = create_members(names, seed=seed, n_jobs=jobs)
    faces = read_faces(data, strict=strict, seed=seed, classes=classes)[0]
    unfinished = out.with_name(out.name + ".unfinished")
    try:
        with _step_bar() as on_step:
            found = find_suspect_labels(
                faces,
                split=split,
                members=estimators,
                n_folds=folds,
                rank_by=rank_by,
                seed=seed,
                keep=unfinished,
                on_step=on_step,
            )
    except KeyboardInterrupt:
        notes.print(
            f"\nInterrupted; the folds that are done are kept in {unfinished}. Continue with the "
            "same command.",
            style="yellow",
        )
        raise typer.Exit(130) from None
    listed = found.decisions(decide, first)
    write_contact_sheet(found, out, decisions=listed, most=most)
    if decisions is not None:
        listed.write(decisions)
    if json_file is not None:
        write_json(json_file, found.to_dict(), what="Counts")
    shutil.rmtree(unfinished, ignore_errors=True)
    output.print(_table(found))
    output.print(_estimate(found), soft_wrap=True)
    if decide is not None:
        done = {"drop": "left out", "relabel": "relabelled as suggested, or left out"}[decide]
        output.print(
            f"Decided without anybody's look: {count(min(first, len(found)), 'face')} to be {done}"
        )
    notes.print(f"{count(min(most, len(found)), 'suspect')} shown in {out}. Next:")
    file = decisions or Path("decisions.csv")
    if decisions is None:
        notes.print(f"  open {out}, decide, and save {file}")
    notes.print(f"  fer-ensemble fit {data} --decisions {file}")


@contextmanager
def _step_bar() -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from fer_ensemble.cli.console import notes

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.shows_bars) as bar:
        task = bar.add_task("", total=None)

        def on_step(what: str, done: int, total: int) -> None:
            counted = f" ({done} of {total} done)" if total > 1 else ""
            bar.update(
                task,
                description=what + counted,
                completed=done,
                total=total if total > 1 else None,
            )

        yield on_step


def _table(found: SuspectLabels) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    told = {
        "blank": "blank: all pixels are the same",
        "no_face": "no face is found",
        "copies": "copies carry other labels",
        "doubted": "the label is doubted",
    }
    table = Table(
        title=f"Suspects among {count(len(found.faces), 'face')} of {found.description}",
        title_justify="left",
        box=SIMPLE_HEAD,
        show_footer=True,
    )
    table.add_column("reason", footer="any of these")
    table.add_column("faces", footer=f"{len(found):,}", justify="right")
    for kind, n in found.kind_counts().items():
        table.add_row(told[kind], f"{n:,}")
    return table


def _estimate(found: SuspectLabels) -> str:
    from fer_ensemble.evaluation import wilson_interval

    n, accuracy = len(found.faces), found.accuracies["all"]
    low, high = wilson_interval(round(accuracy * n), n)
    return (
        f"Out of fold, the models agree with {accuracy:.3f} of the labels ({low:.3f}–{high:.3f}, "
        f"n = {n:,}); by confident learning, {count(found.n_wrong, 'label')} of these are wrong: "
        "an estimate that is as good as the models."
    )
