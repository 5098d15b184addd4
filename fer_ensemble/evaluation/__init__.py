"""How good predictions are, with intervals. Knows arrays only."""

from fer_ensemble.evaluation.metrics import ClassScore, Evaluation, evaluate_predictions

__all__ = ["ClassScore", "Evaluation", "evaluate_predictions"]
