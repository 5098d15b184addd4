"""The boosting loop's display, apart so that XGBoost is imported only to train or predict."""

from __future__ import annotations

from typing import Any

import xgboost

from fer_ensemble.models.progress import ProgressDisplay


class BoostingLog(xgboost.callback.TrainingCallback):
    """Shows rounds and held-out loss on a display.

    Parameters
    ----------
    display : ProgressDisplay
        Where to show them.
    """

    def __init__(self, display: ProgressDisplay) -> None:
        self._display = display

    def after_iteration(
        self, model: xgboost.Booster, epoch: int, evals_log: dict[str, dict[str, Any]]
    ) -> bool:
        """Report the round; never ends the boosting."""
        self._display.advance()
        figures = [
            f"{data} {name} {values[-1]:.3f}"
            for data, metrics in evals_log.items()
            for name, values in metrics.items()
        ]
        self._display.report(" · ".join([f"round {epoch + 1}", *figures]))
        return False
