"""Pictures of classes: how many samples each has, what it is taken for, how well it is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fer_ensemble.evaluation.confusion import confusion_rates
from fer_ensemble.evaluation.metrics import ClassScore
from fer_ensemble.evaluation.plots.axes import (
    BLUE,
    COLOURS,
    VERMILLION,
    legend_above,
    new_axes,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MEASURES = {"f1": "F1", "precision": "precision", "recall": "recall"}
_PANEL_SIZE = (4.0, 3.0)  # inches


def plot_class_counts(
    before: Mapping[Any, int],
    after: Mapping[Any, int] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many samples each class has, as bars with their numbers.

    Parameters
    ----------
    before : mapping of class to int
        Samples of each class; classes are drawn from top to bottom, in this order.
    after : mapping of class to int, default=None
        The same after balancing, drawn beside; a class that is missing has none.
    ax : matplotlib Axes, default=None
        Where to draw; ``None`` makes a figure of its own, which needs no display.

    Returns
    -------
    matplotlib Axes
        ``ax.figure.savefig`` writes it to a file.

    Raises
    ------
    ValueError
        If there is no class.

    Examples
    --------
    >>> ax = plot_class_counts({"happy": 7215, "disgust": 436}, {"happy": 5000, "disgust": 5000})
    >>> [text.get_text() for text in ax.texts]
    ['7,215', '436', '5,000', '5,000']
    """
    groups = {"before": before} if after is None else {"before": before, "after": after}
    classes = list(dict.fromkeys(name for counts in groups.values() for name in counts))
    if not classes:
        raise ValueError("There are no class counts to draw: give a number for every class.")
    ax = new_axes() if ax is None else ax
    places, height = np.arange(len(classes)), 0.8 / len(groups)
    for i, (label, counts) in enumerate(groups.items()):
        bars = ax.barh(
            places + (i - (len(groups) - 1) / 2) * height,
            [counts.get(name, 0) for name in classes],
            height,
            color=(BLUE, VERMILLION)[i],
            label=label,
        )
        ax.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize="small")
    ax.set_yticks(places, [str(name) for name in classes])
    ax.invert_yaxis()
    ax.margins(x=0.2)  # space for the numbers
    ax.set_xlabel("samples")
    if after is not None:
        legend_above(ax, 2)
    return ax


def draw_split_counts(counts: Mapping[str, Mapping[Any, int]]) -> Figure:
    """Draw how many samples each class has, a panel for each split.

    Parameters
    ----------
    counts : mapping of str to mapping of class to int
        Counts of the classes, by split; at least one split.

    Returns
    -------
    matplotlib Figure

    Examples
    --------
    >>> figure = draw_split_counts({"train": {"happy": 7215}, "test": {"happy": 1774}})
    >>> [ax.get_title() for ax in figure.axes]
    ['train, n = 7,215', 'test, n = 1,774']
    """
    width, height = _PANEL_SIZE
    figure = new_figure(width * len(counts), height)
    panels = figure.subplots(1, len(counts), squeeze=False)[0]
    for ax, (split, by_class) in zip(panels, counts.items(), strict=True):
        plot_class_counts(by_class, ax=ax)
        ax.set_title(f"{split}, n = {sum(by_class.values()):,}", fontsize="medium")
    return figure


def plot_confusion(
    confusion: ArrayLike,
    class_names: Sequence[str],
    *,
    rates: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw a confusion matrix, with a number in every cell.

    Parameters
    ----------
    confusion : array-like of shape (n_classes, n_classes)
        Counts: rows are true classes, columns predicted ones.
    class_names : sequence of str
        Names of the classes, in the order of the rows.
    rates : bool, default=False
        Whether to write shares of each true class, in per cent, in place of the counts. Cells are
        shaded by these shares either way: by counts, rare classes would all look alike.
    ax : matplotlib Axes, default=None
        Where to draw; ``None`` makes a figure of its own, which needs no display.

    Returns
    -------
    matplotlib Axes
        ``ax.figure.savefig`` writes it to a file.

    Raises
    ------
    ValueError
        If the matrix is not square, or has not one row for each name.

    Examples
    --------
    >>> ax = plot_confusion([[3, 1], [0, 2]], ["happy", "sad"], rates=True)
    >>> [text.get_text() for text in ax.texts]
    ['75 %', '25 %', '0 %', '100 %']
    """
    counts, n = np.asarray(confusion), len(class_names)
    if counts.shape != (n, n):
        raise ValueError(
            f"confusion must have the shape (n_classes, n_classes) = ({n}, {n}) for {n} "
            f"class_names, not {counts.shape}."
        )
    shares = confusion_rates(counts)
    ax = new_axes(6, 5.5) if ax is None else ax
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{100 * share:.0f} %" if rates else f"{counts[row, column]:,}"
        # Dark cells would swallow black numbers; the map of blues is dark from here on.
        colour = "white" if share > 0.6 else "black"
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")
    ax.set_xticks(range(n), class_names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(n), class_names)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def plot_class_scores(
    systems: Mapping[str, Sequence[ClassScore]],
    measure: str = "f1",
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw a figure of every class as bars, with systems beside each other.

    Parameters
    ----------
    systems : mapping of str to sequence of ClassScore
        ``Evaluation.per_class`` of each system, for the same classes; six systems at most.
    measure : {'f1', 'precision', 'recall'}, default='f1'
        What to draw.
    ax : matplotlib Axes, default=None
        See `plot_confusion`.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there is no system or more than six, the measure is none of those above, or classes
        differ.

    Examples
    --------
    >>> ours = [ClassScore("happy", 0.9, 0.8, 0.85, 10), ClassScore("sad", 0.5, 0.7, 0.58, 5)]
    >>> [text.get_text() for text in plot_class_scores({"ours": ours}).texts]
    ['0.85', '0.58']
    """
    if measure not in _MEASURES:
        raise ValueError(f"measure must be one of {', '.join(_MEASURES)}, not {measure!r}.")
    if not 1 <= len(systems) <= len(COLOURS):
        raise ValueError(f"Give 1 to {len(COLOURS)} systems to draw, not {len(systems)}.")
    classes = {tuple(row.name for row in rows) for rows in systems.values()}
    if len(classes) > 1:
        raise ValueError(f"All systems must have the same classes; they have {sorted(classes)}.")
    names = classes.pop()
    ax = new_axes() if ax is None else ax
    places, width = np.arange(len(names)), 0.8 / len(systems)
    for i, (system, rows) in enumerate(systems.items()):
        offset = (i - (len(systems) - 1) / 2) * width
        values = [getattr(row, measure) for row in rows]
        bars = ax.bar(places + offset, values, width, color=COLOURS[i], label=system)
        if len(systems) <= 2:  # more would run into each other, and two do but upright
            upright = 90 * (len(systems) == 2)
            ax.bar_label(bars, fmt="{:.2f}", padding=2, fontsize="small", rotation=upright)
    ax.set_xticks(places, names, rotation=30, ha="right", rotation_mode="anchor")
    # Up to 1.2 for the numbers above the bars, though no figure passes 1.
    ax.set(ylabel=_MEASURES[measure], ylim=(0, 1.2), yticks=np.linspace(0, 1, 6))
    if len(systems) > 1:
        legend_above(ax, 3)
    return ax
