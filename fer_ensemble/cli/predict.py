"""``fer-ensemble predict``: expressions of the faces in pictures and videos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_ensemble.cli.options import (
    DeviceOption,
    complete_detector,
    complete_engine,
    complete_set_method,
    model_option,
    out_option,
)

if TYPE_CHECKING:
    from fer_ensemble.cli.prediction_progress import Tally


def predict(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Pictures, videos, folders of them, patterns ('photos/**/*.jpg'), - for a list of "
            "paths on standard input, the number of a camera (0), and addresses of streams and "
            "videos (rtsp://, http://, https://) and of what object stores and HDFS hold (s3://, "
            "gs://, abfs://, hdfs://).",
            metavar="PATHS",
            show_default=False,
        ),
    ],
    model: Annotated[
        str | None,
        model_option(
            help="Folder of a saved ensemble; or fast, the quick network that comes with "
            "the package. Without it, the ensemble that does. (A folder named fast: ./fast)",
        ),
    ] = None,
    out: Annotated[
        str | None,
        out_option(
            help="File to write: .csv, .jsonl (or .ndjson) or .parquet. Without it, CSV goes to "
            "standard output. Names stand in it as they are: let a spreadsheet import them as "
            "text, or it may take =1+1.png for a formula. With --engine ray also a folder (rows/, "
            "s3://bucket/rows/), into which workers write parts in Parquet themselves.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Resume --out after a run that was killed; give the same inputs and options.",
        ),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Predict part i of n of the inputs only, from 1/n to n/n, into an --out of its "
            "own; with the same inputs and options for each. 'fer-ensemble merge' joins the parts.",
            metavar="i/n",
            show_default=False,
        ),
    ] = None,
    detector: Annotated[
        str,
        typer.Option(
            autocompletion=complete_detector,
            help="blazeface, haar, mtcnn or yunet:MODEL find faces; skip takes every picture for "
            "one; auto takes what was cut out for a data set (gray up to 64 pixels, or filled by a "
            "face up to 256) for one, and blazeface for the others.",
        ),
    ] = "auto",
    align: Annotated[
        bool, typer.Option(help="Turn faces so that their eyes are level, where these are known.")
    ] = True,
    min_face: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Side of the smallest face to find, in pixels. By default 20, and in large "
            "pictures some 80th of the longer side, which the column reason then says.",
            show_default=False,
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Leave out faces with a lower face_score: for blazeface (0.6 without this), mtcnn "
            "(0.8) and yunet (0.6) from 0 to 1; for haar a sum, some 54 and more.",
            show_default=False,
        ),
    ] = None,
    max_faces: Annotated[
        int | None,
        typer.Option(
            "--max-faces",
            min=1,
            help="Of each picture, predict no more than this: the largest.",
            show_default=False,
        ),
    ] = None,
    largest: Annotated[
        bool, typer.Option("--largest", help="The same as --max-faces 1: each picture's main face.")
    ] = False,
    every: Annotated[
        int, typer.Option(min=1, help="Of so many frames of a video or an animation, look at one.")
    ] = 1,
    track: Annotated[
        bool,
        typer.Option(
            "--track",
            help="Follow the faces of videos by their boxes: each gets a number in its video, in "
            "the column track, and its probabilities are smoothed over time.",
        ),
    ] = False,
    window: Annotated[
        float,
        typer.Option(
            min=0,
            help="With --track: seconds in which older probabilities of a face lose all but 37 % "
            "of their weight. 0 smooths nothing.",
            metavar="SECONDS",
        ),
    ] = 0.5,
    annotate: Annotated[
        Path | None,
        typer.Option(
            help="Folder for copies with boxes, labels and probabilities: a JPEG of each picture "
            "(a.png.jpg), an MP4 without sound of each video (clip.avi.mp4; MPEG-4 Part 2, which "
            "most players show but few browsers). Of a run that was interrupted or resumed within "
            "a video, parts named by their first and last frame.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    explain: Annotated[
        Path | None,
        typer.Option(
            help="Folder for a picture of each face that shows what speaks for its label: places, "
            "members, and traits of its shape (a.png.0.png for the first face of a.png; "
            "clip.avi/000012.0.png). A face takes 170 predictions: 0.2 s with fast, 1.5 s "
            "with the ensemble.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
    show: Annotated[
        bool,
        typer.Option(
            "--show",
            help="Show all that is predicted in a window, with boxes, labels and probabilities; q "
            "ends. Faces are then predicted as they come, and not --batch-size at once.",
        ),
    ] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Faces predicted at once.")] = 256,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            min=-1,
            help="Threads that read and search pictures; -1 takes all processors.",
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
    coverage: Annotated[
        float | None,
        typer.Option(
            help="Add a column labels: all that a face may well have, most probable first "
            "(angry|sad), so that of faces like those of the training data this share has the "
            "true one among them. Between 0 and 1, such as 0.9. Nothing is promised of other "
            "faces, nor of what --track smooths.",
            show_default=False,
        ),
    ] = None,
    set_method: Annotated[
        str,
        typer.Option(
            autocompletion=complete_set_method,
            help="With --coverage: lac makes the smallest sets on average, aps larger ones where "
            "it is harder to tell, raps such without the largest.",
        ),
    ] = "lac",
    class_conditional: Annotated[
        bool,
        typer.Option(
            "--class-conditional",
            help="With --coverage: let it hold for each expression, and not only for all "
            "together. Sets become larger.",
        ),
    ] = False,
    device: DeviceOption = "auto",
    engine: Annotated[
        str,
        typer.Option(
            autocompletion=complete_engine,
            help="local predicts in this process; ray on the workers of a cluster, each with "
            "--jobs processors (1 without it), and with the same rows in the same order.",
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="With --engine ray: address of the cluster (10.0.0.1:6379, ray://10.0.0.1:10001), "
            "or auto for one that runs on this machine. Without it that of RAY_ADDRESS, or one of "
            "this machine alone, for the while.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Predict the expression of every face in pictures and videos.

    Every face gets a row, in the order of the inputs: path, frame, time, face
    (a number), track (with --track), x, y, width, height, face_score, label,
    confidence, labels (with --coverage), a probability for each class
    (p_angry to p_neutral), status, which is ok or unsure, and reason, which
    says what else is to be known. A picture, frame or video without a face
    gets one whose status is no_face, unreadable, empty, missing or too_large,
    and whose reason says why. Folders
    are searched with all that is below; hidden files, and those that are
    neither pictures nor videos by ending or content, are left out. Animated
    pictures and documents of several pages are taken for videos.

    Of a camera, and of a stream without an end, the latest frame is predicted
    each time, and those that came meanwhile are left out: their numbers are
    missing in the column frame. Rows are written at once; Ctrl-C ends, and q
    in the window. Users, passwords and tokens in addresses are not written
    anywhere.

    \b
    Examples:
      fer-ensemble predict photos/
      fer-ensemble predict photos/ --model model/ --out predictions.csv
      fer-ensemble predict photos/ --out predictions.csv --resume
      fer-ensemble predict clips/ --model fast --every 5
      fer-ensemble predict anna.jpg 'trip/**/*.png' --annotate seen/
      fer-ensemble predict anna.jpg --model fast --explain why/
      fer-ensemble predict clip.mp4 --every 10 --detector mtcnn
      fer-ensemble predict clip.mp4 --track --window 1
      fer-ensemble predict crops/ --detector skip
      fer-ensemble predict photos/ --out rows.csv --coverage 0.9
      fer-ensemble predict 0 --model fast --show --track
      fer-ensemble predict rtsp://camera/1 --out rows.jsonl
      find . -name '*.jpg' -print0 | fer-ensemble predict - --out rows.jsonl
      fer-ensemble predict /shared/photos/ --out rows.csv --engine ray --address auto

    On several machines that see the same files, each task predicts a shard; one
    that was stopped is started again with the same line. A complete shard has
    its record beside it (OUT.shard.json), with exit codes 3 and 4, too: where
    such a task would count as failed, add  || test -e OUT.shard.json

    \b
      Slurm, sbatch --array=1-100:
        fer-ensemble predict photos/ --out parts/$SLURM_ARRAY_TASK_ID.csv \\
          --resume --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
      Kubernetes, an indexed job of 100 completions, counted from 0:
        fer-ensemble predict photos/ --out parts/$JOB_COMPLETION_INDEX.csv \\
          --resume --shard $((JOB_COMPLETION_INDEX+1))/100
      xargs, four processes:
        seq 4 | xargs -P 4 -I{} fer-ensemble predict photos/ \\
          --out parts/{}.csv --resume --shard {}/4 --jobs 1
      then:
        fer-ensemble merge parts/ --out rows.csv

    \b
    Exit codes:
        0  every input has its prediction
        3  some have none, or files in a folder could not be read
        4  none has one, or there is no picture
        1  another error, told in a line
        2  wrong usage
      130  interrupted, or 143 terminated; rows that were written are kept
    """
    from fer_ensemble.artifact import SetOptions
    from fer_ensemble.cli.console import choose_device
    from fer_ensemble.cli.prediction_progress import (
        INTERRUPTED,
        Tally,
        count,
        name_output,
        predict_step_by_step,
        say,
    )

    if resume and out is None:
        raise typer.BadParameter("--resume continues a file: name it with --out.")
    if shard is not None and out is None:
        raise typer.BadParameter("--shard needs a file for its rows: name it with --out.")
    choose_device(device)
    tally = Tally()
    settings = {
        "model": model,
        "resume": resume,
        "shard": None if shard is None else _parse_shard(shard),
        "detector": detector,
        "align": align,
        "min_face": min_face,
        "min_score": min_score,
        "max_faces": 1 if largest else max_faces,
        "every": every,
        "batch_size": batch_size,
        "n_jobs": jobs,
        "min_confidence": min_confidence,
        "sets": None if coverage is None else SetOptions(coverage, set_method, class_conditional),
        "annotate_to": annotate,
        "explain_to": explain,
        "track": track,
        "window": window,
        "engine": engine,
        "address": address,
    }
    try:
        if show:
            code = _run_in_window(paths, out, settings, tally)
        else:
            code = predict_step_by_step(paths, out, settings, tally)
    except KeyboardInterrupt:
        say(f"\nInterrupted; {count(tally.rows, 'row')} kept in {name_output(out)}.", "yellow")
        code = INTERRUPTED
    raise typer.Exit(code)


def _run_in_window(
    paths: Sequence[str], out: str | None, settings: dict[str, Any], tally: Tally
) -> int:
    """Predict, show it, and leave the last picture until someone has seen it."""
    from fer_ensemble.cli.console import notes
    from fer_ensemble.cli.prediction_progress import ERROR, predict_step_by_step
    from fer_ensemble.cli.prediction_window import PictureWindow, WindowError

    try:
        window = PictureWindow()
    except WindowError as error:
        notes.error(f"Error: --show: {error}")
        return ERROR
    with window:
        code = predict_step_by_step(paths, out, {**settings, "show": window.show}, tally, window)
        if code != ERROR:
            window.wait()
    return code


def _parse_shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    # Numbers in other scripts are digits, too.
    if not (text.isascii() and number.isdigit() and count.isdigit()):
        raise typer.BadParameter(f"--shard {text}: give which of how many, such as 2/7.")
    if not 1 <= int(number) <= int(count):
        raise typer.BadParameter(f"--shard {text}: of n shards, the first is 1/n and the last n/n.")
    return int(number), int(count)
