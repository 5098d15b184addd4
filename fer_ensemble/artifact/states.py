"""Fitted ensembles to plain data and back: JSON and arrays, beside their members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.artifact.kept_answers import ANSWERED_LABELS, ANSWERS, take_answers
from fer_ensemble.artifact.member_contents import PLACES
from fer_ensemble.ensemble import (
    BaseEnsemble,
    Calibration,
    DynamicEnsemble,
    StackingEnsemble,
    VotingEnsemble,
)


def describe_parameters(member: Any) -> dict[str, Any]:
    """Describe a member's parameters for people.

    Parameters
    ----------
    member : estimator

    Returns
    -------
    dict of str to JSON value
        Nested estimators by the name of their class, whatever else is not JSON as text. Without
        what is not stored either, see `PLACES`.
    """
    return {
        name: _describe(value)
        for name, value in sorted(member.get_params().items())
        if name != "steps" and name.rpartition("__")[2] not in PLACES
    }


def _describe(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): _describe(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_describe(entry) for entry in value]
    return type(value).__name__ if hasattr(value, "get_params") else str(value)


_VOTING_PARAMS = (
    "rule",
    "weighting",
    "ties",
    "calibrate",
    "abstain_label",
    "validation_fraction",
    "random_state",
)
_VOTING_ARRAYS = (
    "validation_indices_",
    "validation_labels_",
    "validation_probabilities_",
    "validation_sample_weight_",
    "training_digests_",
)
_DYNAMIC_PARAMS = (
    *(name for name in _VOTING_PARAMS if name != "calibrate"),
    "n_neighbors",
    "voting",
)
_STACKING_PARAMS = ("n_splits", "passthrough", "random_state")
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


def describe_state(ensemble: BaseEnsemble) -> EnsembleState:
    """Take a fitted ensemble apart.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble

    Returns
    -------
    EnsembleState

    Raises
    ------
    TypeError
        If it is of another kind.
    """
    if ensemble.kind not in _KINDS:
        raise TypeError(f"An artifact cannot hold an ensemble of the kind {ensemble.kind!r}.")
    state = _KINDS[ensemble.kind].describe(ensemble)
    if ensemble.answers_ is not None:
        probabilities, labels = ensemble.answers_
        state.arrays[ANSWERS] = probabilities.astype(np.float32)
        state.arrays[ANSWERED_LABELS] = _without_objects(labels)
    return state


def restore_state(members: list[tuple[str, Any]], state: EnsembleState) -> BaseEnsemble:
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
    kind = state.parameters.get("kind", "voting")  # the first artifacts, all voting, did not say
    if kind not in _KINDS:
        raise ValueError(f"there is no kind of ensemble {kind!r}")
    ensemble = _KINDS[kind].restore(members, state)
    if ANSWERS in state.arrays:
        ensemble.answers_ = take_answers(state.arrays, state.arrays[ANSWERS].shape[-1])
    return ensemble


def _describe_stacking(ensemble: StackingEnsemble) -> EnsembleState:
    parameters = {name: _plain(getattr(ensemble, name)) for name in _STACKING_PARAMS}
    return EnsembleState(
        {"kind": ensemble.kind, **parameters},
        _arrays(ensemble, _STACKING_ARRAYS),
        ensemble.final_estimator_,
    )


def _describe_voting(ensemble: VotingEnsemble) -> EnsembleState:
    parameters = {name: _plain(getattr(ensemble, name)) for name in _VOTING_PARAMS}
    given, learned, calibration = ensemble.weights, ensemble.weights_, ensemble.calibration_
    parameters |= {
        "kind": ensemble.kind,
        "given_weights": None if given is None else np.asarray(given).tolist(),
        "weights": None if learned is None else learned.tolist(),
        "calibration": None
        if calibration is None
        else {rule: temperatures.to_dict() for rule, temperatures in calibration.items()},
    }
    return EnsembleState(parameters, _arrays(ensemble, _VOTING_ARRAYS))


def _describe_dynamic(ensemble: DynamicEnsemble) -> EnsembleState:
    if ensemble.features is not None:
        raise TypeError(
            "An ensemble that looks for neighbours among features cannot be saved: leave features "
            "out, and they are looked for among what the members predict."
        )
    parameters = {name: _plain(getattr(ensemble, name)) for name in _DYNAMIC_PARAMS}
    weights, coefficients = ensemble.weights_, ensemble.coefficients_
    parameters |= {
        "kind": ensemble.kind,
        "weights": None if weights is None else weights.tolist(),
        "coefficients": None if coefficients is None else coefficients.tolist(),
    }
    return EnsembleState(parameters, _arrays(ensemble, _VOTING_ARRAYS))


def _restore_dynamic(members: list[tuple[str, Any]], state: EnsembleState) -> DynamicEnsemble:
    content = state.parameters
    ensemble = DynamicEnsemble(members, **{name: content[name] for name in _DYNAMIC_PARAMS})
    for name in ("weights", "coefficients"):
        learned = content[name]
        setattr(ensemble, f"{name}_", None if learned is None else np.asarray(learned, np.float64))
    ensemble.calibration_ = None
    _restore_arrays(ensemble, members, state, _VOTING_ARRAYS)
    return ensemble


def _restore_stacking(members: list[tuple[str, Any]], state: EnsembleState) -> StackingEnsemble:
    if state.final_estimator is None:
        raise ValueError("it names no final estimator")
    content = state.parameters
    ensemble = StackingEnsemble(members, **{name: content[name] for name in _STACKING_PARAMS})
    ensemble.final_estimator_ = state.final_estimator
    _restore_arrays(ensemble, members, state, _STACKING_ARRAYS)
    return ensemble


def _restore_voting(members: list[tuple[str, Any]], state: EnsembleState) -> VotingEnsemble:
    content = state.parameters
    parameters = {name: content[name] for name in _VOTING_PARAMS if name in content}
    parameters |= {"rule": content["rule"], "weights": content.get("given_weights")}
    ensemble = VotingEnsemble(members, **parameters)
    learned, calibration = content["weights"], content.get("calibration")
    ensemble.weights_ = None if learned is None else np.asarray(learned, dtype=np.float64)
    ensemble.calibration_ = None
    if calibration is not None:
        ensemble.calibration_ = {
            rule: Calibration.from_dict(entry) for rule, entry in calibration.items()
        }
    _restore_arrays(ensemble, members, state, _VOTING_ARRAYS)
    return ensemble


class _Kind(NamedTuple):
    """How ensembles of one kind are taken apart and put together."""

    describe: Callable[[Any], EnsembleState]
    restore: Callable[[list[tuple[str, Any]], EnsembleState], BaseEnsemble]


_KINDS = {
    VotingEnsemble.kind: _Kind(_describe_voting, _restore_voting),
    DynamicEnsemble.kind: _Kind(_describe_dynamic, _restore_dynamic),
    StackingEnsemble.kind: _Kind(_describe_stacking, _restore_stacking),
}


def _restore_arrays(
    ensemble: Any, members: list[tuple[str, Any]], state: EnsembleState, names: tuple[str, ...]
) -> None:
    ensemble.members_ = members
    for name in names:
        setattr(ensemble, name, state.arrays.get(name))
    if ensemble.training_digests_ is None:
        del ensemble.training_digests_  # nothing is known, which is not the same as nothing seen


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a parameter: no NumPy scalar, no generator of random numbers."""
    if isinstance(value, np.generic):
        return value.item()
    return None if isinstance(value, np.random.RandomState) else value


def _without_objects(array: NDArray[Any]) -> NDArray[Any]:
    # Labels of type object, as data frames have, would be pickled.
    return np.array(array.tolist()) if array.dtype.hasobject else array


def _arrays(ensemble: BaseEnsemble, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    arrays = {name: getattr(ensemble, name, None) for name in names}
    return {name: _without_objects(array) for name, array in arrays.items() if array is not None}
