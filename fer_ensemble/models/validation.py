"""Labels and held-out data, as every member's ``fit`` handles them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.datasets.splits import copy_groups, holdout_split


class Samples(NamedTuple):
    """Samples that a member fits or watches: class indices as labels, weights if any."""

    X: NDArray[Any]
    targets: NDArray[np.intp]
    weight: NDArray[np.float64] | None = None


def encode_labels(y: ArrayLike) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Split labels into sorted classes and class indices.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels of any type.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
    targets : ndarray of shape (n_samples,)
        ``classes[targets]`` is `y`.

    Raises
    ------
    ValueError
        If there is one class only.
    """
    classes, targets = np.unique(np.asarray(y), return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"Classifier can't train when only one class is present: all of y is {classes[0]!r}."
        )
    return classes, targets.reshape(-1)


def resolve_validation(
    X: NDArray[Any],
    targets: NDArray[np.intp],
    sample_weight: NDArray[np.float64] | None,
    validation_data: tuple[Any, ArrayLike] | None,
    *,
    classes: NDArray[Any],
    validation_fraction: float | None,
    random_state: np.random.RandomState,
) -> tuple[Samples, Samples | None]:
    """Decide which samples are fitted and which are watched for early stopping.

    Parameters
    ----------
    X : ndarray of shape (n_samples, ...)
        The samples given to ``fit``.
    targets : ndarray of shape (n_samples,)
        Their class indices.
    sample_weight : ndarray of shape (n_samples,) or None
        Their weights.
    validation_data : tuple of (X, y) or None
        Held-out samples of the user's; they win over `validation_fraction`.
    classes : ndarray of shape (n_classes,)
        The sorted labels.
    validation_fraction : float or None
        Share of `X` to hold out, stratified, exact copies kept on one side.
    random_state : RandomState
        Source of the draw.

    Returns
    -------
    fitted : Samples
    watched : Samples or None
        ``None`` when nothing is held out.

    Raises
    ------
    ValueError
        If `validation_data` has a label that the training data lack, or a class is too small.
    """
    if validation_data is not None:
        held_out, y_held_out = validation_data
        y_held_out = np.asarray(y_held_out)
        foreign = np.setdiff1d(y_held_out, classes)
        if foreign.size:
            raise ValueError(
                f"validation_data has labels {foreign.tolist()} that the training data lack."
            )
        watched = Samples(held_out, np.searchsorted(classes, y_held_out))
        return Samples(X, targets, sample_weight), watched
    if validation_fraction is None:
        return Samples(X, targets, sample_weight), None
    fit_rows, watch_rows = holdout_split(
        targets,
        test_size=validation_fraction,
        groups=copy_groups(X),
        random_state=random_state.randint(2**31 - 1),
    )

    def take(rows: NDArray[np.intp]) -> Samples:
        weight = None if sample_weight is None else sample_weight[rows]
        return Samples(X[rows], targets[rows], weight)

    return take(fit_rows), take(watch_rows)
