"""Temperature scaling: make a model's probabilities as sure as they are right.

References
----------
C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
International Conference on Machine Learning, 2017, pages 1321-1330.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from fer_ensemble.ensemble.checks import check_probabilities
from fer_ensemble.ensemble.evidence import SMALLEST_PROBABILITY, check_evidence

TEMPERATURE_RANGE = (0.05, 20.0)
"""Lowest and highest temperature that `fit_temperature` returns. Rows that are all right call
for a temperature of 0, and rows that are all wrong for an infinite one: neither is useful."""

_LEAST_GAIN = 1e-12


def fit_temperature(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Find the temperature at which probabilities have the lowest log loss.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes)
        Predictions for rows that nothing was fitted on: on its own training rows a model is
        surer, and more often right, than it will ever be again.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts. None of them negative, not all zero.

    Returns
    -------
    float
        Above 1 for predictions that are surer than they are right, below 1 for the contrary;
        within `TEMPERATURE_RANGE`, and 1 where no temperature gains anything, as for predictions
        that are certain and right, or uniform.

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ, the labels are not among the classes, the
        probabilities are not distributions, or the sample weights are no weights.

    Notes
    -----
    The log loss is convex in 1 / T, so that in log T, over which a bounded search goes, it has
    one minimum as well.
    """
    evidence = check_evidence(_as_one_member(probabilities), y, classes, sample_weight)
    logits = _logits(evidence.probabilities[:, 0])
    rows, labels = np.arange(len(logits)), evidence.labels
    share = evidence.sample_weight / evidence.sample_weight.sum()

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(share @ (logsumexp(scaled, axis=1) - scaled[rows, labels]))

    found = minimize_scalar(
        loss, bounds=np.log(TEMPERATURE_RANGE), method="bounded", options={"xatol": 1e-6}
    )
    if loss(0) - found.fun <= _LEAST_GAIN:
        return 1.0
    return float(np.clip(np.exp(found.x), *TEMPERATURE_RANGE))


def apply_temperature(probabilities: ArrayLike, temperature: ArrayLike) -> NDArray[np.float64]:
    """Sharpen or flatten distributions: the softmax of log(p) / T.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes) or (n_samples, n_members, n_classes)
        Distributions over the classes; probabilities below `SMALLEST_PROBABILITY` count as that.
    temperature : float, or array-like of shape (n_members,)
        Above 1 flattens, below 1 sharpens, 1 changes nothing. With members, one for each.

    Returns
    -------
    ndarray of the shape of `probabilities`
        Distributions whose most probable class is what it was.

    Raises
    ------
    ValueError
        If the probabilities are not distributions, or a temperature is not finite and above 0,
        or there are not as many as members.

    Examples
    --------
    >>> apply_temperature([[0.8, 0.2]], 0.5).round(3)
    array([[0.941, 0.059]])
    """
    flat = np.ndim(probabilities) == 2
    array = check_probabilities(_as_one_member(probabilities) if flat else probabilities)
    temperatures = np.asarray(temperature, dtype=np.float64)
    if temperatures.ndim and (flat or temperatures.shape != (array.shape[1],)):
        raise ValueError(
            f"temperature must be one number{'' if flat else ', or one for each member'}: "
            f"probabilities have the shape {np.shape(probabilities)} and it {temperatures.shape}."
        )
    if not ((temperatures > 0) & np.isfinite(temperatures)).all():
        raise ValueError(f"A temperature must be finite and above 0: {temperatures.tolist()}.")
    tempered: NDArray[np.float64] = softmax(_logits(array) / temperatures[..., None], axis=-1)
    return tempered[:, 0] if flat else tempered


def _as_one_member(probabilities: ArrayLike) -> NDArray[Any]:
    array = np.asarray(probabilities)
    if array.ndim != 2:
        raise ValueError(
            f"probabilities must have the shape (n_samples, n_classes), not {array.shape}."
        )
    return array[:, None]


def _logits(array: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    logits: NDArray[np.float64] = np.log(np.maximum(array, SMALLEST_PROBABILITY, dtype=np.float64))
    return logits
