"""What an ensemble says of held-out samples, as arrays of its artifact."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.ensemble import Answers

#: Names of the arrays.
ANSWERS, ANSWERED_LABELS = "answers_", "answered_labels_"


def take_answers(arrays: dict[str, NDArray[Any]], n_classes: int) -> Answers | None:
    """Take what an ensemble says of held-out samples from its arrays.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Those of an artifact.
    n_classes : int

    Returns
    -------
    Answers or None
        None if there are none.

    Raises
    ------
    ValueError
        If they are damaged.
    """
    if ANSWERS not in arrays:
        return None
    probabilities, labels = arrays[ANSWERS], arrays.get(ANSWERED_LABELS, np.empty(0))
    if probabilities.shape != (len(labels), n_classes) or labels.ndim != 1:
        raise ValueError(f"its {ANSWERS} are not those of its classes and labels")
    return Answers(probabilities.astype(np.float64), labels)
