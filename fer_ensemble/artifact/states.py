"""What an artifact keeps of an ensemble beside its members, and how it is put back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.ensemble import Calibration, StackingEnsemble, VotingEnsemble

Ensemble = VotingEnsemble | StackingEnsemble

_VOTING_PARAMS = (
    "rule",
    "weighting",
    "ties",
    "calibrate",
    "abstain_label",
    "validation_fraction",
)
_VOTING_ARRAYS = (
    "validation_indices_",
    "validation_labels_",
    "validation_probabilities_",
    "validation_sample_weight_",
    "training_digests_",
)
_STACKING_PARAMS = ("n_splits", "passthrough")
_STACKING_ARRAYS = ("oof_probabilities_", "oof_labels_", "fold_ids_", "training_digests_")


class EnsembleState(NamedTuple):
    """All of a fitted ensemble but its members.

    Attributes
    ----------
    parameters : dict of str to JSON value
        ``kind``, parameters, and what was learned in few numbers.
    arrays : dict of str to ndarray
        Held-out predictions and what belongs to them.
    final_estimator : estimator or None
        The fitted one of a stacking ensemble.
    """

    parameters: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    final_estimator: Any = None


def describe_state(ensemble: Ensemble) -> EnsembleState:
    """Take a fitted ensemble apart.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble

    Returns
    -------
    EnsembleState
    """
    if isinstance(ensemble, StackingEnsemble):
        parameters = {name: getattr(ensemble, name) for name in _STACKING_PARAMS}
        arrays = _arrays(ensemble, _STACKING_ARRAYS)
        return EnsembleState({"kind": "stacking", **parameters}, arrays, ensemble.final_estimator_)
    parameters = {name: getattr(ensemble, name) for name in _VOTING_PARAMS}
    given, learned, calibration = ensemble.weights, ensemble.weights_, ensemble.calibration_
    parameters |= {
        "kind": "voting",
        "given_weights": None if given is None else np.asarray(given).tolist(),
        "weights": None if learned is None else learned.tolist(),
        "calibration": None
        if calibration is None
        else {rule: temperatures.to_dict() for rule, temperatures in calibration.items()},
    }
    return EnsembleState(parameters, _arrays(ensemble, _VOTING_ARRAYS))


def restore_state(members: list[tuple[str, Any]], state: EnsembleState) -> Ensemble:
    """Put an ensemble together, but for its ``classes_`` and ``fit_times_``.

    Parameters
    ----------
    members : list of (str, estimator)
        Fitted.
    state : EnsembleState
        As :func:`describe_state` returned it.

    Returns
    -------
    VotingEnsemble or StackingEnsemble

    Raises
    ------
    KeyError, TypeError, ValueError
        If the state is damaged.
    """
    parameters = state.parameters
    ensemble: Any
    if parameters["kind"] == "stacking":
        ensemble = StackingEnsemble(
            members, **{name: parameters[name] for name in _STACKING_PARAMS}
        )
        ensemble.final_estimator_ = state.final_estimator
        names: tuple[str, ...] = _STACKING_ARRAYS
    elif parameters["kind"] == "voting":
        ensemble = VotingEnsemble(
            members,
            weights=parameters["given_weights"],
            **{name: parameters[name] for name in _VOTING_PARAMS},
        )
        learned, calibration = parameters["weights"], parameters["calibration"]
        ensemble.weights_ = None if learned is None else np.asarray(learned, dtype=np.float64)
        ensemble.calibration_ = None
        if calibration is not None:
            ensemble.calibration_ = {
                rule: Calibration.from_dict(entry) for rule, entry in calibration.items()
            }
        names = _VOTING_ARRAYS
    else:
        raise ValueError(f"there is no kind of ensemble {parameters['kind']!r}")
    for name in names:
        setattr(ensemble, name, state.arrays.get(name))
    ensemble.members_ = members
    return ensemble


def _arrays(ensemble: Ensemble, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    arrays = {name: getattr(ensemble, name, None) for name in names}
    return {
        # Labels of type object, as data frames have, would be pickled.
        name: np.array(array.tolist()) if array.dtype.hasobject else array
        for name, array in arrays.items()
        if array is not None
    }
