"""KerasTuner's part of a search: it chooses values and keeps trials.

The only module that imports it at once, and so imported itself when a search starts.
"""

from __future__ import annotations

import gc
import io
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import keras_tuner
from sklearn.exceptions import ConvergenceWarning

from fer_ensemble.models.search.search_folder import TRIALS, SearchError
from fer_ensemble.models.search.spaces import Space, dimensions

_OBJECTIVE = "val_accuracy"
# A trial that was running when its search was interrupted is in neither state, and is run anew.
_FINISHED = {"COMPLETED": "completed", "FAILED": "failed"}


class MemberTuner(keras_tuner.Tuner):
    """Chooses values by Bayesian optimisation, and leaves it to a function to measure them.

    Parameters
    ----------
    directory : Path
        Where finished trials are kept, and read from if there are any.
    space : dict
        As :func:`~fer_ensemble.models.search.search_space` returns it.
    trials : int
        How many there are to be, those read included.
    seed : int
        Seed of the choice.
    measure : callable
        From one value for each dimension to the held-out accuracy.
    on_end : callable
        Called with this tuner's record of a trial that has finished.

    Raises
    ------
    SearchError
        If the trials there are damaged.
    """

    def __init__(
        self,
        directory: Path,
        space: Space,
        *,
        trials: int,
        seed: int,
        measure: Callable[[Mapping[str, Any]], float],
        on_end: Callable[[dict[str, Any]], None],
    ) -> None:
        self._measure = measure
        self._on_end = on_end
        self._reason = ""
        oracle = _oracle(space, trials, seed)
        try:
            # It prints on standard output, which is the command's, that it reads its own files.
            with redirect_stdout(io.StringIO()):
                super().__init__(oracle, directory=str(directory), project_name=TRIALS)
        except Exception as error:  # whatever a damaged file makes it and the backend meet
            raise SearchError(
                f"The trials in {directory / TRIALS} are damaged ({error}): --overwrite starts "
                "anew."
            ) from error
        self.oracle.verbose = 0

    def run_trial(self, trial: Any) -> float:
        """Measure a trial's values.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial

        Returns
        -------
        float
        """
        started = time.perf_counter()
        try:
            return self._measure(trial.hyperparameters.values)
        except Exception as error:
            # KerasTuner keeps the traceback alone, and begins it with no word on the reason.
            self._reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            # As a metric, for that is what KerasTuner keeps of a trial beside its values and score.
            if not trial.metrics.exists("seconds"):
                trial.metrics.register("seconds", direction="min")
            trial.metrics.update("seconds", time.perf_counter() - started)

    def on_trial_end(self, trial: Any) -> None:
        """Keep a trial and report it.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
        """
        if trial.message:
            trial.message = f"{self._reason}\n{trial.message}"
        super().on_trial_end(trial)
        # A network and its optimizer are rings of references, and large.
        gc.collect()
        self._on_end(self._record(trial.trial_id))

    def records(self) -> list[dict[str, Any]]:
        """List all finished trials in the order of their start.

        Returns
        -------
        list of dict
            With ``number`` (from 1), ``values`` by dimension, ``status``, ``accuracy`` (``None``
            if the trial failed), ``seconds`` and ``message``.
        """
        return [
            self._record(trial_id)
            for trial_id in self.oracle.start_order
            if self.oracle.trials[trial_id].status in _FINISHED
        ]

    def _record(self, trial_id: str) -> dict[str, Any]:
        trial = self.oracle.trials[trial_id]
        return {
            "number": self.oracle.start_order.index(trial_id) + 1,
            "values": trial.hyperparameters.values,
            "status": _FINISHED[trial.status],
            "accuracy": None if trial.score is None else float(trial.score),
            "seconds": float(trial.metrics.get_last_value("seconds")),
            "message": (trial.message or "").partition("\n")[0],
        }


class _Oracle(keras_tuner.oracles.BayesianOptimizationOracle):
    def populate_space(self, trial_id: str) -> Any:
        with warnings.catch_warnings():
            # Few trials often leave a length scale of the process undetermined.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().populate_space(trial_id)


def _oracle(space: Space, trials: int, seed: int) -> _Oracle:
    values = keras_tuner.HyperParameters()
    n_dimensions = 0
    for name, dimension in dimensions(space):
        arguments = {key: value for key, value in dimension.items() if key != "kind"}
        getattr(values, dimension["kind"])(name, **arguments)
        n_dimensions += 1
    return _Oracle(
        objective=keras_tuner.Objective(_OBJECTIVE, direction="max"),
        max_trials=trials,
        # The fewest that span the space; its own default would leave short searches all random.
        num_initial_points=n_dimensions + 1,
        # It takes 0 for no seed.
        seed=seed + 1,
        hyperparameters=values,
        # Never stop: no number of failures in a row equals this.
        max_consecutive_failed_trials=None,
    )
