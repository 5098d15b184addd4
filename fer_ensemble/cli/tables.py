"""Tables of figures, as the verbs print them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from fer_ensemble.ensemble import EnsembleScores
    from fer_ensemble.evaluation import Comparison, Evaluation, GroupScore, VoteEvaluation
    from fer_ensemble.measuring import MeasuredSets


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
    return _tell_absent(table, *scores.members.values())


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
    return _tell_absent(table, scores)


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


def set_table(title: str, found: Sequence[MeasuredSets]) -> Table:
    """Lay out how often sets of labels hold the true one, beside what they were to do.

    Parameters
    ----------
    title : str
        What was measured.
    found : sequence of MeasuredSets
        One at least.

    Returns
    -------
    Table
    """
    table = Table(
        title=f"Sets of labels (predict --coverage): {title}, n = {found[0].scores.all.n:,}",
        title_justify="left",
        caption="least: the class that the fewest sets hold of those that should",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in ("to hold", "hold", "95 % CI", "new faces", "labels", "one label", "least"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in found:
        every, new = one.scores.all, one.new_scores
        known = [score for score in one.scores.per_class if score.coverage is not None]
        worst = min(known, key=lambda score: score.coverage or 0.0)
        table.add_row(
            f"{one.nominal:g}",
            _share(every.coverage),
            "–".join(map(_share, every.interval or ())),
            "" if new is None else _share(new.all.coverage),
            f"{every.mean_size:.2f}",
            f"{one.scores.sizes[1]:.0%}",
            f"{worst.name} {_share(worst.coverage)}",
        )
    return table


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"


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


_MEASURES = {
    "accuracy": "accuracy, bootstrap",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "top_2": "top 2",
    "log_loss": "log loss (nats)",
    "brier_score": "Brier score (0 to 2)",
    "calibration_error": "calibration error",
}


def measure_table(title: str, scores: Mapping[str, Evaluation]) -> Table:
    """Lay out every measure, one a line.

    Parameters
    ----------
    title : str
        What was measured.
    scores : mapping of {'all', 'answered'} to Evaluation
        Of all rows, and of the answered ones alone if there are others.

    Returns
    -------
    Table
    """
    table = _table(title)
    table.add_column("", no_wrap=True)
    for kind, found in scores.items():
        heading = "" if len(scores) == 1 else f"answered {found.n:,}" if kind != "all" else "all"
        table.add_column(heading, justify="right")
        table.add_column("95 % CI", justify="right", no_wrap=True)
    for rows in zip(*map(_measures, scores.values()), strict=True):
        table.add_row(rows[0][0], *(cell for row in rows for cell in row[1:]))
    return _tell_absent(table, *scores.values())


def confusion_table(title: str, scores: Evaluation) -> Table:
    """Lay out counts and, of each true class, shares in per cent.

    Parameters
    ----------
    title : str
    scores : Evaluation

    Returns
    -------
    Table
    """
    table = _table(title)
    names = [row.name for row in scores.per_class]
    for name in ("", *names):
        table.add_column(name, justify="right" if name else "left")
    cells = zip(scores.confusion.tolist(), scores.confusion_rates.tolist(), strict=True)
    for name, (counts, rates) in zip(names, cells, strict=True):
        row = (f"{n:,}\n{rate:.0%}" for n, rate in zip(counts, rates, strict=True))
        table.add_row(name, *row)
    return table


def group_table(title: str, groups: Sequence[GroupScore]) -> Table:
    """Lay out the groups, one a line; small ones are marked.

    Parameters
    ----------
    title : str
    groups : sequence of GroupScore

    Returns
    -------
    Table
    """
    table = _table(title)
    table.add_column("group")
    for column in ("n", "accuracy", "95 % CI", "balanced", "macro F1", "wtd F1"):
        table.add_column(column, justify="right", no_wrap=True)
    for part in groups:
        found = part.scores
        figures = (found.accuracy, found.balanced_accuracy, found.macro_f1, found.weighted_f1)
        accuracy, *others = (f"{value:.3f}" for value in figures)
        mark = "*" if part.small else ""
        interval = _interval(found.accuracy_interval)
        table.add_row(
            f"{part.group}{mark}",
            f"{found.n:,}",
            accuracy,
            interval,
            *others,
            style="dim" if part.small else None,
        )
    if any(part.small for part in groups):
        table.caption = "* so few that little can be said of them: mind the interval"
        table.caption_justify = "left"
    return _tell_absent(table, *(part.scores for part in groups))


def comparison_line(ours: str, theirs: str, found: Comparison) -> str:
    """Tell how two systems differ, in a sentence.

    Parameters
    ----------
    ours, theirs : str
        Their names.
    found : Comparison

    Returns
    -------
    str
    """
    low, high = found.interval
    return (
        f"Accuracy of {ours} less that of {theirs}: {found.difference:+.3f} "
        f"(95 % CI {low:+.3f} to {high:+.3f}, paired bootstrap); only the first right "
        f"{found.n_only_a:,}, only the second {found.n_only_b:,}, "
        f"McNemar p = {found.mcnemar_p:.3g}, n = {found.n:,}."
    )


def _measures(found: Evaluation) -> list[tuple[str, str, str]]:
    drawn = found.bootstrap_intervals or {}
    rows = [("accuracy, Wilson", _number(found.accuracy), _interval(found.accuracy_interval))]
    rows += [
        (name, _number(getattr(found, field)), _interval(drawn.get(field)))
        for field, name in _MEASURES.items()
    ]
    for part in found.coverage:
        rows += [
            (f"confidence ≥ {part.min_confidence:g}: share", _number(part.coverage), ""),
            ("  accuracy", _number(part.accuracy), _interval(part.accuracy_interval)),
        ]
    return rows


def _tell_absent(table: Table, *scores: Evaluation) -> Table:
    """Say below a table which classes its plain means leave out."""
    absent = dict.fromkeys(name for found in scores for name in found.absent)
    if absent:
        where = " in some rows" if len({found.absent for found in scores}) > 1 else ""
        told = (
            "balanced accuracy and macro means are over the classes that occur; without faces"
            f"{where}: {', '.join(absent)}"
        )
        table.caption = f"{table.caption}\n{told}" if table.caption else told
        table.caption_justify = "left"
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{ends[0]:.3f}–{ends[1]:.3f}"


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
