"""Make a fitted ensemble small: half the bits of its networks, nothing that only training needs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from fer_ensemble.ensemble import BaseEnsemble

_HELD_OUT = (
    "validation_indices_",
    "validation_labels_",
    "validation_probabilities_",
    "validation_sample_weight_",
    "oof_probabilities_",
    "oof_labels_",
    "fold_ids_",
)


def compact_ensemble(ensemble: BaseEnsemble) -> BaseEnsemble:
    """Copy a fitted ensemble without what predicting does not need.

    Members are compacted, see :func:`compact_member`. Held-out predictions go, unless the ensemble
    predicts by them; what it makes of them stays, if it keeps that as ``answers_``, and so does
    what was learned from them, but nothing can be learned anew. The ensemble keeps its
    ``training_digests_``, by which copies of training faces are known again.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted; it stays as it is.

    Returns
    -------
    VotingEnsemble or StackingEnsemble
        Its probabilities differ from those of `ensemble` by the rounding of the weights, less
        than 0.01 for trained networks.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the ensemble is not fitted.
    """
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(ensemble)
    compacted = copy.copy(ensemble)
    compacted.members_ = [(name, compact_member(member)) for name, member in ensemble.members_]
    compacted.members = compacted.members_
    for name in () if ensemble.needs_held_out else _HELD_OUT:
        if hasattr(compacted, name):
            setattr(compacted, name, None)
    return compacted


def compact_member(member: Any) -> Any:
    """Copy a fitted member, networks in half precision and without digests of training faces.

    Parameters
    ----------
    member : classifier
        Fitted, a pipeline or frozen perhaps; it stays as it is.

    Returns
    -------
    classifier
        Not frozen. Networks still compute in single precision.

    Examples
    --------
    >>> from fer_ensemble.artifact.compact import compact_member
    >>> from fer_ensemble.datasets import make_faces
    >>> from fer_ensemble.models import KerasClassifier
    >>> faces, labels, _ = make_faces(70, random_state=0)
    >>> network = KerasClassifier(network_params={"units": [4]}, epochs=1, random_state=0)
    >>> network = network.fit(faces, labels)
    >>> {str(weights.dtype) for weights in compact_member(network).weights_ if weights.ndim > 1}
    {'float16'}
    """
    small = copy.deepcopy(member.estimator if isinstance(member, FrozenEstimator) else member)
    for part in _parts(small):
        if "training_digests_" in vars(part):
            del part.training_digests_
        if "weights_" in vars(part):
            part.weights_ = [_halve(weights) for weights in part.weights_]
    return small


def _parts(member: Any) -> Iterator[Any]:
    yield member
    for _, step in getattr(member, "steps", ()):
        yield from _parts(step)


def _halve(weights: NDArray[Any]) -> NDArray[Any]:
    """Round kernels to half precision; vectors are few, and variances may lie outside its range."""
    largest = np.finfo(np.float16).max
    if weights.ndim < 2 or np.abs(weights).max(initial=0) > largest:
        return weights
    return weights.astype(np.float16)
