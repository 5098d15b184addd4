"""Pictures of systems side by side: accuracies with their intervals, rules, weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fer_ensemble.evaluation.metrics import Evaluation
from fer_ensemble.evaluation.plots.axes import BLUE, VERMILLION, legend_above, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_accuracies(scores: Mapping[str, Evaluation], *, ax: Axes | None = None) -> Axes:
    """Draw accuracies as points with their intervals, one system a line.

    Parameters
    ----------
    scores : mapping of str to Evaluation
        Figures of each system, drawn from top to bottom.
    ax : matplotlib Axes, default=None
        Where to draw; ``None`` makes a figure of its own, which needs no display.

    Returns
    -------
    matplotlib Axes
        ``ax.figure.savefig`` writes it to a file.

    Raises
    ------
    ValueError
        If there is no system.

    Examples
    --------
    >>> from fer_ensemble.evaluation import evaluate_predictions
    >>> ours = evaluate_predictions([0, 0, 1, 1], [0, 0, 1, 0], classes=[0, 1])
    >>> [text.get_text() for text in plot_accuracies({"ours": ours}).texts]
    ['0.750 (0.301–0.954)']
    """
    ax = _label_lines(scores, ax)
    _draw_points(ax, scores, 0, BLUE, "o", "accuracy")
    return _finish_axes(ax, scores)


def plot_rules(
    members: Mapping[str, Evaluation],
    rules: Mapping[str, Evaluation],
    *,
    numbers: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the accuracies of members above those of the rules that combine them.

    Parameters
    ----------
    members : mapping of str to Evaluation
        Figures of each member alone.
    rules : mapping of str to Evaluation
        Figures of the same members under each rule.
    numbers : bool, default=True
        Whether to write accuracies and intervals beside the axes, which takes a third of the width.
    ax : matplotlib Axes, default=None
        See `plot_accuracies`.

    Returns
    -------
    matplotlib Axes
        A dotted line stands at the best member: a rule is worth its while to the right of it.

    Raises
    ------
    ValueError
        If there is no member, or a rule is called as a member is.

    Examples
    --------
    >>> from fer_ensemble.evaluation import evaluate_predictions
    >>> weak = evaluate_predictions([0, 0, 1, 1], [0, 1, 1, 0], classes=[0, 1])
    >>> strong = evaluate_predictions([0, 0, 1, 1], [0, 0, 1, 0], classes=[0, 1])
    >>> ax = plot_rules({"hog": weak, "cnn": strong}, {"average": strong})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['hog', 'cnn', 'average']
    """
    if shared := sorted(set(members) & set(rules)):
        raise ValueError(f"A member and a rule have the same name: {', '.join(shared)}.")
    together = {**members, **rules}
    ax = _label_lines(together if members else {}, ax)
    _draw_points(ax, members, 0, BLUE, "o", "members")
    _draw_points(ax, rules, len(members), VERMILLION, "s", "rules")
    best = max(figures.accuracy for figures in members.values())
    ax.axvline(best, color="gray", linestyle=":", label="best member")
    legend_above(ax, 3 if numbers else 1)
    return _finish_axes(ax, together, numbers=numbers)


def plot_weights(weights: Mapping[str, float], *, ax: Axes | None = None) -> Axes:
    """Draw the weight of each member, as bars with their numbers.

    Parameters
    ----------
    weights : mapping of str to float
        Weight of each member; drawn from top to bottom.
    ax : matplotlib Axes, default=None
        See `plot_accuracies`.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there is no member.

    Examples
    --------
    >>> ax = plot_weights({"cnn_2": 0.91, "dense_hog": 0.09})
    >>> [text.get_text() for text in ax.texts]
    ['0.91', '0.09']
    """
    ax = _label_lines(weights, ax)
    bars = ax.barh(range(len(weights)), list(weights.values()), color=BLUE)
    ax.bar_label(bars, fmt="{:.2f}", padding=2, fontsize="small")
    ax.margins(x=0.2)  # space for the numbers
    ax.set_xlabel("weight")
    return ax


def _label_lines(named: Mapping[str, object], ax: Axes | None) -> Axes:
    if not named:
        raise ValueError("There is nothing to draw: give a figure for one system at least.")
    ax = new_axes(height=1 + 0.35 * len(named)) if ax is None else ax
    ax.set_yticks(range(len(named)), list(named))
    # Upside down, so that the first one stands on top as in a table.
    ax.set_ylim(len(named) - 0.5, -0.5)
    return ax


def _draw_points(
    ax: Axes, scores: Mapping[str, Evaluation], first: int, colour: str, marker: str, label: str
) -> None:
    values = [figures.accuracy for figures in scores.values()]
    ends = [figures.accuracy_interval for figures in scores.values()]
    # Rounding may put an end of the interval beyond the figure by a hair.
    below = [max(0.0, value - low) for value, (low, _) in zip(values, ends, strict=True)]
    above = [max(0.0, high - value) for value, (_, high) in zip(values, ends, strict=True)]
    ax.errorbar(
        values,
        range(first, first + len(values)),
        xerr=[below, above],
        fmt=marker,
        color=colour,
        capsize=3,
        label=label,
    )


def _finish_axes(ax: Axes, scores: Mapping[str, Evaluation], *, numbers: bool = True) -> Axes:
    for i, figures in enumerate(scores.values() if numbers else ()):
        low, high = figures.accuracy_interval
        text = f"{figures.accuracy:.3f} ({low:.3f}–{high:.3f})"
        # To the right of the axes, where no interval reaches.
        ax.text(1.02, i, text, va="center", fontsize="small", transform=ax.get_yaxis_transform())
    level = next(iter(scores.values())).confidence
    ax.set_xlabel(f"accuracy and {100 * level:g} % interval")
    ax.grid(axis="x", alpha=0.3)
    return ax
