"""What all pictures share: colours, axes of their own, and what files they can be written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fer_ensemble.libraries import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PICTURE_ENDINGS = (".png", ".svg", ".pdf")
"""Endings of the files that a picture can be written to; they decide the format."""

# Of the eight colours that Wong (2011), Points of view: color blindness, Nature Methods 8,
# recommends: they differ for every kind of colour vision, and in lightness too.
BLUE, VERMILLION, GREEN, ORANGE, SKY, PURPLE = COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
)


def new_axes(width: float = 6, height: float = 4) -> Axes:
    """Make axes on a figure of their own, which needs no display.

    Parameters
    ----------
    width, height : float
        Size of the figure in inches.

    Returns
    -------
    matplotlib Axes
    """
    return new_figure(width, height).add_subplot()


def new_figure(width: float, height: float) -> Figure:
    """Make a figure that needs no display.

    Parameters
    ----------
    width, height : float
        Its size in inches.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    MissingLibraryError
        If Matplotlib is not installed.
    """
    require("matplotlib", "A picture")
    # Not by pyplot, which keeps every figure in memory and may look for a display.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def legend_above(ax: Axes, n_columns: int) -> None:
    """Put the legend above the axes: inside, it would hide a bar wherever it stands.

    Parameters
    ----------
    ax : matplotlib Axes
    n_columns : int
    """
    ax.legend(fontsize="small", ncols=n_columns, loc="lower left", bbox_to_anchor=(0, 1))
