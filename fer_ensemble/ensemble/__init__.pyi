from .base import BaseEnsemble, HeldOut
from .calibration import fit_calibration, fit_temperature
from .diversity import (
    Diversity,
    disagreement,
    kappa,
    leave_one_out,
    measure_diversity,
    oracle_accuracy,
    q_statistic,
)
from .member_fits import FitStore, sample_weight_keyword
from .recombining import EnsembleScores, score_ensemble, to_stacking, to_voting
from .rules import RULES, WEIGHTED_RULES, CombiningRule, combine
from .stacking import StackingEnsemble
from .temperature import Calibration, CalibrationScores, apply_temperature, combine_calibrated
from .ties import TIES, choose_classes, ties_for_scoring
from .voting import VotingEnsemble
from .weights import WEIGHTING, GreedySelection, learn_weights, select_greedily
from .workers import WorkersDiedError

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
    "WorkersDiedError",
    "apply_temperature",
    "choose_classes",
    "combine",
    "combine_calibrated",
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
