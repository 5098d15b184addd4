"""How good predictions are, with intervals. Knows arrays only."""

from fer_ensemble.evaluation.arrays import (
    SMALLEST_PROBABILITY,
    SUM_TOLERANCE,
    TOLERANCE,
    check_scored,
    encode_labels,
    find_classes,
    is_distribution,
    is_unsure,
)
from fer_ensemble.evaluation.confident_learning import (
    QUALITIES,
    ConfidentLabels,
    confident_labels,
    label_quality,
)
from fer_ensemble.evaluation.group_comparison import (
    GroupComparison,
    GroupGap,
    StandardAccuracy,
    compare_groups,
    holm,
)
from fer_ensemble.evaluation.intervals import (
    Comparison,
    bootstrap_intervals,
    compare_predictions,
    difference_interval,
    wilson_interval,
)
from fer_ensemble.evaluation.metrics import (
    ClassScore,
    Evaluation,
    evaluate_predictions,
    top_k_accuracy,
)
from fer_ensemble.evaluation.reliability import (
    CoverageCurve,
    CoverageScore,
    Reliability,
    brier_score,
    calibration_error,
    coverage_at,
    coverage_curve,
    reliability,
)
from fer_ensemble.evaluation.set_scores import SetEvaluation, SetScore, evaluate_sets
from fer_ensemble.evaluation.subgroups import GroupScore, evaluate_groups
from fer_ensemble.evaluation.votes import VoteEvaluation, evaluate_votes

__all__ = [
    "QUALITIES",
    "SMALLEST_PROBABILITY",
    "SUM_TOLERANCE",
    "TOLERANCE",
    "ClassScore",
    "Comparison",
    "ConfidentLabels",
    "CoverageCurve",
    "CoverageScore",
    "Evaluation",
    "GroupComparison",
    "GroupGap",
    "GroupScore",
    "Reliability",
    "SetEvaluation",
    "SetScore",
    "StandardAccuracy",
    "VoteEvaluation",
    "bootstrap_intervals",
    "brier_score",
    "calibration_error",
    "check_scored",
    "compare_groups",
    "compare_predictions",
    "confident_labels",
    "coverage_at",
    "coverage_curve",
    "difference_interval",
    "encode_labels",
    "evaluate_groups",
    "evaluate_predictions",
    "evaluate_sets",
    "evaluate_votes",
    "find_classes",
    "holm",
    "is_distribution",
    "is_unsure",
    "label_quality",
    "reliability",
    "top_k_accuracy",
    "wilson_interval",
]
