"""Tables of groups of faces, and of faces changed on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from fer_ensemble.evaluation import GroupComparison, GroupGap
    from fer_ensemble.subgrouping import Subgroups

_FIGURES = ("n", "accuracy", "95 % CI", "balanced")
_DIFFERENCE = ("by", "95 % CI", "p (Holm)")
# Words, not numbers: aligned at the left.
_WORDS = ("", "best", "worst")


def subgroup_tables(title: str, found: Subgroups) -> Iterator[Table]:
    """Lay out groups, how far they are apart, and what changes on purpose do.

    Parameters
    ----------
    title : str
        What was measured.
    found : Subgroups

    Yields
    ------
    Table
    """
    yield _groups(title, found)
    yield _gaps(found)
    if found.altered:
        yield _altered(title, found)


def gap_lines(compared: GroupComparison) -> Iterator[str]:
    """Tell how far the best and the worst group are apart, in sentences.

    Parameters
    ----------
    compared : GroupComparison

    Yields
    ------
    str
        Of accuracies as they are, and at the same mix of classes; nothing of fewer than two groups.
    """
    kinds = {"Accuracy": compared.gap, "At the same mix of classes": compared.standardised_gap}
    for told, gap in kinds.items():
        if gap is not None:
            yield (
                f"{told}: {gap.best} is above {gap.worst} by {gap.difference:.3f} (95 % CI "
                f"{_signed_range(gap.interval)}); chance of so large a difference if no group "
                f"differed from another: p {_p(gap.p_value)}."
            )


def _groups(title: str, found: Subgroups) -> Table:
    table = _table(f"Groups of faces: {title}", "", *_FIGURES, "same mix", "95 % CI")
    notes = ["same mix: standardised to the mix of classes of all these faces"]
    for condition, compared in found.conditions.items():
        table.add_section()
        table.add_row(condition, style="bold")
        for part, standard in zip(compared.groups, compared.standardised, strict=True):
            figures = part.scores
            table.add_row(
                f"  {part.group}{'*' if part.small else ''}",
                f"{figures.n:,}",
                f"{figures.accuracy:.3f}",
                _range(figures.accuracy_interval),
                f"{figures.balanced_accuracy:.3f}",
                *((f"{standard.value:.3f}", _range(standard.interval)) if standard else ()),
                style="dim" if part.small else None,
            )
        if compared.left_out:
            lacking = ", ".join(compared.left_out)
            notes.append(f"{condition}: same mix without {lacking}, which a group lacks")
    if any(part.small for one in found.conditions.values() for part in one.groups):
        notes.append("* so few that little can be said of them: not compared")
    return _note(table, *notes)


def _gaps(found: Subgroups) -> Table:
    table = _table("Best group above the worst", "", "best", "worst", *_DIFFERENCE)
    for condition, compared in found.conditions.items():
        for told, gap in ((condition, compared.gap), ("  same mix", compared.standardised_gap)):
            if gap is not None:
                table.add_row(told, *_gap(gap))
    return _note(
        table,
        "p: chance of so large a difference if no group differed from another, by permutation, for "
        f"{len(found.conditions)} conditions together",
    )


def _altered(title: str, found: Subgroups) -> Table:
    table = _table(f"The same faces, changed: {title}", "", *_FIGURES[1:], *_DIFFERENCE)
    for one in found.altered:
        table.add_row(
            one.name,
            f"{one.scores.accuracy:.3f}",
            _range(one.scores.accuracy_interval),
            f"{one.scores.balanced_accuracy:.3f}",
            f"{one.comparison.difference:+.3f}",
            _signed_range(one.comparison.interval),
            _p(one.adjusted_p),
        )
    return _note(
        table, "by: less the accuracy on the faces as they are; paired bootstrap, McNemar's p"
    )


def _gap(gap: GroupGap) -> tuple[str, ...]:
    return (
        str(gap.best),
        str(gap.worst),
        f"{gap.difference:.3f}",
        _signed_range(gap.interval),
        _p(gap.adjusted_p),
    )


def _table(title: str, *columns: str) -> Table:
    # One space between columns: with two, a terminal of 80 columns would cut figures off.
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    for column in columns:
        table.add_column(column, justify="left" if column in _WORDS else "right", no_wrap=True)
    return table


def _note(table: Table, *lines: str) -> Table:
    table.caption, table.caption_justify = "\n".join(lines), "left"
    return table


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.3f}–{ends[1]:.3f}"


def _signed_range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:+.3f} to {ends[1]:+.3f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
