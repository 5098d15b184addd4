"""The pictures of a report: drawn into its page, or as files for a paper."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any, TypeVar

from fer_ensemble.atomic_files import open_atomically
from fer_ensemble.evaluation import Evaluation, coverage_curve, reliability
from fer_ensemble.evaluation.plots import (
    best_epoch,
    plot_class_counts,
    plot_class_scores,
    plot_confusion,
    plot_coverage,
    plot_history,
    plot_reliability,
    plot_rules,
    plot_weights,
)
from fer_ensemble.libraries import require
from fer_ensemble.report.content import MemberContent, ReportContent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.2
"""Of every picture, in inches: a phone shows it nearly as large, so that letters stay legible."""

# The salt, and no date in `to_uri`, make the same content the same page, byte by byte.
STYLE = {"font.size": 11, "svg.hashsalt": "fer-ensemble"}
"""Settings of Matplotlib that pictures are drawn with."""

_DPI = 200
_LONGEST = 20  # letters in a line beside the axes

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Picture:
    """A picture that is drawn when it is asked for.

    Attributes
    ----------
    section : str
        The part of the report where it belongs.
    name : str
        Name of its file, without an ending.
    caption : str
        What it shows.
    alt : str
        What can be seen, for those who can't.
    plot : callable
        Draws on the axes that it is given as ``ax``.
    height : float
        In inches.
    """

    section: str
    name: str
    caption: str
    alt: str
    plot: Callable[..., Axes]
    height: float = 3.2

    def to_uri(self) -> str:
        """Draw it as an address that holds the picture itself, sharp at any size."""
        stream = io.BytesIO()
        self._draw(stream, format="svg", metadata={"Date": None})
        return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")

    def save(self, folder: Path) -> Path:
        """Write it as a PNG of 200 dots per inch.

        Parameters
        ----------
        folder : Path
            An existing one.

        Returns
        -------
        Path
            The file.
        """
        file = folder / f"{self.name}.png"
        with open_atomically(file) as stream:
            self._draw(stream, format="png", dpi=_DPI)
        return file

    def _draw(self, target: Any, **options: Any) -> None:
        require("matplotlib", "A picture")
        # A context of its own: the user's own settings of Matplotlib stay as they are.
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        with rc_context(STYLE):
            figure: Figure = Figure(figsize=(WIDTH, self.height), layout="constrained")
            self.plot(ax=figure.add_subplot())
            figure.savefig(target, **options)


def list_pictures(content: ReportContent) -> list[Picture]:
    """List the pictures of a report, in its order.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    list of Picture
        Those of which there is something to draw.
    """
    return [
        *_data_pictures(content),
        *(picture for member in content.members for picture in _training_pictures(member)),
        *_combining_pictures(content),
        *_class_pictures(content),
        *_confidence_pictures(content),
    ]


def _data_pictures(content: ReportContent) -> Iterator[Picture]:
    parts = {name: content.data.class_counts.get(name) for name in ("training", "test")}
    for part, counts in parts.items():
        if counts is None:
            continue
        yield Picture(
            "data",
            f"classes-{_file_name(part)}",
            f"Faces of each class: {part}",
            f"Bars, {part}: {_list_counts(counts)}.",
            partial(plot_class_counts, counts),
        )
    for name, (before, after) in content.data.balance.items():
        yield Picture(
            "balance",
            f"balance-{_file_name(name)}",
            f"Faces of {name} before and after balancing",
            f"Bars of every class. Before: {_list_counts(before)}. After: {_list_counts(after)}.",
            partial(plot_class_counts, before, after),
            height=4.2,
        )


def _training_pictures(member: MemberContent) -> Iterator[Picture]:
    training = member.training
    if training is None:
        return
    history, best = training.history, best_epoch(training.history, training.monitor)
    for metric in ("loss", "accuracy"):
        watched = f"val_{metric}" if f"val_{metric}" in history else metric
        values = history[watched]
        first, chosen = float(values[0]), float(values[best - 1])
        on = "held-out" if watched != metric else "training"
        yield Picture(
            "training",
            f"training-{_file_name(member.name)}-{metric}",
            f"Training of {member.name}: {metric}",
            f"Lines over {len(values)} epochs: the {metric} on {on} faces goes from {first:.3g} "
            f"to {chosen:.3g} at epoch {best}, the best.",
            partial(plot_history, history, metric, monitor=training.monitor),
        )


def _combining_pictures(content: ReportContent) -> Iterator[Picture]:
    combining = content.combining
    if combining is None:
        return
    members = {member.name: member.scores for member in content.members}
    yield Picture(
        "combining",
        "rules",
        "Members, and the rules that combine them",
        f"Accuracies with intervals. Members: {_list_accuracies(members)}. "
        f"Rules: {_list_accuracies(combining.rules)}.",
        partial(plot_rules, _break_names(members), _break_names(combining.rules), numbers=False),
        height=1.6 + 0.33 * (len(members) + len(combining.rules)),
    )
    weights = {m.name: m.weight for m in content.members if m.weight is not None}
    if weights:
        yield Picture(
            "combining",
            "weights",
            "Weights of the members",
            "Bars: " + ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items()) + ".",
            partial(plot_weights, _break_names(weights)),
            height=1.1 + 0.4 * len(weights),
        )


def _class_pictures(content: ReportContent) -> Iterator[Picture]:
    systems = {content.rule if content.combining else content.model: content.scores}
    if content.combining:
        best = content.combining.best_member
        systems[best] = next(m.scores for m in content.members if m.name == best)
    figures = "; ".join(
        f"{name}: " + ", ".join(f"{row.name} {row.f1:.2f}" for row in scores.per_class)
        for name, scores in systems.items()
    )
    rows = {name: scores.per_class for name, scores in _break_names(systems).items()}
    yield Picture(
        "f1", "f1", "F1 of each class", f"Bars. {figures}.", partial(plot_class_scores, rows)
    )
    for rates, what in ((False, "counts"), (True, "rates")):
        yield Picture(
            "confusion",
            f"confusion-{what}",
            f"Confusion matrix: {what}",
            f"A grid of true and predicted classes. {_describe_confusion(content)}",
            partial(plot_confusion, content.scores.confusion, content.class_names, rates=rates),
            height=4.2,
        )


def _confidence_pictures(content: ReportContent) -> Iterator[Picture]:
    arrays = content.labels, content.probabilities, content.classes
    table, curve = reliability(*arrays), coverage_curve(*arrays)
    accuracy = content.scores.accuracy
    # From the bins, of which the empty ones are NaN and would make the mean NaN.
    confidence = float((table.confidence * table.count)[table.count > 0].sum() / table.count.sum())
    yield Picture(
        "confidence",
        "reliability",
        "Reliability: accuracy at each confidence",
        f"Bars against the diagonal of honest confidence. Calibration error {table.error:.3f}; "
        f"mean confidence {confidence:.3f}, accuracy {accuracy:.3f}.",
        partial(plot_reliability, table),
        height=4.2,
    )
    answers = "; ".join(
        f"at a confidence of {found.min_confidence:g} or more, {100 * found.coverage:.0f} % are "
        f"answered with an accuracy of {found.accuracy:.3f}"
        for found in content.scores.coverage
        if found.accuracy is not None
    )
    yield Picture(
        "confidence",
        "coverage",
        "Accuracy of the answers, against the share of faces answered",
        f"A curve that ends at {accuracy:.3f} where all faces are answered; {answers}.",
        partial(plot_coverage, curve),
    )


def _describe_confusion(content: ReportContent) -> str:
    """Describe what most faces of each class are taken for, if not for what they are."""
    lines = []
    for i, (name, shares) in enumerate(
        zip(content.class_names, content.scores.confusion_rates, strict=True)
    ):
        others = shares.copy()
        # Below every share: the class itself is never what it is mistaken for.
        others[i] = -1
        other = content.class_names[int(others.argmax())]
        lines.append(f"{name} {100 * shares[i]:.0f} % right, {100 * others.max():.0f} % as {other}")
    return "; ".join(lines) + "."


def _list_accuracies(scores: Mapping[str, Evaluation]) -> str:
    return ", ".join(f"{name} {found.accuracy:.3f}" for name, found in scores.items())


def _list_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _break_names(named: Mapping[str, _Value]) -> dict[str, _Value]:
    """Break long names into lines: they would leave no room for the axes."""
    parts = {name: wrap(name.replace("_", "_ "), _LONGEST) for name in named}
    return {"\n".join(parts[name]).replace("_ ", "_"): value for name, value in named.items()}


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_-" else "-" for letter in name)
