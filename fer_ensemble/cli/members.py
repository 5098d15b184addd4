"""``fer-ensemble members``: what can be in an ensemble."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_ensemble.cli.options import complete_member

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from fer_ensemble.models import LayerCost, MemberInfo


def members(
    name: Annotated[
        str | None,
        typer.Argument(
            autocompletion=complete_member,
            help="A member to look at more closely.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """List the members that an ensemble can have with their cost, or show one of them.

    Parameters and multiply-accumulates (MAC) are those of the network for one 48×48 face and
    seven classes, without feature extraction; those of trees depend on the data. A file holds
    four bytes a parameter.

    Of a single member, its recipe is shown (what it changes of the defaults, under the names that
    'fit --set' takes), and every layer of its network.

    Example:

      fer-ensemble members cnn_2
    """
    from fer_ensemble.cli.console import output
    from fer_ensemble.models import list_members

    if name is None:
        output.print(_overview(list_members()))
        return
    for part in _portrait(name):
        output.print(part)


def _overview(infos: Iterable[MemberInfo]) -> Table:
    from rich.text import Text

    table = _table("member", "what it is", numbers=("parameters", "MAC/face", "file"))
    for source, group in groupby(infos, key=lambda info: info.source):
        table.add_row("", Text(source, style="bold"))
        for info in group:
            macs = info.multiply_accumulates
            table.add_row(
                info.name,
                Text(info.summary),
                _format_number(info.parameters),
                # Rounded, to leave the text room in 80 columns.
                _format_number(macs and macs / 1e6, "{:.1f} M"),
                _format_size(info.file_size),
            )
        table.add_section()
    return table


def _portrait(name: str) -> Iterable[RenderableType]:
    """Tell of a member: at once what is known of it, and then what its network shows."""
    from rich.text import Text

    from fer_ensemble.cli.console import notes
    from fer_ensemble.libraries import MissingLibraryError
    from fer_ensemble.models import build_member_network, get_member, layer_costs

    info = get_member(name)
    yield Text(name, style="bold")
    yield Text(_reflowed(info.description))
    facts = {
        "Source": info.source,
        "Parameters": _format_number(info.parameters),
        "MAC per face": _format_number(info.multiply_accumulates),
        "File size": _format_size(info.file_size),
    }
    yield Text("\n" + "\n".join(f"{fact:<14}{value}" for fact, value in facts.items()) + "\n")
    yield _recipe_table(info.recipe())
    with notes.status("Building the network"):
        try:
            network = build_member_network(info.build())
        except MissingLibraryError as error:
            notes.print(f"Its layers are not shown. {error}", style="yellow")
            return
    if network is not None:
        yield _layer_table(network.name, layer_costs(network))


def _recipe_table(recipe: dict[str, Any]) -> Table:
    from rich.text import Text

    table = _table("recipe", "value")
    for name, value in recipe.items():
        is_step = hasattr(value, "get_params")
        shown = type(value).__name__ if is_step else repr(value)
        table.add_row(name, Text(shown, style="bold" if is_step else ""))
    return table


def _layer_table(name: str, layers: list[LayerCost]) -> Table:
    from rich.text import Text

    table = _table(f"layer of {name}", numbers=("output", "parameters", "MAC per face"))
    for cost in layers:
        inside = f"{cost.name} ({cost.n_layers} layers)" if cost.n_layers > 1 else cost.kind
        shape = " × ".join("?" if side is None else str(side) for side in cost.output_shape)
        table.add_row(Text(inside), shape, f"{cost.parameters:,}", f"{cost.multiply_accumulates:,}")
    table.add_section()
    parameters = sum(cost.parameters for cost in layers)
    multiply_accumulates = sum(cost.multiply_accumulates for cost in layers)
    table.add_row("total", "", f"{parameters:,}", f"{multiply_accumulates:,}", style="bold")
    return table


def _table(name: str, *texts: str, numbers: Iterable[str] = ()) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(name, no_wrap=True)
    for column in texts:
        table.add_column(column, overflow="fold")
    for column in numbers:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _format_number(number: float | None, form: str = "{:,}") -> str:
    return "–" if number is None else form.format(number)


def _format_size(size: int | None) -> str:
    """Give bytes in decimal units, as file managers do."""
    if size is None:
        return "–"
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _reflowed(text: str) -> str:
    """Undo a docstring's line breaks and markup, so that the terminal's width decides."""
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    return "\n\n".join(paragraphs).replace("``", "")
