"""Combine members into an ensemble. Knows only scikit-learn's protocol."""

from fer_ensemble.ensemble.base import BaseEnsemble, HeldOut
from fer_ensemble.ensemble.calibration import (
    Calibration,
    CalibrationScores,
    apply_temperature,
    fit_calibration,
    fit_temperature,
)
from fer_ensemble.ensemble.diversity import (
    Diversity,
    disagreement,
    kappa,
    leave_one_out,
    measure_diversity,
    oracle_accuracy,
    q_statistic,
)
from fer_ensemble.ensemble.member_fits import FitStore, sample_weight_keyword
from fer_ensemble.ensemble.recombining import EnsembleScores, score_ensemble, to_stacking, to_voting
from fer_ensemble.ensemble.rules import RULES, WEIGHTED_RULES, CombiningRule, combine
from fer_ensemble.ensemble.stacking import StackingEnsemble
from fer_ensemble.ensemble.ties import TIES, choose_classes, ties_for_scoring
from fer_ensemble.ensemble.voting import VotingEnsemble
from fer_ensemble.ensemble.weights import WEIGHTING, GreedySelection, learn_weights, select_greedily

__all__ = [
    "RULES",
    "TIES",
    "WEIGHTED_RULES",
    "WEIGHTING",
    "BaseEnsemble",
    "Calibration",
    "CalibrationScores",
    "CombiningRule",
    "Diversity",
    "EnsembleScores",
    "FitStore",
    "GreedySelection",
    "HeldOut",
    "StackingEnsemble",
    "VotingEnsemble",
    "apply_temperature",
    "choose_classes",
    "combine",
    "disagreement",
    "fit_calibration",
    "fit_temperature",
    "kappa",
    "learn_weights",
    "leave_one_out",
    "measure_diversity",
    "oracle_accuracy",
    "q_statistic",
    "sample_weight_keyword",
    "score_ensemble",
    "select_greedily",
    "ties_for_scoring",
    "to_stacking",
    "to_voting",
]
