"""Labels from probabilities, or none where they are too unsure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.ensemble.ties import TOLERANCE


def choose_labels(
    probabilities: NDArray[np.float64],
    classes: NDArray[Any],
    *,
    min_confidence: float,
    abstain_on_ties: bool,
    abstain_label: int | str | None,
) -> NDArray[Any]:
    """Label samples with their most probable class, or abstain.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    classes : ndarray of shape (n_classes,)
        The label of each column.
    min_confidence : float
        Abstain where the highest probability is below this, from 0 to 1.
    abstain_on_ties : bool
        Whether to abstain where two classes share the highest probability.
    abstain_label : int, str or None
        What to return there; ``None`` is -1 for numeric labels and "abstain" for others.

    Returns
    -------
    ndarray of shape (n_samples,)
        Of the type of `classes`, wide enough for the label of abstention; of objects where this
        is text and they are numbers, or the other way round.

    Raises
    ------
    ValueError
        If `min_confidence` is out of range, or `abstain_label` is one of the classes.
    """
    if not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence must lie between 0 and 1, not at {min_confidence}.")
    labels = classes[probabilities.argmax(axis=1)]
    if not (min_confidence or abstain_on_ties):
        return labels
    if abstain_label is None:
        abstain_label = -1 if classes.dtype.kind in "iuf" else "abstain"
    if abstain_label in classes.tolist():
        raise ValueError(
            f"abstain_label={abstain_label!r} is one of the classes: choose another label."
        )
    highest = probabilities.max(axis=1, keepdims=True)
    unsure = highest[:, 0] < min_confidence
    if abstain_on_ties:
        unsure |= np.count_nonzero(probabilities >= highest - TOLERANCE, axis=1) > 1
    label = np.asarray(abstain_label)
    if (label.dtype.kind in "US") != (labels.dtype.kind in "US"):
        label, labels = label.astype(object), labels.astype(object)  # else NumPy makes text of all
    return np.where(unsure, label, labels)
