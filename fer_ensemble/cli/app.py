"""The application: its verbs, and how errors end."""

from __future__ import annotations

import signal
import sys

import typer

from fer_ensemble.cli.combine import combine
from fer_ensemble.cli.curves import curves
from fer_ensemble.cli.data import data
from fer_ensemble.cli.evaluate import evaluate
from fer_ensemble.cli.export import export
from fer_ensemble.cli.fit import fit
from fer_ensemble.cli.make_faces import make_faces
from fer_ensemble.cli.members import members
from fer_ensemble.cli.predict import predict
from fer_ensemble.cli.report import report
from fer_ensemble.cli.score import score
from fer_ensemble.cli.tune import tune
from fer_ensemble.libraries import MissingLibraryError

app = typer.Typer(
    name="fer-ensemble",
    help="Facial expression recognition by ensembles of classical and deep models.",
    epilog="Start with: fer-ensemble predict photos/. To train: fer-ensemble fit.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
for verb in (
    fit,
    predict,
    evaluate,
    report,
    score,
    combine,
    export,
    members,
    curves,
    tune,
    data,
    make_faces,
):
    app.command()(verb)


INTERRUPTED, TERMINATED = 130, 143  # as shells have it: 128 and the number of the signal


def main() -> None:
    """Run the command line; errors of the user's end in one line, not in a traceback.

    A request to terminate (SIGTERM) is handled as Ctrl-C is: what is done is kept.
    """
    ended_by: list[int] = []

    def stop(number: int, _: object) -> None:
        ended_by.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        _run()
    except SystemExit as end:
        if ended_by and end.code not in (None, 0):
            sys.exit(TERMINATED)
        raise
    except KeyboardInterrupt:
        sys.exit(TERMINATED if ended_by else INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)


def _run() -> None:
    try:
        app()
    except (ValueError, OSError, MissingLibraryError) as error:
        # Errors of ours are sentences for the user; DatasetError and ArtifactError among them.
        from rich.console import Console

        Console(stderr=True, highlight=False).print(f"Error: {error}", markup=False, soft_wrap=True)
        sys.exit(1)
