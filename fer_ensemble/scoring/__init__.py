"""Tables of predictions, from any tool: read, joined to the truth, and measured."""

from fer_ensemble.scoring.joining import (
    JoinedPredictions,
    SystemPredictions,
    join_predictions,
)
from fer_ensemble.scoring.matching import match_rows
from fer_ensemble.scoring.prediction_files import PredictionTable, read_predictions
from fer_ensemble.scoring.scores import ScoredPredictions, score_predictions

__all__ = [
    "JoinedPredictions",
    "PredictionTable",
    "ScoredPredictions",
    "SystemPredictions",
    "join_predictions",
    "match_rows",
    "read_predictions",
    "score_predictions",
]
