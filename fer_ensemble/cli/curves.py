"""``fer-ensemble curves``: how the networks of a saved ensemble learned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fer_ensemble.models import KerasClassifier

_ENDINGS = (".png", ".svg", ".pdf")
_METRICS = ("loss", "accuracy", "learning_rate")
_PANEL_SIZE = (4.0, 3.4)  # inches


def curves(
    model: Annotated[Path, typer.Argument(help="Folder of the saved ensemble.")] = Path("model"),
    out: Annotated[
        Path, typer.Option(help="File to draw into; its ending is .png, .svg or .pdf.")
    ] = Path("curves.png"),
) -> None:
    """Draw how the networks of a saved ensemble learned, one row for each.

    Loss and accuracy on training and held-out faces and the learning rate, epoch by epoch, with
    the epoch whose weights were kept; and how many faces each class had before and after
    balancing, where a member was balanced.

    Example:

      fer-ensemble curves model/ --out curves.png
    """
    from fer_ensemble.artifact import load_ensemble
    from fer_ensemble.cli.console import notes

    if out.suffix.lower() not in _ENDINGS:
        raise ValueError(f"cannot draw into {out}: its ending must be one of {', '.join(_ENDINGS)}")
    members = dict(load_ensemble(model).members_)
    networks = trained_networks(members)
    others = [name for name in members if name not in networks]
    if not networks:
        raise ValueError(
            f"{model} has no training to draw: only networks keep one, and its members are "
            f"{', '.join(others)}"
        )
    figure = draw_trainings(networks)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)
    if others:
        notes.print(f"Without a training to draw: {', '.join(others)}", style="yellow")
    notes.print(f"Curves of {', '.join(networks)} written to {out}")


def trained_networks(members: Mapping[str, Any]) -> dict[str, KerasClassifier]:
    """Pick the networks, or the pipelines that end in one, out of fitted members.

    Parameters
    ----------
    members : mapping of str to classifier

    Returns
    -------
    dict of str to KerasClassifier
        Those that keep the history of their training.
    """
    from fer_ensemble.models import last_step

    last_steps = {name: last_step(member) for name, member in members.items()}
    return {name: last for name, last in last_steps.items() if hasattr(last, "history_")}


def draw_trainings(networks: Mapping[str, KerasClassifier]) -> Figure:
    """Draw the trainings of fitted networks.

    Parameters
    ----------
    networks : mapping of str to KerasClassifier
        At least one.

    Returns
    -------
    matplotlib Figure
        A row for each: loss, accuracy, learning rate, and class counts if balancing changed them.
    """
    from matplotlib.figure import Figure

    from fer_ensemble.datasets import emotion_names
    from fer_ensemble.evaluation.plots import plot_class_counts, plot_history

    balanced = {name for name, network in networks.items() if _is_balanced(network)}
    n_columns = len(_METRICS) + bool(balanced)
    width, height = _PANEL_SIZE
    figure = Figure(figsize=(n_columns * width, len(networks) * height), layout="constrained")
    rows = figure.subfigures(len(networks), squeeze=False)[:, 0]
    for row, (name, network) in zip(rows, networks.items(), strict=True):
        row.suptitle(_title(name, network), fontsize="large")
        panels = row.subplots(1, n_columns)
        for metric, ax in zip(_METRICS, panels, strict=False):
            plot_history(network.history_, metric, monitor=network.monitor, ax=ax)
        if name in balanced:
            counts = [
                dict(zip(emotion_names(part), part.values(), strict=True))
                for part in (network.class_counts_["before"], network.class_counts_["after"])
            ]
            plot_class_counts(*counts, ax=panels[-1])
        elif balanced:
            panels[-1].set_axis_off()
    return figure


def _is_balanced(network: KerasClassifier) -> bool:
    return network.class_counts_["before"] != network.class_counts_["after"]


def _title(name: str, network: KerasClassifier) -> str:
    from fer_ensemble.cli.prediction_progress import count
    from fer_ensemble.evaluation.plots import best_epoch

    seconds = network.history_["seconds"]
    spent = timedelta(seconds=round(sum(seconds)))
    best = best_epoch(network.history_, network.monitor)
    return f"{name}: {count(len(seconds), 'epoch')} in {spent} h, best epoch {best}"
