"""The table of members' predictions from which the final estimator of a stacking learns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURE_FLOOR = 1e-6
"""Probabilities are raised to this before their logarithm: a member may be wrong and certain.

Not `SMALLEST_PROBABILITY`, which bounds a loss: here the logarithm is a feature, and a member that
rules a class out would stand at -34.5 in its column instead of -13.8, far from most other rows.
Saved stackings were fitted with this floor: with another one, they would predict something else."""


def meta_features(probabilities: NDArray[np.floating[Any]], X: Any = None) -> Any:
    """Lay out predictions as a table for the final estimator.

    Their logarithms, because on these a logistic regression is a weighted product of the members'
    opinions, and because trees do not mind.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What the members predict.
    X : array, sparse matrix or data frame whose first axis is the samples, optional
        The samples, to stand beside the predictions as they are, flattened.

    Returns
    -------
    ndarray or sparse array of shape (n_samples, n_members * n_classes [+ n_features])
        Natural logarithms of the probabilities, at least that of `FEATURE_FLOOR`.
    """
    logarithms = np.log(np.maximum(probabilities, FEATURE_FLOOR))
    table = logarithms.reshape(len(logarithms), -1)
    if X is None:
        return table
    from scipy import sparse

    # Sparse samples stay sparse: filled in, they may not fit into memory.
    if sparse.issparse(X):
        return sparse.hstack([sparse.csr_array(table), X], format="csr")
    samples = np.asarray(X)
    return np.hstack([table, samples.reshape(len(samples), -1)])
