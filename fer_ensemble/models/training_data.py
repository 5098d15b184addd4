"""From the samples given to ``fit`` to those that a member trains on and is validated on.

Every member holds samples out first and balances the rest after, so that no copy that balancing
makes of a training sample can be held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import compute_class_weight

from fer_ensemble.datasets import balance_rows
from fer_ensemble.evaluation import SUM_TOLERANCE, encode_labels
from fer_ensemble.libraries import quiet_start, require
from fer_ensemble.models.augmentation import AUGMENTATION, augmentation_layers
from fer_ensemble.splitting import copy_groups, holdout_split
from fer_ensemble.stored_arrays import StoredArray

# Part of what is computed: the layers draw anew for each batch of faces that is changed at once.
_BATCH = 256


# A checkpoint's fingerprint hashes instances of this class, its name and module included: if either
# changes, trainings that were interrupted before start anew.
class Samples(NamedTuple):
    """Samples to train or to validate on.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        Features, or faces.
    targets : ndarray of int of shape (n_samples,)
        Class indices.
    weight : ndarray of shape (n_samples,), default=None
        Weights of the samples in the loss.
    soft_labels : ndarray of shape (n_samples, n_classes), default=None
        Shares of the classes, to train on in place of `targets`.
    """

    X: NDArray[Any]
    targets: NDArray[Any]
    weight: NDArray[np.float64] | None = None
    soft_labels: NDArray[np.float32] | None = None

    def take(self, rows: NDArray[np.intp]) -> Samples:
        """Select rows, in the given order.

        Parameters
        ----------
        rows : ndarray of int

        Returns
        -------
        Samples
        """
        parts: Any = (None if part is None else part[rows] for part in self)
        return Samples(*parts)


def check_soft_labels(
    soft_labels: ArrayLike, y: ArrayLike, classes: NDArray[Any]
) -> NDArray[np.float32]:
    """Check the shares of the classes that a network is to be trained on.

    Parameters
    ----------
    soft_labels : array-like of shape (n_samples, n_classes)
    y : array-like of shape (n_samples,)
        The labels beside them.
    classes : ndarray of shape (n_classes,)
        The sorted labels.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)

    Raises
    ------
    ValueError
        If their shape is another, a share is negative or not a number, or those of a sample do
        not sum to 1.
    """
    shares = np.asarray(soft_labels, np.float32)
    expected = (len(np.asarray(y)), len(classes))
    if shares.shape != expected:
        raise ValueError(
            f"soft_labels have shape {shares.shape}, but {expected} is needed: a row for each "
            f"sample, a column for each of the classes {classes.tolist()}."
        )
    # Comparisons with NaN are false, so it counts as wrong.
    wrong = ~((shares >= 0).all(axis=1) & np.isclose(shares.sum(axis=1), 1, atol=SUM_TOLERANCE))
    if wrong.any():
        raise ValueError(
            f"soft_labels of sample {wrong.argmax()}, {shares[wrong][0].tolist()}, are no shares "
            "of the classes: they must be at least 0 and sum to 1."
        )
    return shares


def resolve_validation(
    samples: Samples,
    validation_data: tuple[Any, ArrayLike] | None,
    *,
    classes: NDArray[Any],
    validation_fraction: float | None,
    random_state: np.random.RandomState,
) -> tuple[Samples, Samples | None]:
    """Decide which samples are trained on and which the training is validated on.

    Parameters
    ----------
    samples : Samples
        Those given to ``fit``.
    validation_data : tuple of (X, y) or None
        Held-out samples of the user's; they win over `validation_fraction`.
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    validation_fraction : float or None
        Share of `samples` to hold out, stratified, exact copies kept on one side.
    random_state : RandomState
        Source of the draw.

    Returns
    -------
    fitted : Samples
    validation : Samples or None
        ``None`` when nothing is held out.

    Raises
    ------
    ValueError
        If `validation_data` has a label that the training data lack, or a class is too small.
    """
    if validation_data is not None:
        held_out, y_held_out = validation_data
        targets = encode_labels(y_held_out, classes, what="The y of validation_data")
        return samples, Samples(held_out, targets)
    if validation_fraction is None:
        return samples, None
    fit_rows, held_out_rows = holdout_split(
        samples.targets,
        test_size=validation_fraction,
        # FER2013 repeats faces; one on either side would be recognised, not classified.
        groups=copy_groups(samples.X),
        random_state=random_state.randint(2**31 - 1),
    )
    return samples.take(fit_rows), samples.take(held_out_rows)


def balance_samples(
    samples: Samples,
    classes: NDArray[Any],
    *,
    target: int | str | Mapping[Any, int] | None,
    augmentation: Mapping[str, Any] | None,
    class_weight: str | Mapping[Any, float] | None,
    random_state: int,
) -> tuple[Samples, dict[str, dict[Any, int]]]:
    """Bring the classes of training samples to the wanted numbers and weights.

    Parameters
    ----------
    samples : Samples
        Without those that are held out: these stay as they are.
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
        # `take` made a copy, so that the caller's faces stay as they are.
        if augmentation and balanced.repeated.any():
            if isinstance(samples.X, StoredArray):
                raise ValueError(
                    "balance_augmentation changes repeated samples once, in memory, and these are "
                    "on disk: leave it out, and change them in training by augmentation."
                )
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
    """Change faces at random once, before training.

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

    Raises
    ------
    MissingLibraryError
        If Keras, or the backend that it is set to, is not installed.
    """
    require("keras", "Changing faces at random")
    with quiet_start("keras"):
        import keras
    # The same layers as in training, so that a change means the same in both places.
    layers = augmentation_layers(augmentation, random_state)
    changed = np.empty_like(X)
    for start in range(0, len(X), _BATCH):
        faces = keras.ops.convert_to_tensor(X[start : start + _BATCH], "float32")
        for layer in layers:
            faces = layer(faces, training=True)
        # As uint8, floats would be cut off, and faces be half a grey level darker.
        changed[start : start + _BATCH] = np.rint(keras.ops.convert_to_numpy(faces))
    return changed


def augment_copies(faces: NDArray[np.uint8], random_state: int) -> NDArray[np.uint8]:
    """Change faces at random, as the balancing of the published HOG + CNN ensemble does.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)
        Grayscale faces.
    random_state : int
        Seed of the draws.

    Returns
    -------
    ndarray of the same shape and type

    See Also
    --------
    fer_ensemble.datasets.PROTOCOLS : The balanced one takes this as its ``augment``.
    """
    changed: NDArray[np.uint8] = augment_once(faces[..., np.newaxis], AUGMENTATION, random_state)
    return changed[..., 0]
