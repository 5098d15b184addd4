"""Pictures of trainings: one figure epoch by epoch, or all figures of several networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from fer_ensemble.evaluation.plots.axes import BLUE, VERMILLION, new_axes, new_figure
from fer_ensemble.evaluation.plots.classes import plot_class_counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMES = {"learning_rate": "learning rate"}
_METRICS = ("loss", "accuracy", "learning_rate")
_PANEL_SIZE = (4.0, 3.4)  # inches


@dataclass(frozen=True, eq=False)
class Training:
    """How a network learned.

    Attributes
    ----------
    history : mapping of str to sequence of float
        Figures of each epoch, as in ``KerasClassifier.history_``.
    monitor : {'loss', 'accuracy'}, default='loss'
        What decided about the best epoch.
    balance : (mapping of str to int, mapping of str to int), default=None
        How many faces each class had before and after balancing; ``None`` if it changed nothing.
    """

    history: Mapping[str, Sequence[float]]
    monitor: str = "loss"
    balance: tuple[Mapping[str, int], Mapping[str, int]] | None = None


def plot_history(
    history: Mapping[str, Sequence[float]],
    metric: str = "accuracy",
    *,
    monitor: str = "loss",
    ax: Axes | None = None,
) -> Axes:
    """Draw how a figure went from epoch to epoch, and mark the best epoch.

    Parameters
    ----------
    history : mapping of str to sequence of float
        Figures of each epoch, as in ``KerasClassifier.history_``: `metric`, and ``val_`` and
        `metric` for the same on held-out data, if there were any. ``epoch``, if it is there,
        says how many epochs were done at each entry.
    metric : str, default='accuracy'
        What to draw: ``'loss'``, ``'accuracy'``, ``'learning_rate'`` (on a logarithmic axis), or
        any other name in `history`.
    monitor : {'loss', 'accuracy'}, default='loss'
        What decides about the best epoch, see :func:`best_epoch`.
    ax : matplotlib Axes, default=None
        Where to draw; ``None`` makes a figure of its own, which needs no display.

    Returns
    -------
    matplotlib Axes
        ``ax.figure.savefig`` writes it to a file.

    Raises
    ------
    ValueError
        If `history` has no such figures.

    Examples
    --------
    >>> from fer_ensemble.evaluation.plots import plot_history
    >>> history = {"loss": [1.9, 1.5, 1.2], "val_loss": [1.8, 1.4, 1.6]}
    >>> ax = plot_history(history, "loss")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['training', 'held out', 'best epoch 2: 1.4']
    """
    values = _series(history, metric)
    best = best_epoch(history, monitor)
    # A time budget may end a training within an epoch: its last entry then stands between two.
    epochs = history.get("epoch", range(1, len(values) + 1))
    ax = new_axes() if ax is None else ax
    from matplotlib.ticker import MaxNLocator

    ax.plot(epochs, values, color=BLUE, marker=".", linestyle="--", label="training")
    held_out = history.get(f"val_{metric}")
    if held_out is not None:
        ax.plot(epochs, held_out, color=VERMILLION, marker=".", label="held out")
        values = held_out
    place, value = epochs[best - 1], values[best - 1]
    ax.axvline(place, color="gray", linestyle=":", linewidth=1)
    label = f"best epoch {best}: {value:.3g}"
    ax.plot([place], [value], color="black", marker="*", markersize=10, linestyle="", label=label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if metric == "learning_rate":
        ax.set_yscale("log")
    if metric in ("loss", "accuracy"):
        ax.legend(fontsize="small")
    ax.set(xlabel="epoch", ylabel=_NAMES.get(metric, metric))
    ax.grid(alpha=0.3)
    return ax


def draw_trainings(trainings: Mapping[str, Training]) -> Figure:
    """Draw the trainings of several networks, one row for each.

    Parameters
    ----------
    trainings : mapping of str to Training
        By the names of the networks; at least one.

    Returns
    -------
    matplotlib Figure
        Loss, accuracy, learning rate, and class counts of those that were balanced.

    Examples
    --------
    >>> history = {"loss": [2, 1], "accuracy": [0.2, 0.5], "learning_rate": [0.1, 0.1]}
    >>> training = Training(history | {"seconds": [59.8, 60.1]})
    >>> [row] = draw_trainings({"cnn": training}).subfigs
    >>> row.get_suptitle()
    'cnn: 2 epochs in 0:02:00 h, best epoch 2'
    """
    any_balanced = any(training.balance for training in trainings.values())
    n_columns = len(_METRICS) + any_balanced
    width, height = _PANEL_SIZE
    figure = new_figure(n_columns * width, len(trainings) * height)
    rows = figure.subfigures(len(trainings), squeeze=False)[:, 0]
    for row, (name, training) in zip(rows, trainings.items(), strict=True):
        row.suptitle(_title(name, training), fontsize="large")
        panels = row.subplots(1, n_columns)
        for metric, ax in zip(_METRICS, panels, strict=False):
            plot_history(training.history, metric, monitor=training.monitor, ax=ax)
        if training.balance:
            plot_class_counts(*training.balance, ax=panels[-1])
        elif any_balanced:
            # An empty panel keeps the columns of all rows in line.
            panels[-1].set_axis_off()
    return figure


def best_epoch(history: Mapping[str, Sequence[float]], monitor: str = "loss") -> int:
    """Find the epoch whose weights a training kept.

    Parameters
    ----------
    history : mapping of str to sequence of float
        Figures of each epoch, as in ``KerasClassifier.history_``.
    monitor : {'loss', 'accuracy'}, default='loss'
        What decides: the lowest loss or the highest accuracy, on held-out data if there were
        any. Among equals the first epoch counts.

    Returns
    -------
    int
        From 1 on.

    Raises
    ------
    ValueError
        If `history` has no such figures.

    Examples
    --------
    >>> best_epoch({"loss": [1.5, 1.2, 1.0], "val_loss": [1.6, 1.3, 1.4]})
    2
    """
    held_out = f"val_{monitor}"
    values = np.asarray(_series(history, held_out if held_out in history else monitor))
    # Where no epoch is better than another, the last is as good as any.
    if np.isnan(values).all():
        return len(values)
    return 1 + int(np.nanargmin(values) if monitor == "loss" else np.nanargmax(values))


def _title(name: str, training: Training) -> str:
    seconds = training.history["seconds"]
    n_epochs = f"{len(seconds):,} epoch{'' if len(seconds) == 1 else 's'}"
    spent = timedelta(seconds=round(sum(seconds)))
    best = best_epoch(training.history, training.monitor)
    return f"{name}: {n_epochs} in {spent} h, best epoch {best}"


def _series(history: Mapping[str, Sequence[float]], name: str) -> Sequence[float]:
    values = history.get(name)
    if values is None:
        raise ValueError(f"The history has no {name!r}: choose among {sorted(history)}.")
    if not len(values):
        raise ValueError(f"The history has no epoch under {name!r}: there is nothing to draw.")
    return values
