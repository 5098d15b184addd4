"""The application: its verbs, and how errors end."""

from __future__ import annotations

import io
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from fer_ensemble.cli.combine import combine
from fer_ensemble.cli.console import notes, visible
from fer_ensemble.cli.curves import curves
from fer_ensemble.cli.data import data
from fer_ensemble.cli.doctor import doctor
from fer_ensemble.cli.evaluate import evaluate
from fer_ensemble.cli.export import export
from fer_ensemble.cli.fit import fit
from fer_ensemble.cli.make_faces import make_faces
from fer_ensemble.cli.members import members
from fer_ensemble.cli.merge import merge
from fer_ensemble.cli.predict import predict
from fer_ensemble.cli.report import report
from fer_ensemble.cli.score import score
from fer_ensemble.cli.serve import serve
from fer_ensemble.cli.suspects import suspects
from fer_ensemble.cli.tune import tune
from fer_ensemble.libraries import MissingLibraryError
from fer_ensemble.ray_clusters import ClusterError


class _Verbs(TyperGroup):
    """The verbs; what users typed is shown in errors of usage as on any other line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _visible_errors():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with _visible_errors(), warnings.catch_warnings():
            warnings.showwarning = _note
            return super().invoke(ctx)


def _note(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Show a warning as a note; where in the code it came up is of no use to users."""
    if issubclass(category, UserWarning):
        notes.print(f"Note: {message}", style="yellow")


@contextmanager
def _visible_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Those of usage are known by what they have: their class is in a part of typer that moves.
        if hasattr(error, "format_message"):
            error.message = visible(str(error.message))  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="fer-ensemble",
    cls=_Verbs,
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
    merge,
    evaluate,
    report,
    serve,
    score,
    combine,
    export,
    members,
    curves,
    tune,
    data,
    suspects,
    make_faces,
    doctor,
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What an encoding such as cp1252 lacks is escaped, instead of ending the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except (ValueError, OSError, MissingLibraryError, ClusterError) as error:
        # Errors of ours are sentences for the user; DatasetError and ArtifactError among them.
        text = str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:
            text = f"{error.filename}: {error.strerror}"
        notes.print(f"Error: {text}")
        sys.exit(1)
