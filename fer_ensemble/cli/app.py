"""The application: its verbs, and how errors end."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from fer_ensemble import __version__
from fer_ensemble.cli.combine import combine
from fer_ensemble.cli.console import join_lines, notes, output
from fer_ensemble.cli.curves import curves
from fer_ensemble.cli.data import data
from fer_ensemble.cli.doctor import doctor
from fer_ensemble.cli.evaluate import evaluate
from fer_ensemble.cli.export import export
from fer_ensemble.cli.fit import fit
from fer_ensemble.cli.make_faces import make_faces
from fer_ensemble.cli.members import members
from fer_ensemble.cli.merge import merge
from fer_ensemble.cli.options import OLD_WORDS
from fer_ensemble.cli.predict import predict
from fer_ensemble.cli.report import report
from fer_ensemble.cli.score import score
from fer_ensemble.cli.serve import serve
from fer_ensemble.cli.suspects import suspects
from fer_ensemble.cli.tune import tune
from fer_ensemble.libraries import MissingLibraryError
from fer_ensemble.ray_clusters import ClusterError

COMMON = "Common options"

_VARIABLE = "FER_ENSEMBLE_CONFIG"
_ROOT_MARKS = (".git", ".hg")  # of a repository, above which another's files begin
# What the running command has of a configuration file, to be told.
_CONFIGURED: dict[str, str] = {}


class _Common:
    """What the application and its verbs have in common: some options, and how help looks."""

    params: list[Any]
    help: str | None

    def __init__(self, *positional: Any, **settings: Any) -> None:
        super().__init__(*positional, **settings)
        self.params = [*self.params, *_common_options()]
        self.help = join_lines(settings.get("help") or "")

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
        args = _renew(args, OLD_WORDS.get(ctx.info_name, {}))
        if not ctx.resilient_parsing:
            _take_defaults(ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run it, as quietly as was asked for."""
        _settle_loudness(ctx)
        if "note" in _CONFIGURED:
            notes.print(f"Note: {_CONFIGURED['note']}", style="yellow")
        if not notes.verbose:
            return super().invoke(ctx)
        from fer_ensemble.cli.details import describe_end, describe_start

        notes.detail(describe_start())
        notes.detail(_CONFIGURED.get("told", "No configuration file"))
        started = time.perf_counter()
        try:
            return super().invoke(ctx)
        finally:
            notes.detail(describe_end(time.perf_counter() - started))


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
        TyperOption(
            param_decls=["--config"],
            type=str,
            metavar="FILE",
            help="Take defaults of options from this file. Without it, from what the variable "
            f"{_VARIABLE} names, or else from fer-ensemble.toml or the table tool.fer-ensemble of "
            "pyproject.toml, in this folder or the next above, up to the repository's.",
            **{**flag, "is_flag": False, "default": None},
        ),
        TyperOption(
            param_decls=["--no-config"],
            help="Take no defaults from any file.",
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
    """Note a common option, be it given before the verb or after it."""
    if value and not ctx.resilient_parsing:
        if param.name == "config":
            _given(ctx)["config"] = value
            return
        source = ctx.get_parameter_source(param.name)
        # Said twice, it counts as said on the command line.
        if _given(ctx).get(param.name) != "COMMANDLINE":
            _given(ctx)[param.name] = source.name if source else ""


def _given(ctx: Any) -> dict[str, Any]:
    given: dict[str, Any] = ctx.meta.setdefault(__name__, {})
    return given


def _renew(args: list[str], words: Mapping[str, str]) -> list[str]:
    """Put the words that options have now in place of those that they had before."""
    end = args.index("--") if "--" in args else len(args)
    parted = [word.partition("=") for word in args[:end]]
    renewed = [words.get(word, word) + equals + value for word, equals, value in parted]
    return renewed + args[end:]


def _take_defaults(ctx: Any, args: list[str]) -> None:
    """Find the configuration file, and let what it has for this verb count as defaults."""
    given = _given(ctx)
    try:
        # Asked before all else: help, too, shows the defaults that are in force.
        typed = ctx.command.make_parser(ctx).parse_args(list(args))[0]
    except Exception:
        typed = {}  # told when the line is read in earnest
    named = typed.get("config") or given.get("config")
    none = typed.get("no_config") or given.get("no_config")
    if named and none:
        ctx.fail("--config and --no-config exclude each other: give one of them.")
    if none:
        return
    named = named or os.environ.get(_VARIABLE)
    file = Path(named).absolute() if named else _find_configuration()
    if file is None:
        return
    from fer_ensemble.cli.configuration import ConfigurationError, list_keys, read_defaults

    try:
        defaults, keys = read_defaults(file, ctx.parent.command, ctx.info_name, named=bool(named))
    except ConfigurationError as error:
        if not {"-h", "--help"}.isdisjoint(args):
            notes.print(f"Note: {error}", style="yellow")
            return
        raise
    ctx.default_map = defaults
    _CONFIGURED["told"] = f"Defaults from {file}: {list_keys(keys)}"
    if keys:
        _CONFIGURED["hint"] = f"({file} sets {list_keys(keys)}; --no-config leaves it out)"
    for param in ctx.command.params:
        if param.name in defaults:
            param.show_default = True


def _find_configuration() -> Path | None:
    """Look for a configuration here and above, up to the folder of the repository or the user."""
    home = Path(os.path.expanduser("~"))  # as it is written, where nobody has one
    try:
        folder = Path.cwd()
    except FileNotFoundError:  # it was removed
        return None
    for place in (folder, *folder.parents):
        for name in ("fer-ensemble.toml", "pyproject.toml"):
            file = place / name
            # Not by Path, which is stopped by a folder that may not be looked into.
            if os.path.isfile(file) and _counts(file):
                return file
        if place == home or any(os.path.exists(place / mark) for mark in _ROOT_MARKS):
            break
    return None


def _counts(file: Path) -> bool:
    from fer_ensemble.cli.configuration import has_table, is_anothers

    if file.name == "pyproject.toml" and not has_table(file):
        return False
    if is_anothers(file):
        _CONFIGURED["note"] = f"{file} is passed over: it is another user's. --config takes it."
        return False
    return True


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
    """Show a warning as a note; where in the code it came up is told to those who ask for more."""
    if notes.verbose:
        file, line = place[:2]
        notes.print(f"{category.__name__}: {message} ({file}:{line})", style="yellow")
    elif issubclass(category, UserWarning):
        notes.print(f"Note: {message}", style="yellow")


@contextmanager
def _visible_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # Those of usage are known by what they have: their class is in a part of typer that moves.
        if hasattr(error, "format_message"):
            from fer_ensemble.cli.usage_errors import explain

            error.message = explain(error, _CONFIGURED.get("hint", ""))  # type: ignore[attr-defined]
            _heed_no_color()
        raise


app = typer.Typer(
    name="fer-ensemble",
    cls=_Verbs,
    help="Facial expression recognition by ensembles of classical and deep models.",
    epilog="Start with: fer-ensemble predict photos/. To train: fer-ensemble fit. All that a verb "
    "takes, with examples: fer-ensemble predict -h.\n\n"
    "Rows and figures go to standard output, all else to standard error. Where standard output is "
    "no terminal, tables are lines of cells between tabs. NO_COLOR keeps colours off.\n\n"
    "Options that you always give can stand in a file fer-ensemble.toml, in a table of the verb's "
    "name. Tab completes after: fer-ensemble --install-completion.",
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
    output.begin()
    _CONFIGURED.clear()
    try:
        app(prog_name="fer-ensemble")
    except (ValueError, OSError, MissingLibraryError, ClusterError) as error:
        # Errors of ours are sentences for the user; DatasetError and ArtifactError among them.
        text = str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:
            text = f"{error.filename}: {error.strerror}"
        notes.error(f"Error: {text}")
        _tell_hint(error)
        sys.exit(getattr(error, "exit_code", 1))
    except Exception as error:
        from fer_ensemble.cli.details import describe_unexpected

        notes.error(describe_unexpected(error, verbose=notes.verbose))
        _tell_hint(error)
        sys.exit(1)


def _tell_hint(error: Exception) -> None:
    if "hint" in _CONFIGURED and not hasattr(error, "exit_code"):
        notes.error(_CONFIGURED["hint"])
