"""Pictures of class counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_ensemble.evaluation.plots.axes import BLUE, VERMILLION, legend_above, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    ax.margins(x=0.2)  # room for the numbers
    ax.set_xlabel("samples")
    if after is not None:
        legend_above(ax, 2)
    return ax
