"""How good predictions are, with intervals. Knows arrays only."""

from fer_ensemble.evaluation.calibration import (
    Reliability,
    brier_score,
    calibration_error,
    reliability,
)
from fer_ensemble.evaluation.comparison import Comparison, compare_predictions
from fer_ensemble.evaluation.coverage import (
    CoverageCurve,
    CoverageScore,
    coverage_at,
    coverage_curve,
)
from fer_ensemble.evaluation.intervals import (
    bootstrap_intervals,
    difference_interval,
    wilson_interval,
)
from fer_ensemble.evaluation.metrics import evaluate_predictions
from fer_ensemble.evaluation.ranking import top_k_accuracy
from fer_ensemble.evaluation.scores import ClassScore, Evaluation
from fer_ensemble.evaluation.subgroups import GroupScore, evaluate_groups
from fer_ensemble.evaluation.votes import VoteEvaluation, evaluate_votes

__all__ = [
    "ClassScore",
    "Comparison",
    "CoverageCurve",
    "CoverageScore",
    "Evaluation",
    "GroupScore",
    "Reliability",
    "VoteEvaluation",
    "bootstrap_intervals",
    "brier_score",
    "calibration_error",
    "compare_predictions",
    "coverage_at",
    "coverage_curve",
    "difference_interval",
    "evaluate_groups",
    "evaluate_predictions",
    "evaluate_votes",
    "reliability",
    "top_k_accuracy",
    "wilson_interval",
]
