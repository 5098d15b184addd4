"""``fer-ensemble predict``: expressions of the faces in files and folders."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from fer_ensemble.cli.outcome import Tally


def predict(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Pictures that show one face each, and folders of such pictures.",
            metavar="PATHS",
            show_default=False,
        ),
    ],
    model: Annotated[Path, typer.Option(help="Folder of the saved ensemble.")] = Path("model"),
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .csv, .jsonl (or .ndjson) or .parquet. Without it, CSV goes to "
            "standard output.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Faces predicted at once.")] = 256,
    jobs: Annotated[
        int, typer.Option(min=-1, help="Threads that decode pictures; -1 takes all processors.")
    ] = -1,
    min_confidence: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Leave the label of faces empty, and call them unsure, whose confidence is below "
            "this.",
        ),
    ] = 0.0,
    device: Annotated[
        str, typer.Option(help="auto takes a GPU where there is one; cpu does not.")
    ] = "auto",
) -> None:
    """Predict the expression of the face in every picture.

    Each picture is taken for one face, made gray and resized. Every input gets
    a row, in the order of the inputs: path, label, confidence, a probability
    for each class (p_angry to p_neutral), and status, which is ok, unsure,
    unreadable, empty, missing or too_large. Folders are searched with all that is below;
    hidden files, and files that are no pictures by their ending, are left out.

    \b
    Examples:
      fer-ensemble predict photos/ --model model/ --out predictions.csv
      fer-ensemble predict anna.jpg ben.png

    \b
    Exit codes:
        0  every input has its prediction
        3  some have none
        4  none has one, or there is no picture
        1  another error, told in a line
        2  wrong usage
      130  interrupted; rows that were written are kept
    """
    from fer_ensemble.cli.console import choose_device
    from fer_ensemble.cli.outcome import INTERRUPTED, Tally, count, say

    choose_device(device)
    tally = Tally()
    try:
        code = _run(paths, model, out, batch_size, jobs, min_confidence, tally)
    except KeyboardInterrupt:
        say(f"\nInterrupted; {count(tally.total, 'row')} kept in {_name(out)}.", "yellow")
        code = INTERRUPTED
    raise typer.Exit(code)


def _run(
    paths: Sequence[str],
    model: Path,
    out: Path | None,
    batch_size: int,
    jobs: int,
    min_confidence: float,
    tally: Tally,
) -> int:
    from fer_ensemble.cli.console import notes
    from fer_ensemble.cli.outcome import ERROR, NONE, count, say, tell_left_out
    from fer_ensemble.faces import PictureListing, choose_writer, open_writer, predict_files

    try:
        choose_writer(out)
    except (ValueError, ImportError) as error:
        say(f"Error: --out: {error}")
        return ERROR
    listing = PictureListing(paths)
    if next(iter(listing), None) is None:
        tell_left_out(listing)
        say("No picture found.", "red")
        return NONE

    from fer_ensemble.artifact import load_ensemble, read_manifest
    from fer_ensemble.datasets import emotion_names

    face_size = read_manifest(model).preprocessing["size"]
    with notes.status("Loading the ensemble"):
        ensemble = load_ensemble(model)
    names = emotion_names(ensemble.classes_)

    progress = _progress(out)
    total = None if progress.disable else sum(1 for _ in listing)
    tally.started = time.perf_counter()
    try:
        with progress, open_writer(out, names) as writer:
            task = progress.add_task("", total=total, rate=0.0)
            for batch in predict_files(
                ensemble,
                listing,
                class_names=names,
                batch_size=batch_size,
                n_jobs=jobs,
                face_size=face_size,
                min_confidence=min_confidence,
            ):
                writer.write(batch)
                tally.add(batch)
                progress.update(task, completed=tally.total, rate=tally.rate)
    except BrokenPipeError:
        raise  # the reader has enough, as `head` does: typer ends quietly
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        kept = f"; {count(tally.total, 'row')} kept" if tally.total else ""
        say(f"Error: cannot write {_name(out)} ({error.strerror}{place}){kept}")
        return ERROR
    tell_left_out(listing)
    tally.tell(_name(out))
    return tally.code


def _progress(out: Path | None) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from fer_ensemble.cli.console import notes

    return Progress(
        TextColumn("Predicting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} faces/s"),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
        redirect_stdout=False,
        # Rows and a bar on one terminal would write over each other.
        disable=not notes.is_terminal or (out is None and sys.stdout.isatty()),
    )


def _name(out: Path | None) -> str:
    return "standard output" if out is None else str(out)
