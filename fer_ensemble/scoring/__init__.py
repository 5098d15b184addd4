"""Tables of predictions, from any tool, joined to the truth."""

from fer_ensemble.scoring.joining import JoinedPredictions, SystemPredictions, join_predictions
from fer_ensemble.scoring.tables import PredictionTable, read_predictions

__all__ = [
    "JoinedPredictions",
    "PredictionTable",
    "SystemPredictions",
    "join_predictions",
    "read_predictions",
]
