"""Temperatures of members and ensembles, applied: what prediction needs of a calibration.

A temperature divides the logarithms of a model's probabilities (`apply_temperature`). A calibrated
ensemble has one for every member, applied before its rule combines them, and one for what the rule
makes of them (`combine_calibrated`); `fer_ensemble.ensemble.calibration` fits them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.evidence import check_probabilities
from fer_ensemble.ensemble.rules import RuleLike, combine, combine_by
from fer_ensemble.evaluation import SMALLEST_PROBABILITY


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
    array = check_probabilities(as_one_member(probabilities) if flat else probabilities)
    temperatures = np.asarray(temperature, dtype=np.float64)
    if temperatures.ndim and (flat or temperatures.shape != (array.shape[1],)):
        raise ValueError(
            f"temperature must be one number{'' if flat else ', or one for each member'}: "
            f"probabilities have the shape {np.shape(probabilities)} and it {temperatures.shape}."
        )
    if not ((temperatures > 0) & np.isfinite(temperatures)).all():
        raise ValueError(f"A temperature must be finite and above 0: {temperatures.tolist()}.")
    # One temperature for all members or one for each, along the axis of the members.
    tempered = _softmax(to_logits(array) / temperatures[..., None])
    return tempered[:, 0] if flat else tempered


@dataclass(frozen=True)
class CalibrationScores:
    """How good, and how trustworthy, one set of probabilities is.

    Attributes
    ----------
    accuracy : float
        Share of right labels.
    log_loss : float
        Mean of -log(probability of the true class) in nats.
    calibration_error, brier_score : float
        See the functions of these names in `fer_ensemble.evaluation`.
    """

    accuracy: float
    log_loss: float
    calibration_error: float
    brier_score: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """Temperatures of an ensemble, and what they do.

    Attributes
    ----------
    member_temperatures : ndarray of shape (n_members,)
        One per member, applied before combining.
    ensemble_temperature : float
        Applied to what the rule makes of the tempered members.
    before, after : CalibrationScores
        The ensemble without and with the temperatures, on the same rows.
    n_folds : int or None
        How many folds the figures `after` were cross-fitted in; None if the temperatures had
        seen the rows, so that these figures are optimistic.
    """

    member_temperatures: NDArray[np.float64]
    ensemble_temperature: float
    before: CalibrationScores
    after: CalibrationScores
    n_folds: int | None

    def apply(
        self, probabilities: ArrayLike, rule: RuleLike = "average", weights: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Temper the members, combine them, and temper the ensemble.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_members, n_classes)
            What the same members predict for any rows.
        rule, weights
            Those that were given to `fit_calibration`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to one.

        Raises
        ------
        ValueError
            If there are not as many members as temperatures, or the rule refuses the arrays.
        """
        tempered = apply_temperature(probabilities, self.member_temperatures)
        return apply_temperature(combine_by(tempered, rule, weights), self.ensemble_temperature)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain lists, dictionaries and numbers, ready for JSON."""
        return asdict(self) | {"member_temperatures": self.member_temperatures.tolist()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Calibration:
        """Return the calibration that `to_dict` was called on."""
        return cls(
            member_temperatures=np.asarray(content["member_temperatures"], dtype=np.float64),
            ensemble_temperature=float(content["ensemble_temperature"]),
            before=CalibrationScores(**content["before"]),
            after=CalibrationScores(**content["after"]),
            n_folds=content["n_folds"],
        )


def combine_calibrated(
    probabilities: ArrayLike,
    rule: str,
    weights: ArrayLike | None = None,
    calibration: Calibration | None = None,
    *,
    ties: str = "mean_probability",
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.float64]:
    """Temper the members, combine them by a rule, decide ties, and temper the ensemble.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        One distribution over the classes per sample and member.
    rule : str
        A key of `RULES`.
    weights : array-like of shape (n_members,), optional
        One weight per member; needed by the rules in `WEIGHTED_RULES`.
    calibration : Calibration, optional
        The temperatures that were fitted under this rule. Without it nothing is tempered.
    ties, random_state
        See `choose_classes`.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Rows that sum to one, whose ``argmax`` is the class chosen.

    Raises
    ------
    ValueError
        See `combine` and `apply_temperature`.
    """
    if calibration is not None:
        probabilities = apply_temperature(probabilities, calibration.member_temperatures)
    combined = combine(probabilities, rule, weights, ties=ties, random_state=random_state)
    if calibration is not None:
        combined = apply_temperature(combined, calibration.ensemble_temperature)
    return combined


def as_one_member(probabilities: ArrayLike) -> NDArray[Any]:
    """Give probabilities of shape (n_samples, n_classes) an axis of one member.

    Raises
    ------
    ValueError
        If they have another shape.
    """
    array = np.asarray(probabilities)
    if array.ndim != 2:
        raise ValueError(
            f"probabilities must have the shape (n_samples, n_classes), not {array.shape}."
        )
    return array[:, None]


def to_logits(array: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return the logarithms of probabilities, at least that of `SMALLEST_PROBABILITY`."""
    logits: NDArray[np.float64] = np.log(np.maximum(array, SMALLEST_PROBABILITY, dtype=np.float64))
    return logits


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    # As scipy.special.softmax to the last bit; to import that takes longer than a prediction.
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[np.float64] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return shares
