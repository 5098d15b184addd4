"""Pictures of what is recognised, class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fer_ensemble.evaluation.confusion import confusion_rates
from fer_ensemble.evaluation.plots.axes import COLOURS, legend_above, new_axes
from fer_ensemble.evaluation.scores import ClassScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MEASURES = {"f1": "F1", "precision": "precision", "recall": "recall"}


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
        told = f"{100 * share:.0f} %" if rates else f"{counts[row, column]:,}"
        colour = "white" if share > 0.6 else "black"
        ax.text(column, row, told, ha="center", va="center", color=colour, fontsize="small")
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
    ax.set(ylabel=_MEASURES[measure], ylim=(0, 1.2), yticks=np.linspace(0, 1, 6))
    if len(systems) > 1:
        legend_above(ax, 3)
    return ax
