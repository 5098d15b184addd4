"""Labels and held-out data, as every member's ``fit`` handles them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.datasets.splits import copy_groups, holdout_split


class Samples(NamedTuple):
    """Samples that a member fits or watches: class indices as labels, weights if any.

    With soft labels, shares of the classes of shape (n_samples, n_classes), these are trained on
    in place of the class indices.
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


def check_soft_labels(
    soft_labels: ArrayLike, y: ArrayLike, classes: NDArray[Any]
) -> NDArray[np.float32]:
    """Check shares of the classes that a network is to be trained on.

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
    wrong = ~((shares >= 0).all(axis=1) & np.isclose(shares.sum(axis=1), 1, atol=1e-3))
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
    """Decide which samples are fitted and which are watched for early stopping.

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
        return samples, watched
    if validation_fraction is None:
        return samples, None
    fit_rows, watch_rows = holdout_split(
        samples.targets,
        test_size=validation_fraction,
        groups=copy_groups(samples.X),
        random_state=random_state.randint(2**31 - 1),
    )
    return samples.take(fit_rows), samples.take(watch_rows)
