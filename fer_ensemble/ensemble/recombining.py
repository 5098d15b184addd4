"""Measure fitted members under every rule, and combine them in another way without a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from fer_ensemble.ensemble.base import BaseEnsemble, HeldOut
from fer_ensemble.ensemble.dynamic import DynamicEnsemble
from fer_ensemble.ensemble.meta_features import meta_features
from fer_ensemble.ensemble.meta_learner import (
    choose_final_estimator,
    fit_final_estimator,
)
from fer_ensemble.ensemble.stacking import StackingEnsemble
from fer_ensemble.ensemble.voting import VotingEnsemble
from fer_ensemble.evaluation import Evaluation, encode_labels, evaluate_predictions
from fer_ensemble.splitting import raise_if_seen, row_digests


@dataclass(frozen=True)
class EnsembleScores:
    """Figures of an ensemble's members and of what they make together.

    Attributes
    ----------
    n : int
        Number of samples.
    members : dict of str to Evaluation
        Each member alone, by name.
    rules : dict of str to Evaluation
        The same members under each rule, by name.
    weights : dict of str to float or None
        Weight of each member under the weighted rules, if there are any.
    """

    n: int
    members: dict[str, Evaluation]
    rules: dict[str, Evaluation]
    weights: dict[str, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        return {
            "n": self.n,
            "members": {name: scores.to_dict() for name, scores in self.members.items()},
            "rules": {name: scores.to_dict() for name, scores in self.rules.items()},
            "weights": self.weights,
        }


def score_ensemble(
    ensemble: BaseEnsemble,
    probabilities: ArrayLike | None,
    y: ArrayLike | None,
    *,
    class_names: Sequence[str] | None = None,
) -> EnsembleScores:
    """Measure each member and each rule.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted.
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What its ``predict_member_proba`` returned, or its ``validation_probabilities_``.
    y : array-like of shape (n_samples,)
        True labels.
    class_names : sequence of str, optional
        What to call the classes.

    Returns
    -------
    EnsembleScores
        Rules that need weights are left out if the ensemble has none; "stacking" stands beside
        them if it has a final estimator. Nothing counts as abstained from: with
        ``ties="abstain"``, ties are measured as if the mean probability decided them.

    Raises
    ------
    ValueError
        If there is nothing to measure, as after a fit that held nothing out.
    """
    if probabilities is None or y is None:
        raise ValueError(
            "Nothing was held out when this ensemble was fitted: score it on a test set instead."
        )
    probabilities = np.asarray(probabilities)
    names, weights = [name for name, _ in ensemble.members_], ensemble.member_weights

    def evaluate(predicted: NDArray[np.float64]) -> Evaluation:
        return evaluate_predictions(
            y, probabilities=predicted, classes=ensemble.classes_, class_names=class_names
        )

    by_member = zip(names, np.moveaxis(probabilities, 1, 0), strict=True)
    members = {name: evaluate(predicted) for name, predicted in by_member}
    return EnsembleScores(
        n=next(iter(members.values())).n,
        members=members,
        rules={
            rule: evaluate(ensemble.combine_for_scoring(probabilities, rule))
            for rule in ensemble.rule_names
        },
        weights=None if weights is None else dict(zip(names, weights.tolist(), strict=True)),
    )


_TAKEN_OVER = (
    "classes_",
    "members_",
    "fit_times_",
    "training_digests_",
    "n_features_in_",
    "feature_names_in_",
)


def to_voting(
    ensemble: BaseEnsemble,
    held_out: tuple[Any, ArrayLike] | None = None,
    **params: Any,
) -> VotingEnsemble:
    """Make a voting ensemble of fitted members; weights and temperatures are learned in seconds.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted, with predictions for held-out samples.
    held_out : tuple of (X, y), optional
        Other held-out samples to learn on. Those that the members were fitted on are refused.
    **params
        Parameters of `VotingEnsemble` to set; the others are those of `ensemble`, where it has
        them.

    Returns
    -------
    VotingEnsemble
        A new one; its members are those of `ensemble` itself.

    Raises
    ------
    ValueError
        If a parameter is unusable, nothing was held out, or members have seen the samples.
    """
    return _recombine(VotingEnsemble, ensemble, held_out, params)


def to_dynamic(
    ensemble: BaseEnsemble,
    held_out: tuple[Any, ArrayLike] | None = None,
    **params: Any,
) -> DynamicEnsemble:
    """Make an ensemble of fitted members that selects among them for every sample.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted, with predictions for held-out samples.
    held_out : tuple of (X, y), optional
        Other held-out samples to select by. Those that the members were fitted on are refused.
    **params
        Parameters of `DynamicEnsemble` to set, but for `features`, for which held-out predictions
        do not suffice; the others are those of `ensemble`, where it has them.

    Returns
    -------
    DynamicEnsemble
        A new one; its members are those of `ensemble` itself.

    Raises
    ------
    ValueError
        If a parameter is unusable, nothing was held out, or members have seen the samples.
    """
    if params.get("features") is not None:
        raise ValueError("features need the held-out samples: fit a DynamicEnsemble.")
    return _recombine(DynamicEnsemble, ensemble, held_out, {**params, "features": None})


_Voting = TypeVar("_Voting", bound=VotingEnsemble)


def _recombine(
    kind: type[_Voting],
    ensemble: BaseEnsemble,
    held_out: tuple[Any, ArrayLike] | None,
    params: dict[str, Any],
) -> _Voting:
    check_is_fitted(ensemble)
    known = kind(ensemble.members).get_params(deep=False)
    if isinstance(ensemble, VotingEnsemble):
        old = ensemble.get_params(deep=False)
        params = {name: old[name] for name in old if name in known and name != "rule"} | params
        if isinstance(ensemble, kind):
            params = {"rule": ensemble.rule, **params}
    new = kind(**{**params, "members": ensemble.members})
    _take_over(ensemble, new)
    found = _find_held_out(ensemble, held_out)
    new.validation_probabilities_ = None if found is None else found.probabilities
    new.validation_labels_ = None if found is None else found.labels
    new.validation_sample_weight_ = None if found is None else found.sample_weight
    # Rows of the training data are known only where they are still the ones learned from.
    rows = getattr(ensemble, "validation_indices_", None)
    new.validation_indices_ = rows if held_out is None else None
    return new.learn_combination()


def to_stacking(
    ensemble: BaseEnsemble,
    held_out: tuple[Any, ArrayLike] | None = None,
    *,
    final_estimator: Any = None,
) -> StackingEnsemble:
    """Make a stacking ensemble of fitted members: a final estimator learns from their predictions.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted, with predictions for held-out samples.
    held_out : tuple of (X, y), optional
        Other held-out samples to learn on. Those that the members were fitted on are refused.
    final_estimator : classifier, optional
        As of `StackingEnsemble`.

    Returns
    -------
    StackingEnsemble
        A new one, without `passthrough`; its members are those of `ensemble` itself.

    Raises
    ------
    TypeError, ValueError
        If the final estimator is unusable, nothing was held out, a class is missing among the
        held-out samples, or members have seen the samples.
    """
    check_is_fitted(ensemble)
    final = choose_final_estimator(final_estimator)
    new = StackingEnsemble(ensemble.members, final_estimator=final_estimator)
    _take_over(ensemble, new)
    found = _find_held_out(ensemble, held_out)
    if found is None:
        raise ValueError("Nothing was held out when the members were fitted: give held_out data.")
    _check_every_class(found.labels, new.classes_)
    new.final_estimator_ = fit_final_estimator(
        final,
        meta_features(found.probabilities),
        found.labels,
        new.classes_,
        found.sample_weight,
    )
    new._weights_learned_by = found.sample_weight
    new.oof_probabilities_, new.oof_labels_ = found.probabilities, found.labels
    new.fold_ids_ = None
    return new


def _take_over(old: BaseEnsemble, new: BaseEnsemble) -> None:
    for name in _TAKEN_OVER:
        if hasattr(old, name):
            setattr(new, name, getattr(old, name))
    new.sample_weight_members_ = getattr(old, "sample_weight_members_", [])


def _find_held_out(
    ensemble: BaseEnsemble, held_out: tuple[Any, ArrayLike] | None
) -> HeldOut | None:
    if held_out is None:
        return ensemble.held_out
    X, y = held_out[0], column_or_1d(held_out[1])
    check_consistent_length(X, y)
    encode_labels(y, ensemble.classes_, what="The y of held_out")
    seen = np.isin(row_digests(X), getattr(ensemble, "training_digests_", []))
    raise_if_seen("The members were fitted on", seen, "held-out samples")
    return HeldOut(ensemble.predict_member_proba(X), y)


def _check_every_class(labels: NDArray[Any], classes: NDArray[Any]) -> None:
    counts = {label: int((labels == label).sum()) for label in classes.tolist()}
    if not all(counts.values()):
        listing = ", ".join(f"{label}: {count}" for label, count in counts.items())
        raise ValueError(
            f"Stacking needs held-out samples of every class; there are {listing}. Give held_out "
            "data that has them."
        )
