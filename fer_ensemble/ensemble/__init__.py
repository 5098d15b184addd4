"""Combine members into an ensemble. Knows only scikit-learn's protocol."""

from fer_ensemble.ensemble.rules import RULES, average, combine, majority, weighted
from fer_ensemble.ensemble.scoring import EnsembleScores, score_ensemble
from fer_ensemble.ensemble.voting import VotingEnsemble
from fer_ensemble.ensemble.weights import learn_weights

__all__ = [
    "RULES",
    "EnsembleScores",
    "VotingEnsemble",
    "average",
    "combine",
    "learn_weights",
    "majority",
    "score_ensemble",
    "weighted",
]
