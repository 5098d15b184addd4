"""Combine fitted members in another way, without fitting any of them again."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from fer_ensemble.datasets.splits import row_digests
from fer_ensemble.ensemble.alignment import encode_labels
from fer_ensemble.ensemble.meta_learner import (
    choose_final_estimator,
    fit_final_estimator,
    meta_features,
)
from fer_ensemble.ensemble.provenance import refuse
from fer_ensemble.ensemble.stacking import StackingEnsemble
from fer_ensemble.ensemble.voting import VotingEnsemble

_TAKEN_OVER = (
    "classes_",
    "members_",
    "fit_times_",
    "training_digests_",
    "n_features_in_",
    "feature_names_in_",
)


def to_voting(
    ensemble: VotingEnsemble | StackingEnsemble,
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
    check_is_fitted(ensemble)
    if isinstance(ensemble, VotingEnsemble):
        params = {**ensemble.get_params(deep=False), **params}
    new = VotingEnsemble(**{**params, "members": ensemble.members})
    _take_over(ensemble, new)
    evidence = _collect(ensemble, held_out)
    new.validation_probabilities_, new.validation_labels_ = evidence.probabilities, evidence.labels
    new.validation_sample_weight_ = evidence.sample_weight
    kept = held_out is None and isinstance(ensemble, VotingEnsemble)
    new.validation_indices_ = ensemble.validation_indices_ if kept else None
    return new.learn_combination()


def to_stacking(
    ensemble: VotingEnsemble | StackingEnsemble,
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
    evidence = _collect(ensemble, held_out)
    if evidence.probabilities is None or evidence.labels is None:
        raise ValueError("Nothing was held out when the members were fitted: give held_out data.")
    _check_every_class(evidence.labels, new.classes_)
    features = meta_features(evidence.probabilities)
    new.final_estimator_ = fit_final_estimator(
        final, features, evidence.labels, new.classes_, evidence.sample_weight
    )
    new.oof_probabilities_, new.oof_labels_ = evidence.probabilities, evidence.labels
    new.fold_ids_ = None
    return new


class _HeldOut(NamedTuple):
    """What the members predict for samples that they were not fitted on, and the truth."""

    probabilities: NDArray[np.float64] | None
    labels: NDArray[Any] | None
    sample_weight: NDArray[np.float64] | None = None


def _take_over(old: Any, new: Any) -> None:
    for name in _TAKEN_OVER:
        if hasattr(old, name):
            setattr(new, name, getattr(old, name))
    new.sample_weight_members_ = getattr(old, "sample_weight_members_", [])


def _collect(
    ensemble: VotingEnsemble | StackingEnsemble, held_out: tuple[Any, ArrayLike] | None
) -> _HeldOut:
    if held_out is not None:
        X, y = held_out[0], column_or_1d(held_out[1])
        check_consistent_length(X, y)
        encode_labels(y, ensemble.classes_, what="The y of held_out")
        seen = np.isin(row_digests(X), getattr(ensemble, "training_digests_", []))
        refuse("The members were fitted on", seen, "held-out samples")
        return _HeldOut(ensemble.predict_member_proba(X), y)
    if isinstance(ensemble, VotingEnsemble):
        return _HeldOut(
            ensemble.validation_probabilities_,
            ensemble.validation_labels_,
            ensemble.validation_sample_weight_,
        )
    probabilities, labels = ensemble.oof_probabilities_, ensemble.oof_labels_
    predicted = np.isfinite(probabilities).all(axis=(1, 2))  # not samples of weight zero
    return _HeldOut(probabilities[predicted], labels[predicted])


def _check_every_class(labels: NDArray[Any], classes: NDArray[Any]) -> None:
    counts = {label: int((labels == label).sum()) for label in classes.tolist()}
    if not all(counts.values()):
        listing = ", ".join(f"{label}: {count}" for label, count in counts.items())
        raise ValueError(
            f"Stacking needs held-out samples of every class; there are {listing}. Give held_out "
            "data that has them."
        )
