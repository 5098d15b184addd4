"""Pictures of trainings, class counts and figures, drawn on Matplotlib's axes.

Every function takes an `ax` and returns it; without one, it makes a figure that needs no display.
"""

from fer_ensemble.evaluation.plots.accuracies import plot_accuracies, plot_rules, plot_weights
from fer_ensemble.evaluation.plots.classes import (
    plot_class_counts,
    plot_class_scores,
    plot_confusion,
)
from fer_ensemble.evaluation.plots.confidence import plot_coverage, plot_reliability
from fer_ensemble.evaluation.plots.histories import best_epoch, plot_history

__all__ = [
    "best_epoch",
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
