"""How good predictions are, with intervals. Knows arrays only."""

from fer_ensemble.evaluation.calibration import (
    Reliability,
    brier_score,
    calibration_error,
    reliability,
)
from fer_ensemble.evaluation.comparison import Comparison, compare_predictions
from fer_ensemble.evaluation.metrics import ClassScore, Evaluation, evaluate_predictions

__all__ = [
    "ClassScore",
    "Comparison",
    "Evaluation",
    "Reliability",
    "brier_score",
    "calibration_error",
    "compare_predictions",
    "evaluate_predictions",
    "reliability",
]
