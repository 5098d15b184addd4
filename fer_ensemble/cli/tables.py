"""Tables of figures, as the verbs print them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from fer_ensemble.ensemble import EnsembleScores
    from fer_ensemble.evaluation import Evaluation, VoteEvaluation


def score_table(
    title: str, scores: EnsembleScores, rule: str, *, seconds: Mapping[str, float] | None = None
) -> Table:
    """Lay out members above rules, one line each.

    Parameters
    ----------
    title : str
        What was measured.
    scores : EnsembleScores
        The figures.
    rule : str
        The rule that the ensemble is set to; its line stands out.
    seconds : mapping of str to float, default=None
        Fit time of each member; shown as minutes and seconds.

    Returns
    -------
    Table
    """
    table = Table(
        title=f"{title}, n = {scores.n:,}",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for column in ("accuracy", "95 % CI", "macro F1", "wtd F1", "weight"):
        table.add_column(column, justify="right", no_wrap=True)
    if seconds:
        table.add_column("fit", justify="right", no_wrap=True)
    for name, figures in scores.members.items():
        weight = f"{scores.weights[name]:.2f}" if scores.weights else ""
        spent = [_duration(seconds[name])] if seconds else []
        table.add_row(name, *_figures(figures), weight, *spent)
    table.add_section()
    for name, figures in scores.rules.items():
        table.add_row(name, *_figures(figures), style="bold" if name == rule else None)
    return table


def class_table(name: str, scores: Evaluation) -> Table:
    """Lay out precision, recall, F1 and support of each class, and their means below.

    Parameters
    ----------
    name : str
        Whose figures they are.
    scores : Evaluation
        The figures.

    Returns
    -------
    Table
    """
    table = Table(title=name, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("class")
    for column in ("precision", "recall", "F1", "support"):
        table.add_column(column, justify="right")
    for rows in (scores.per_class, scores.averages):
        for row in rows:
            figures = [f"{value:.3f}" for value in (row.precision, row.recall, row.f1)]
            table.add_row(row.name, *figures, f"{row.support:,}")
        table.add_section()
    return table


def vote_table(title: str, scores: Mapping[str, VoteEvaluation], rule: str) -> Table:
    """Lay out agreement with votes, one line each.

    Parameters
    ----------
    title : str
        What was measured.
    scores : mapping of str to VoteEvaluation
        The figures of members and of the rule, by name, all on the same faces.
    rule : str
        The rule; its line stands out.

    Returns
    -------
    Table
        Below it stands what could not be counted.
    """
    counts = next(iter(scores.values()))
    table = Table(
        title=f"{title}, n = {counts.n_majority:,} with a majority, {counts.n:,} with votes",
        title_justify="left",
        caption=f"{counts.n_tied:,} tied, {counts.n_outvoted:,} outvoted by contempt, unknown or "
        f"no face, {counts.n_without_votes:,} without votes. The votes' own entropy, below which "
        f"no cross-entropy can be: {counts.vote_entropy:.3f}.",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("", no_wrap=True)
    for column in ("majority accuracy", "95 % CI", "cross-entropy"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, figures in scores.items():
        agreement = ("", "")
        if figures.accuracy is not None and figures.accuracy_interval is not None:
            low, high = figures.accuracy_interval
            agreement = (f"{figures.accuracy:.3f}", f"{low:.3f}–{high:.3f}")
        style = "bold" if name == rule else None
        table.add_row(name, *agreement, f"{figures.cross_entropy:.3f}", style=style)
    return table


def _figures(scores: Evaluation) -> list[str]:
    low, high = scores.accuracy_interval
    return [
        f"{scores.accuracy:.3f}",
        f"{low:.3f}–{high:.3f}",
        f"{scores.macro_f1:.3f}",
        f"{scores.weighted_f1:.3f}",
    ]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
