"""``fer-ensemble predict``: expressions of the faces in pictures and videos."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fer_ensemble.cli.outcome import Tally
    from fer_ensemble.faces import FaceFinder


def predict(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Pictures, videos, folders of them, patterns ('photos/**/*.jpg'), and - for a "
            "list of paths on standard input.",
            metavar="PATHS",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="Folder of a saved ensemble; or fast, the cheapest member of the ensemble that "
            "comes with the package. Without it, that ensemble. (A folder named fast: ./fast)",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .csv, .jsonl (or .ndjson) or .parquet. Without it, CSV goes to "
            "standard output.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with --out after a run that was killed; give the same inputs and options.",
        ),
    ] = False,
    detector: Annotated[
        str,
        typer.Option(
            help="haar, mtcnn or yunet:MODEL find faces; skip takes every picture for one; auto "
            "takes small or square gray pictures for faces, and haar for the others."
        ),
    ] = "auto",
    align: Annotated[
        bool, typer.Option(help="Turn faces so that their eyes are level, where these are known.")
    ] = True,
    min_face: Annotated[
        int, typer.Option(min=1, help="Side of the smallest face to find, in pixels.")
    ] = 20,
    every: Annotated[
        int, typer.Option(min=1, help="Of so many frames of a video, look at one.")
    ] = 1,
    annotate: Annotated[
        Path | None,
        typer.Option(
            help="Folder for copies of the pictures with boxes, labels and probabilities.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Faces predicted at once.")] = 256,
    jobs: Annotated[
        int,
        typer.Option(
            min=-1, help="Threads that read and search pictures; -1 takes all processors."
        ),
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
    """Predict the expression of every face in pictures and videos.

    Every face gets a row, in the order of the inputs: path, frame, time, face
    (a number), x, y, width, height, face_score, label, confidence, a
    probability for each class (p_angry to p_neutral), and status, which is ok
    or unsure. A picture, frame or video without a face gets one that says why:
    no_face, unreadable, empty, missing or too_large. Folders are searched with
    all that is below; hidden files, and files that are neither pictures nor
    videos by their ending, are left out.

    \b
    Examples:
      fer-ensemble predict photos/
      fer-ensemble predict photos/ --model model/ --out predictions.csv
      fer-ensemble predict photos/ --out predictions.csv --resume
      fer-ensemble predict clips/ --model fast --every 5
      fer-ensemble predict anna.jpg 'trip/**/*.png' --annotate seen/
      fer-ensemble predict clip.mp4 --every 10 --detector mtcnn
      fer-ensemble predict crops/ --detector skip
      find . -name '*.jpg' -print0 | fer-ensemble predict - --out rows.jsonl

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

    if resume and out is None:
        raise typer.BadParameter("--resume goes on with a file: name it with --out.")
    choose_device(device)
    tally = Tally()
    finding = {"detector": detector, "align": align, "min_face": min_face}
    settings = {
        "every": every,
        "batch_size": batch_size,
        "n_jobs": jobs,
        "min_confidence": min_confidence,
        "annotate_to": annotate,
    }
    try:
        code = _run(_Job(paths, model, out, resume, finding, settings), tally)
    except KeyboardInterrupt:
        say(f"\nInterrupted; {count(tally.rows, 'row')} kept in {_name(out)}.", "yellow")
        code = INTERRUPTED
    raise typer.Exit(code)


@dataclass(frozen=True)
class _Job:
    paths: Sequence[str]
    model: str | None
    out: Path | None
    resume: bool
    finding: dict[str, Any]
    settings: dict[str, Any]


def _run(job: _Job, tally: Tally) -> int:
    from fer_ensemble.cli.outcome import ERROR, NONE, say, tell_left_out, tell_taken_whole
    from fer_ensemble.faces import FaceFinder, PictureListing, choose_writer

    try:
        choose_writer(job.out or sys.stdout.buffer)
    except (ValueError, ImportError) as error:
        say(f"Error: --out: {error}")
        return ERROR
    listing = PictureListing(job.paths, sys.stdin.buffer, left_out=job.settings["annotate_to"])
    inputs = iter(listing)
    if (first := next(inputs, None)) is None:
        tell_left_out(listing)
        say("No picture found.", "red")
        return NONE

    from fer_ensemble.artifact import read_manifest, resolve_model

    manifest = read_manifest(resolve_model(job.model))
    try:
        finder = FaceFinder(**job.finding, size=manifest.preprocessing["size"])
    except (ValueError, ImportError) as error:
        say(f"Error: --detector: {error}")
        return ERROR
    if not _predict(job, chain([first], inputs), finder, manifest.class_names, tally):
        return ERROR
    tell_left_out(listing)
    if job.finding["detector"] == "auto":
        tell_taken_whole(finder)
    tally.tell(_name(job.out))
    return tally.code


def _predict(
    job: _Job, inputs: Iterator[str], finder: FaceFinder, names: Sequence[str], tally: Tally
) -> bool:
    """Write the rows of the inputs; tell if they cannot be written."""
    from fer_ensemble.artifact import load_model
    from fer_ensemble.cli.console import notes
    from fer_ensemble.cli.outcome import count, say
    from fer_ensemble.cli.picture_bar import count_pictures, picture_bar
    from fer_ensemble.faces import find_kept_rows, open_writer, predict_files, skip_done

    remaining: Iterator[Any] = inputs
    n_kept = 0
    if job.resume and job.out is not None:
        kept = find_kept_rows(job.out, names, job.settings["batch_size"])
        remaining, n_kept = skip_done(inputs, kept), kept.n_bytes
        tally.keep(kept)
    with notes.status("Loading the ensemble"):
        ensemble = load_model(job.model)
    batches = predict_files(ensemble, remaining, class_names=names, finder=finder, **job.settings)
    progress, total = picture_bar(job.out), count_pictures(job.paths, job.settings["annotate_to"])
    tally.started = time.perf_counter()
    try:
        with (
            closing(batches),
            progress,
            open_writer(job.out or sys.stdout.buffer, names, n_kept=n_kept) as writer,
        ):
            task = progress.add_task("", total=total, completed=tally.items, rate=0.0)
            for batch in batches:
                writer.write(batch)
                tally.add(batch)
                progress.update(task, completed=tally.items, rate=tally.rate)
    except BrokenPipeError:
        raise  # the reader has enough, as `head` does: typer ends quietly
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        told = f"; {count(tally.rows, 'row')} kept" if tally.rows else ""
        say(f"Error: cannot write {_name(job.out)} ({error.strerror}{place}){told}")
        return False
    return True


def _name(out: Path | None) -> str:
    return "standard output" if out is None else str(out)
