"""The application: its verbs, and how errors end."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from fer_ensemble import __version__
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

COMMON = "Common options"


class _Common:
    """What the application and its verbs have in common: some options, and how help looks."""

    params: list[Any]

    def __init__(self, *positional: Any, **settings: Any) -> None:
        super().__init__(*positional, **settings)
        self.params = [*self.params, *_common_options()]

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.rich_help_panel = COMMON
        return option

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _heed_no_color()
        super().format_help(ctx, formatter)  # type: ignore[misc]


class Verb(_Common, TyperCommand):
    """A verb: it also takes the common options, and what a configuration file sets."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let defaults of a configuration file count, and read the command line."""
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run it, as quietly as was asked for."""
        _settle_loudness(ctx)
        return super().invoke(ctx)


class _Verbs(_Common, TyperGroup):
    """The verbs; what users typed is shown in errors of usage as on any other line."""

    def __init__(self, *positional: Any, **settings: Any) -> None:
        super().__init__(*positional, **settings)
        self.params.insert(0, _version_option())

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _visible_errors():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with _visible_errors(), warnings.catch_warnings():
            warnings.showwarning = _note
            return super().invoke(ctx)


def _common_options() -> list[TyperOption]:
    flag: dict[str, Any] = {
        "is_flag": True,
        "default": False,
        "show_default": False,
        "expose_value": False,
        "callback": _keep,
        "rich_help_panel": COMMON,
    }
    return [
        TyperOption(
            param_decls=["--quiet", "-q"],
            help="Say nothing on standard error but errors: no notes, no bars.",
            **flag,
        ),
        TyperOption(
            param_decls=["--verbose", "-v"],
            help="Say on standard error what is done and how long it takes, by which versions, and "
            "where an unexpected error came up.",
            **flag,
        ),
    ]


def _version_option() -> TyperOption:
    return TyperOption(
        param_decls=["--version", "-V"],
        is_flag=True,
        is_eager=True,
        default=False,
        show_default=False,
        expose_value=False,
        callback=_show_version,
        help="Show the version and end.",
        rich_help_panel=COMMON,
    )


def _show_version(ctx: Any, param: Any, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        print(f"fer-ensemble {__version__}")
        raise typer.Exit


def _keep(ctx: Any, param: Any, value: Any) -> None:
    """Note a common option, be it given before the verb or after it, and where it was given."""
    if value and not ctx.resilient_parsing:
        source = ctx.get_parameter_source(param.name)
        _given(ctx)[param.name] = source.name if source else ""


def _given(ctx: Any) -> dict[str, Any]:
    given: dict[str, Any] = ctx.meta.setdefault(__name__, {})
    return given


def _settle_loudness(ctx: Any) -> None:
    given = _given(ctx)
    asked = {name: given[name] for name in ("quiet", "verbose") if name in given}
    # What is said on the command line counts more than what a file says.
    typed = [name for name, source in asked.items() if source == "COMMANDLINE"]
    chosen = typed or list(asked)
    if len(chosen) > 1:
        ctx.fail("--quiet and --verbose exclude each other: give one of them.")
    notes.set_loudness(quiet="quiet" in chosen, verbose="verbose" in chosen)


def _heed_no_color() -> None:
    """Let Typer's own pages be without escape codes where nobody wants them."""
    if os.environ.get("NO_COLOR"):
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = None


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
            _heed_no_color()
        raise


app = typer.Typer(
    name="fer-ensemble",
    cls=_Verbs,
    help="Facial expression recognition by ensembles of classical and deep models.",
    epilog="Start with: fer-ensemble predict photos/. To train: fer-ensemble fit.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

#: The verbs, by the panel of the help in which they stand.
VERBS: dict[str, tuple[Callable[..., None], ...]] = {
    "Predict": (predict, merge, serve),
    "Train": (fit, tune, combine, export),
    "Measure": (evaluate, report, score, curves),
    "Data": (data, suspects, make_faces),
    "Look": (members, doctor),
}
for panel, verbs in VERBS.items():
    for verb in verbs:
        app.command(cls=Verb, rich_help_panel=panel)(verb)


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
    notes.set_loudness(quiet=False, verbose=False)
    try:
        app(prog_name="fer-ensemble")
    except (ValueError, OSError, MissingLibraryError, ClusterError) as error:
        # Errors of ours are sentences for the user; DatasetError and ArtifactError among them.
        text = str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:
            text = f"{error.filename}: {error.strerror}"
        notes.error(f"Error: {text}")
        sys.exit(1)
