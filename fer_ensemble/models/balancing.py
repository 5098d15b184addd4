"""Balanced training samples: repeated ones are augmented, or classes are weighted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import compute_class_weight

from fer_ensemble.datasets.balancing import balance_rows
from fer_ensemble.models.augmentation import augmentation_layers
from fer_ensemble.models.device import quiet_start
from fer_ensemble.models.validation import Samples

_BATCH = 256


def balance_samples(
    samples: Samples,
    classes: NDArray[Any],
    *,
    target: int | str | Mapping[Any, int] | None,
    augmentation: Mapping[str, Any] | None,
    class_weight: str | Mapping[Any, float] | None,
    random_state: int,
) -> tuple[Samples, dict[str, dict[Any, int]]]:
    """Balance what a member is fitted on.

    Parameters
    ----------
    samples : Samples
        Training samples alone: what is held out stays as it is.
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    target : int, str, mapping or None
        As in :func:`~fer_ensemble.datasets.balance_rows`; ``None`` keeps all samples once.
    augmentation : mapping or None
        Random changes of repeated samples, see :func:`augment_once`.
    class_weight : {'balanced'}, mapping of label to float, or None
        Weights of the classes, multiplied with those of the samples.
    random_state : int
        Seed of the draws.

    Returns
    -------
    samples : Samples
        Balanced.
    counts : dict
        Samples of each label ``'before'`` and ``'after'``.
    """
    labels = classes[samples.targets]
    present, n = np.unique(labels, return_counts=True)
    before = after = dict(zip(present.tolist(), n.tolist(), strict=True))
    if target is not None:
        balanced = balance_rows(labels, target, random_state)
        samples = samples.take(balanced.rows)
        if augmentation and balanced.repeated.any():
            repeated = samples.X[balanced.repeated]
            samples.X[balanced.repeated] = augment_once(repeated, augmentation, random_state)
        before, after = balanced.before, balanced.after
    if class_weight is not None:
        weights = compute_class_weight(class_weight, classes=classes, y=classes[samples.targets])
        own = 1.0 if samples.weight is None else samples.weight
        samples = samples._replace(weight=own * weights[samples.targets])
    return samples, {"before": before, "after": after}


def augment_once(
    X: NDArray[Any], augmentation: Mapping[str, Any], random_state: int
) -> NDArray[Any]:
    """Change faces at random, once.

    Parameters
    ----------
    X : ndarray of shape (n_samples, height, width, channels)
        Faces of pixels 0–255.
    augmentation : mapping
        As in :func:`~fer_ensemble.models.augmentation.augmentation_layers`.
    random_state : int
        Seed of the draws.

    Returns
    -------
    ndarray of the same shape and type
    """
    with quiet_start():
        import keras
    layers = augmentation_layers(augmentation, random_state)
    changed = np.empty_like(X)
    for start in range(0, len(X), _BATCH):
        faces = keras.ops.convert_to_tensor(X[start : start + _BATCH], "float32")
        for layer in layers:
            faces = layer(faces, training=True)
        changed[start : start + _BATCH] = np.rint(keras.ops.convert_to_numpy(faces))
    return changed
