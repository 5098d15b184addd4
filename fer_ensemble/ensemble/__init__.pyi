from .base import BaseEnsemble, HeldOut
from .calibration import fit_calibration, fit_temperature
from .competence import DYNAMIC_RULES, Competence
from .conformal import ConformalClassifier, answer_held_out
from .diversity import (
    Diversity,
    disagreement,
    kappa,
    leave_one_out,
    measure_diversity,
    oracle_accuracy,
    q_statistic,
)
from .dynamic import DynamicEnsemble
from .member_fits import FitStore, sample_weight_keyword
from .prediction_sets import (
    SET_METHODS,
    Answers,
    SetRule,
    conformal_quantile,
    learn_set_rule,
    score_classes,
)
from .recombining import EnsembleScores, score_ensemble, to_dynamic, to_stacking, to_voting
from .rules import RULES, WEIGHTED_RULES, CombiningRule, combine
from .stacking import StackingEnsemble
from .temperature import Calibration, CalibrationScores, apply_temperature, combine_calibrated
from .ties import TIES, choose_classes, ties_for_scoring
from .voting import VotingEnsemble
from .weights import WEIGHTING, GreedySelection, learn_weights, select_greedily
from .workers import WorkersDiedError

__all__ = [
    "DYNAMIC_RULES",
    "RULES",
    "SET_METHODS",
    "TIES",
    "WEIGHTED_RULES",
    "WEIGHTING",
    "Answers",
    "BaseEnsemble",
    "Calibration",
    "CalibrationScores",
    "CombiningRule",
    "Competence",
    "ConformalClassifier",
    "Diversity",
    "DynamicEnsemble",
    "EnsembleScores",
    "FitStore",
    "GreedySelection",
    "HeldOut",
    "SetRule",
    "StackingEnsemble",
    "VotingEnsemble",
    "WorkersDiedError",
    "answer_held_out",
    "apply_temperature",
    "choose_classes",
    "combine",
    "combine_calibrated",
    "conformal_quantile",
    "disagreement",
    "fit_calibration",
    "fit_temperature",
    "kappa",
    "learn_set_rule",
    "learn_weights",
    "leave_one_out",
    "measure_diversity",
    "oracle_accuracy",
    "q_statistic",
    "sample_weight_keyword",
    "score_classes",
    "score_ensemble",
    "select_greedily",
    "ties_for_scoring",
    "to_dynamic",
    "to_stacking",
    "to_voting",
]
