"""``fer-ensemble members``: what can be in an ensemble."""

from __future__ import annotations


def members() -> None:
    """List the members that an ensemble can have, with their cost.

    Parameters and multiply-accumulates are those of the network for one 48×48 face and seven
    classes, without feature extraction; those of trees depend on the data.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from fer_ensemble.cli.console import output
    from fer_ensemble.models import list_members

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("member", "what it is", "source"):
        table.add_column(column)
    for column in ("parameters", "MAC per face"):
        table.add_column(column, justify="right")
    for info in list_members():
        costs = (info.parameters, info.multiply_accumulates)
        table.add_row(
            info.name,
            info.summary,
            info.source,
            *(f"{cost:,}" if cost is not None else "–" for cost in costs),
        )
    output.print(table)
