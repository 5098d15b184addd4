"""Pictures of what confidence is worth: reliability, and accuracy against coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fer_ensemble.evaluation.plots.axes import BLUE, SKY, VERMILLION, new_axes
from fer_ensemble.evaluation.reliability import MIN_CONFIDENCES, CoverageCurve, Reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_reliability(table: Reliability, *, ax: Axes | None = None) -> Axes:
    """Draw accuracy against confidence, bin by bin, beside the diagonal of honest confidence.

    Parameters
    ----------
    table : Reliability
        What `reliability` returned.
    ax : matplotlib Axes, default=None
        Where to draw; ``None`` makes a figure of its own, which needs no display.

    Returns
    -------
    matplotlib Axes
        ``ax.figure.savefig`` writes it to a file. Below the diagonal, a classifier is more
        confident than right. Dots are the larger, the more samples a bin holds.

    References
    ----------
    M. H. DeGroot and S. E. Fienberg, "The comparison and evaluation of forecasters", The
    Statistician 32, 1983, pages 12-22.

    Examples
    --------
    >>> from fer_ensemble.evaluation import reliability
    >>> ax = plot_reliability(reliability(["a", "b"], [[0.8, 0.2], [0.8, 0.2]], ["a", "b"]))
    >>> [text.get_text() for text in ax.texts]
    ['calibration error 0.300']
    """
    ax = new_axes(5, 5) if ax is None else ax
    # Empty bins have no accuracy: a bar of height 0 would say that all is wrong.
    full = table.count > 0
    left, width = table.edges[:-1][full], np.diff(table.edges)[full]
    ax.plot([0, 1], [0, 1], color="gray", linestyle="--", label="honest", zorder=2)
    ax.bar(left, table.accuracy[full], width, align="edge", color=SKY, edgecolor="white")
    ax.scatter(
        table.confidence[full],
        table.accuracy[full],
        s=10 + 110 * table.count[full] / table.count.max(),
        color=BLUE,
        zorder=3,
        label="bins; larger: more samples",
    )
    text = f"calibration error {table.error:.3f}"
    ax.text(0.97, 0.04, text, ha="right", fontsize="small", transform=ax.transAxes)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy", aspect="equal")
    ax.legend(fontsize="small", loc="upper left")
    return ax


def plot_coverage(curve: CoverageCurve, *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy of the answers against the share of samples that are answered.

    Parameters
    ----------
    curve : CoverageCurve
        What `coverage_curve` returned.
    ax : matplotlib Axes, default=None
        See `plot_reliability`.

    Returns
    -------
    matplotlib Axes
        Answering everything is at the right; some least confidences are marked.

    Examples
    --------
    >>> from fer_ensemble.evaluation import coverage_curve
    >>> curve = coverage_curve(["a", "b"], [[0.95, 0.05], [0.6, 0.4]], ["a", "b"])
    >>> [text.get_text() for text in plot_coverage(curve).texts]
    ['≥ 0.5', '≥ 0.7', '≥ 0.9']
    """
    ax = new_axes() if ax is None else ax
    ax.plot(curve.coverage, curve.accuracy, color=BLUE)
    for least in MIN_CONFIDENCES:
        # The curve goes from the surest sample on: its first points are those that are sure enough.
        answered = int((curve.min_confidence >= least).sum())
        if answered:
            point = curve.coverage[answered - 1], curve.accuracy[answered - 1]
            ax.plot(*point, color=VERMILLION, marker="o", linestyle="")
            ax.annotate(f"≥ {least:g}", point, (4, 6), textcoords="offset points", fontsize="small")
    ax.set(xlim=(0, 1.02), ylim=(None, 1.02), xlabel="share answered", ylabel="accuracy of these")
    ax.grid(alpha=0.3)
    return ax
