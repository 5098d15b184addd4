"""Pictures of trainings, class counts and figures, drawn on Matplotlib's axes.

Every ``plot_`` function takes an `ax` and returns it; without one, it makes a figure that needs no
display. The ``draw_`` functions lay out several of these pictures on one figure and return that.
"""

from fer_ensemble.evaluation.plots.accuracies import plot_accuracies, plot_rules, plot_weights
from fer_ensemble.evaluation.plots.axes import PICTURE_ENDINGS
from fer_ensemble.evaluation.plots.classes import (
    draw_split_counts,
    plot_class_counts,
    plot_class_scores,
    plot_confusion,
)
from fer_ensemble.evaluation.plots.confidence import plot_coverage, plot_reliability
from fer_ensemble.evaluation.plots.histories import (
    Training,
    best_epoch,
    draw_trainings,
    plot_history,
)

__all__ = [
    "PICTURE_ENDINGS",
    "Training",
    "best_epoch",
    "draw_split_counts",
    "draw_trainings",
    "plot_accuracies",
    "plot_class_counts",
    "plot_class_scores",
    "plot_confusion",
    "plot_coverage",
    "plot_history",
    "plot_reliability",
    "plot_rules",
    "plot_weights",
]
