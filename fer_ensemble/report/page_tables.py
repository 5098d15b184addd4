"""The tables of a report, as rows of text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fer_ensemble.evaluation import Evaluation, SetScore
from fer_ensemble.measuring import MeasuredSets
from fer_ensemble.report.content import (
    CombiningContent,
    Counts,
    DataContent,
    MemberContent,
    PairContent,
    ReportContent,
)
from fer_ensemble.report.wording import (
    MINUS,
    NONE,
    format_accuracy,
    format_count,
    format_duration,
    format_figure,
    format_gain,
    format_interval,
    format_millions,
    format_p_value,
)
from fer_ensemble.subgrouping import Subgroups

_BOOTSTRAPPED = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
}
_OF_PROBABILITIES = {
    "top_2": "true class among the two most probable",
    "log_loss": "log loss (nats)",
    "brier_score": "Brier score",
    "calibration_error": "calibration error",
}


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes
    ----------
    caption : str
    columns : sequence of str
        Heads of the columns; the first one stands above the heads of the rows.
    rows : sequence of sequence of str
        Each begins with its head.
    strong : str
        Head of the row that stands out, if any.
    is_text : bool
        Whether the cells hold text, to be aligned at the left, and not numbers.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    strong: str = ""
    is_text: bool = False


def lay_out_tables(content: ReportContent) -> dict[str, Any]:
    """Lay out the tables of a report.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    dict of str to Table
        By the names that the template calls them; those of ``'balance'`` by what was balanced.
        ``'rules'``, ``'pairs'`` and ``'contributions'`` are missing if nothing was combined,
        ``'sets'`` and ``'held'`` if the model gives none, ``'groups'``, ``'gaps'`` and
        ``'altered'`` if they were not measured.
    """
    combining = content.combining
    laid = {
        "counts": count_table(content.data),
        "balance": {
            name: balance_table(name, *counts) for name, counts in content.data.balance.items()
        },
        "members": member_table(content.members, combining.best_member if combining else ""),
        "measures": measure_table(content.scores, content.new_scores),
        "classes": class_table(content.scores),
        "confusion": confusion_table(content.scores),
        "coverage": coverage_table(content.scores),
        **recipe_tables(content),
    }
    if combining is not None:
        laid |= {
            "rules": rule_table(combining, content.rule),
            "pairs": pair_table(combining.pairs),
            "contributions": contribution_table(combining),
        }
    if content.subgroups is not None:
        laid |= {
            "groups": group_table(content.subgroups),
            "gaps": gap_table(content.subgroups),
            "altered": altered_table(content.subgroups),
        }
    if content.sets:
        laid |= {"sets": set_table(content.sets), "held": held_table(content.sets)}
    return laid


def count_table(data: DataContent) -> Table:
    """Lay out how many faces each class has in each part."""
    parts = data.class_counts
    names = dict.fromkeys(name for counts in parts.values() for name in counts)
    rows = [
        [name, *(format_count(counts.get(name, 0)) for counts in parts.values())] for name in names
    ]
    rows.append(["all", *(format_count(sum(counts.values())) for counts in parts.values())])
    return Table("Faces of each class", ["class", *parts], rows, "all")


def balance_table(name: str, before: Counts, after: Counts) -> Table:
    """Lay out class counts before and after balancing."""
    rows = [[key, format_count(before.get(key, 0)), format_count(after[key])] for key in after]
    rows.append(["all", format_count(sum(before.values())), format_count(sum(after.values()))])
    return Table(f"Faces of {name}, balanced", ["class", "before", "after"], rows, "all")


def member_table(members: Sequence[MemberContent], best: str) -> Table:
    """Lay out what each member can do and what it costs."""
    columns = ["member", "accuracy (95 % interval)", "without copies", "macro F1", "weight"]
    rows = [
        [
            member.name,
            format_accuracy(member.scores),
            format_accuracy(member.new_scores),
            format_figure(member.scores.macro_f1),
            format_figure(member.weight),
            format_count(member.parameters),
            format_millions(member.multiply_accumulates),
            format_duration(member.fit_seconds),
        ]
        for member in members
    ]
    caption = "Members alone, on the same faces"
    return Table(caption, [*columns, "parameters", "MAC per face", "time to fit"], rows, best)


def rule_table(combining: CombiningContent, rule: str) -> Table:
    """Lay out every rule, with its gain over the best member."""
    rows = [
        [
            name,
            format_accuracy(scores),
            format_accuracy(combining.new_rules.get(name)),
            format_figure(scores.macro_f1),
            format_figure(scores.log_loss),
            format_gain(combining.gains[name]),
            format_p_value(combining.gains[name].mcnemar_p),
        ]
        for name, scores in combining.rules.items()
    ]
    gain = f"gain over {combining.best_member} (95 % interval)"
    columns = ["rule", "accuracy (95 % interval)", "without copies", "macro F1", "log loss"]
    return Table("The same members under every rule", [*columns, gain, "McNemar’s p"], rows, rule)


def pair_table(pairs: Sequence[PairContent]) -> Table:
    """Lay out how differently members err, pair by pair."""

    # Not by `format_figure`: these may be negative, or NaN where members never err.
    def formatted(value: float) -> str:
        return NONE if math.isnan(value) else f"{value:.3f}".replace("-", MINUS)

    rows = [
        [
            f"{pair.first} and {pair.second}",
            *(formatted(value) for value in (pair.disagreement, pair.q_statistic, pair.kappa)),
        ]
        for pair in pairs
    ]
    columns = ["members", "only one is right", "Yule’s Q", "kappa"]
    return Table("How differently members err", columns, rows)


def contribution_table(combining: CombiningContent) -> Table:
    """Lay out what each member adds to the others."""
    rows = [
        [name, format_gain(found), format_p_value(found.mcnemar_p)]
        for name, found in combining.contributions.items()
    ]
    caption = f"What each member adds to the others, rule {combining.contribution_rule}"
    return Table(caption, ["member", "gain by having it (95 % interval)", "McNemar’s p"], rows)


def measure_table(scores: Evaluation, new_scores: Evaluation | None) -> Table:
    """Lay out all figures of the model, on all faces and on those without copies."""
    given = {"all test faces": scores}
    if new_scores is not None:
        given["without copies"] = new_scores
    rows = [
        [label, *(_bootstrapped(found, name) for found in given.values())]
        for name, label in _BOOTSTRAPPED.items()
    ]
    rows += [
        [label, *(format_figure(getattr(found, name)) for found in given.values())]
        for name, label in _OF_PROBABILITIES.items()
    ]
    columns = [f"{label}, n = {found.n:,}" for label, found in given.items()]
    return Table("All figures of the model", ["measure", *columns], rows)


def _bootstrapped(scores: Evaluation, name: str) -> str:
    value, intervals = getattr(scores, name), scores.bootstrap_intervals
    # The accuracy keeps the interval that it has everywhere else.
    if name == "accuracy":
        return format_accuracy(scores)
    return format_figure(value) if intervals is None else format_interval(value, intervals[name])


def class_table(scores: Evaluation) -> Table:
    """Lay out precision, recall, F1 and support of each class, and their means."""
    rows = [
        [
            row.name,
            *(format_figure(x) for x in (row.precision, row.recall, row.f1)),
            f"{row.support:,}",
        ]
        for row in (*scores.per_class, *scores.averages)
    ]
    return Table("Every class", ["class", "precision", "recall", "F1", "support"], rows)


def confusion_table(scores: Evaluation) -> Table:
    """Lay out what was taken for what: counts, and shares of each true class."""
    names = [row.name for row in scores.per_class]
    cells = zip(names, scores.confusion.tolist(), scores.confusion_rates.tolist(), strict=True)
    rows = [
        [name, *(f"{n:,} ({100 * share:.0f} %)" for n, share in zip(counts, shares, strict=True))]
        for name, counts, shares in cells
    ]
    columns = ["true class", *(f"taken for {name}" for name in names)]
    return Table("Confusion matrix: faces, and shares of the true class", columns, rows)


def coverage_table(scores: Evaluation) -> Table:
    """Lay out what is answered, and how well, at some least confidences."""
    rows = [
        [
            f"{found.min_confidence:g} or more",
            f"{found.n:,} ({100 * found.coverage:.1f} %)",
            NONE
            if found.accuracy is None or found.accuracy_interval is None
            else format_interval(found.accuracy, found.accuracy_interval),
        ]
        for found in scores.coverage
    ]
    columns = ["confidence", "faces answered", "accuracy of these (95 % interval)"]
    return Table("Answering only where the model is sure", columns, rows)


def set_table(found: Sequence[MeasuredSets]) -> Table:
    """Lay out how often sets hold the true label, beside what was asked for, and their size."""
    rows = [
        [
            f"{one.nominal:g}",
            _held(one.scores.all),
            NONE if one.new_scores is None else _held(one.new_scores.all),
            f"{one.scores.all.mean_size:.2f}",
            f"{100 * one.scores.sizes[1]:.0f} %",
        ]
        for one in found
    ]
    columns = ["asked for", "held (95 % interval)", "without copies", "labels", "sets of one label"]
    return Table("Sets that hold the true label", columns, rows)


def held_table(found: Sequence[MeasuredSets]) -> Table:
    """Lay out how often sets hold the true label of each class, and their size."""
    by_class = zip(*(one.scores.per_class for one in found), strict=True)
    rows = [
        [scores[0].name, *(cell for one in scores for cell in (_held(one), _size(one)))]
        for scores in by_class
    ]
    columns = [text for one in found for text in (f"{one.nominal:g} asked for", "labels")]
    return Table("Faces of each class whose set holds it", ["class", *columns], rows)


def _held(score: SetScore) -> str:
    if score.coverage is None or score.interval is None:
        return NONE
    return format_interval(score.coverage, score.interval)


def _size(score: SetScore) -> str:
    return NONE if score.mean_size is None else f"{score.mean_size:.2f}"


def group_table(subgroups: Subgroups) -> Table:
    """Lay out the groups of every condition; small ones are marked."""
    rows = [
        [
            f"{condition}: {part.group}{' (few)' if part.small else ''}",
            format_count(part.scores.n),
            format_accuracy(part.scores),
            format_figure(part.scores.balanced_accuracy),
            NONE if standard is None else format_interval(standard.value, standard.interval),
        ]
        for condition, found in subgroups.conditions.items()
        for part, standard in zip(found.groups, found.standardised, strict=True)
    ]
    columns = ["group", "faces", "accuracy (95 % interval)", "balanced accuracy"]
    return Table("Groups of faces", [*columns, "accuracy at the same mix"], rows)


def gap_table(subgroups: Subgroups) -> Table:
    """Lay out how far the best and the worst group of every condition are apart."""
    rows = [
        [
            f"{condition}{told}",
            str(gap.best),
            str(gap.worst),
            format_gain(gap),
            format_p_value(gap.adjusted_p),
        ]
        for condition, found in subgroups.conditions.items()
        for told, gap in (("", found.gap), (", same mix", found.standardised_gap))
        if gap is not None
    ]
    columns = ["condition", "best group", "worst group", "difference (95 % interval)", "p"]
    return Table("The best group and the worst", columns, rows)


def altered_table(subgroups: Subgroups) -> Table:
    """Lay out what changes on purpose do to the same faces."""
    rows = [
        [
            one.name,
            format_accuracy(one.scores),
            format_figure(one.scores.balanced_accuracy),
            format_gain(one.comparison),
            format_p_value(one.adjusted_p),
        ]
        for one in subgroups.altered
    ]
    columns = ["changed", "accuracy (95 % interval)", "balanced accuracy"]
    return Table("The same faces, changed", [*columns, "difference (95 % interval)", "p"], rows)


def recipe_tables(content: ReportContent) -> dict[str, Table]:
    """Lay out what must be known to come to the same figures."""
    recipe = content.recipe
    versions = [[name, *pair] for name, pair in recipe.versions.items()]
    columns = ["library", "fitted with", "measured with"]
    return {
        "settings": _text_table("Data and settings", ["what", "value"], recipe.settings.items()),
        "versions": _text_table("Versions", columns, versions),
        "hashes": _text_table(
            "SHA-256 of the model’s files", ["file", "hash"], recipe.hashes.items()
        ),
    }


def _text_table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    return Table(caption, columns, list(rows), is_text=True)
