"""``fer-ensemble doctor``: what is installed, and whether it works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fer_ensemble.diagnosis import Diagnosis

_STYLES = {"ok": "green", "note": "dim", "warn": "yellow", "fail": "bold red"}


def doctor(
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            help="File to write the same to, for a bug report; - is standard output.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Look at what is installed, and whether it works.

    Versions against what the package asks for, extras and what they lack, libraries that are in
    each other's way, the shipped weights (SHA-256), a timed prediction of each shipped model whose
    answers are known, and what networks would run on. Takes some seconds. Ends with 1 if
    something that predicting needs is broken.

    No path, and neither the machine's name nor yours, is in what is printed: it can be pasted into
    a bug report.

    Examples:

      fer-ensemble doctor

      fer-ensemble doctor --json doctor.json
    """
    from fer_ensemble.cli.console import count, notes, write_json
    from fer_ensemble.diagnosis import diagnose

    with notes.status("Looking at what is installed") as status:
        found = diagnose(lambda group: status.update(f"Looking at: {group}"))
    if json_file is not None and str(json_file) == "-":
        import json

        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        _print(found)
        if json_file is not None:
            write_json(json_file, found.to_dict(), what="Diagnosis")
    broken, doubtful = found.having("fail"), found.having("warn")
    told = f"; {count(len(doubtful), 'warning')}" if doubtful else ""
    if broken:
        names = ", ".join(f"{check.group}: {check.name}" for check in broken)
        notes.error(f"Broken: {names}{told}")
        raise typer.Exit(1)
    notes.print(f"Predicting works{told}")


def _print(found: Diagnosis) -> None:
    """Show every check in a line, in groups, with what to do below it."""
    from rich.text import Text

    from fer_ensemble.cli.console import output, visible

    group = None
    for check in found.checks:
        if check.group != group:
            group = check.group
            output.print(Text(group, style="bold"))
        line = Text("  ").append(f"{check.status:<5}", style=_STYLES[check.status])
        line.append(visible(f"{check.name}: {check.message}"))
        output.print(line, soft_wrap=True)
        if check.remedy and check.status != "ok":
            output.print(f"        → {check.remedy}", soft_wrap=True)
