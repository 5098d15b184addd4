"""Temperature scaling: make the probabilities of members and ensembles as sure as they are right.

A temperature divides the logarithms of a model's probabilities (`apply_temperature`) and is fitted
on rows that the model was not fitted on (`fit_temperature`). An ensemble has one for every member,
applied before its rule combines them, and one for what the rule makes of them, because the mean of
members that are as sure as they are right is less sure than it is right (`fit_calibration`).

References
----------
C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
International Conference on Machine Learning, 2017, pages 1321-1330.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.utils import check_random_state

from fer_ensemble.ensemble.evidence import Evidence, check_evidence
from fer_ensemble.ensemble.rules import RuleLike, combine_by
from fer_ensemble.ensemble.temperature import (
    Calibration,
    CalibrationScores,
    apply_temperature,
    as_one_member,
    to_logits,
)
from fer_ensemble.evaluation import brier_score, calibration_error, evaluate_predictions

TEMPERATURE_RANGE = (0.05, 20.0)
"""Lowest and highest temperature that `fit_temperature` returns. Rows that are all right call
for a temperature of 0, and rows that are all wrong for an infinite one: neither is useful."""

# By how much, in nats, a temperature must lower the mean log loss to be taken instead of 1. Where
# the loss is flat, as for uniform predictions, a search ends just anywhere.
_LEAST_GAIN = 1e-12

_AnyRule = TypeVar("_AnyRule", bound=RuleLike)


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
    evidence = check_evidence(as_one_member(probabilities), y, classes, sample_weight)
    logits = to_logits(evidence.probabilities[:, 0])
    rows, labels = np.arange(len(logits)), evidence.labels
    share = evidence.sample_weight / evidence.sample_weight.sum()

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(share @ (logsumexp(scaled, axis=1) - scaled[rows, labels]))

    # In the logarithm, 1e-6 is a millionth of the temperature.
    found = minimize_scalar(
        loss, bounds=np.log(TEMPERATURE_RANGE), method="bounded", options={"xatol": 1e-6}
    )
    if loss(0) - found.fun <= _LEAST_GAIN:
        return 1.0
    # The exponential of a bound's logarithm can lie outside by rounding.
    return float(np.clip(np.exp(found.x), *TEMPERATURE_RANGE))


def fit_member_temperatures(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Fit the temperature of every member alone.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What the members predict for rows that no member was fitted on.
    y, classes, sample_weight
        As in `fit_temperature`.

    Returns
    -------
    ndarray of shape (n_members,)

    Raises
    ------
    ValueError
        See `fit_temperature`.
    """
    array = np.asarray(probabilities)
    return np.array(
        [fit_temperature(array[:, i], y, classes, sample_weight) for i in range(array.shape[1])]
    )


def fit_calibration(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    rule: RuleLike = "average",
    *,
    weights: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_folds: int | None = 5,
    random_state: int | np.random.RandomState | None = 0,
) -> Calibration:
    """Fit the temperature of every member, combine, and fit that of the ensemble.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What the members predict for rows that no member was fitted on.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    rule : str or callable, default='average'
        A key of `RULES`, or a function from (n_samples, n_members, n_classes) to (n_samples,
        n_classes) whose rows sum to one.
    weights : array-like of shape (n_members,), optional
        Passed to the rule, if they are given.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts in the temperatures. The figures count every row alike.
    n_folds : int or None, default=5
        For the figures `after`, the rows of each fold are tempered as learned on the other folds;
        the temperatures themselves are always learned on all rows. ``None`` takes the figures on
        the rows that the temperatures were learned on.
    random_state : int, RandomState instance or None, default=0
        Seed of the folds, which hold every class in about equal shares.

    Returns
    -------
    Calibration
        Temperatures and figures.

    Raises
    ------
    ValueError
        See `fit_temperature`; also if the rule is unknown, lacks its weights or returns no
        distributions, or if there are not two folds at least and one row for each.

    Notes
    -----
    Cross-fitting covers the temperatures only. If members, or the weights of the rule, were
    chosen on these rows, the figures remain optimistic by that.
    """
    fitted = fit_calibrations(
        probabilities,
        y,
        classes,
        [rule],
        weights=weights,
        sample_weight=sample_weight,
        n_folds=n_folds,
        random_state=random_state,
    )
    return fitted[rule]


def fit_calibrations(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    rules: Iterable[_AnyRule],
    *,
    weights: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    n_folds: int | None = 5,
    random_state: int | np.random.RandomState | None = 0,
) -> dict[_AnyRule, Calibration]:
    """Do as `fit_calibration` for several rules, fitting the temperatures of the members once.

    Parameters
    ----------
    rules : iterable of str or callable
        Each as in `fit_calibration`.
    probabilities, y, classes, weights, sample_weight, n_folds, random_state
        See `fit_calibration`.

    Returns
    -------
    dict of rule to Calibration
        In the order of `rules`.

    Raises
    ------
    ValueError
        See `fit_calibration`.
    """
    evidence = check_evidence(probabilities, y, classes, sample_weight)
    every = np.ones(len(evidence.labels), dtype=bool)
    whole = _fit_members(evidence, every, every)
    folds = []
    if n_folds is not None:
        numbers = deal_out(evidence.labels, n_folds, random_state)
        folds = [_fit_members(evidence, numbers != i, numbers == i) for i in range(n_folds)]
    return {rule: _calibrate(evidence, whole, folds, rule, weights) for rule in rules}


class _TemperedMembers(NamedTuple):
    """Temperatures of the members, the rows they were fitted on, and the rows to apply them to."""

    temperatures: NDArray[np.float64]
    fitted: NDArray[np.bool_]
    applied: NDArray[np.bool_]


def _fit_members(
    evidence: Evidence, fitted: NDArray[np.bool_], applied: NDArray[np.bool_]
) -> _TemperedMembers:
    temperatures = fit_member_temperatures(
        evidence.probabilities[fitted],
        evidence.labels[fitted],
        np.arange(evidence.probabilities.shape[2]),
        evidence.sample_weight[fitted],
    )
    return _TemperedMembers(temperatures, fitted, applied)


def _calibrate(
    evidence: Evidence,
    whole: _TemperedMembers,
    folds: list[_TemperedMembers],
    rule: RuleLike,
    weights: ArrayLike | None,
) -> Calibration:
    temperature, tempered = _temper(evidence, whole, rule, weights)
    for fold in folds:
        _, tempered[fold.applied] = _temper(evidence, fold, rule, weights)
    return Calibration(
        member_temperatures=whole.temperatures,
        ensemble_temperature=temperature,
        before=_score(evidence.labels, combine_by(evidence.probabilities, rule, weights)),
        after=_score(evidence.labels, tempered),
        n_folds=len(folds) or None,
    )


def _temper(
    evidence: Evidence, members: _TemperedMembers, rule: RuleLike, weights: ArrayLike | None
) -> tuple[float, NDArray[np.float64]]:
    """Fit the temperature of the ensemble; return it, and what it makes of the rows to apply to."""
    fitted = members.fitted
    combined = combine_by(
        apply_temperature(evidence.probabilities, members.temperatures), rule, weights
    )
    temperature = fit_temperature(
        combined[fitted],
        evidence.labels[fitted],
        np.arange(combined.shape[1]),
        evidence.sample_weight[fitted],
    )
    return temperature, apply_temperature(combined[members.applied], temperature)


def deal_out(
    labels: NDArray[np.intp], n_folds: int, random_state: int | np.random.RandomState | None
) -> NDArray[np.intp]:
    """Deal the rows of each class out to folds in turn.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Indices of the classes.
    n_folds : int
    random_state : int, RandomState instance or None
        Of the order.

    Returns
    -------
    ndarray of shape (n_samples,)
        The fold of every row, from 0.

    Raises
    ------
    ValueError
        If there are not two folds at least and one row for each.
    """
    if not isinstance(n_folds, Integral) or not 2 <= n_folds <= len(labels):
        raise ValueError(
            f"n_folds must be None or a whole number from 2 to the {len(labels)} rows, "
            f"not {n_folds!r}."
        )
    # Not scikit-learn's StratifiedKFold, which warns of classes with fewer rows than folds and
    # refuses where all are so small: an ensemble may hold out a handful of rows.
    order = check_random_state(random_state).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), dtype=np.intp)
    folds[order] = np.arange(len(labels)) % n_folds
    return folds


def _score(labels: NDArray[np.intp], probabilities: NDArray[np.float64]) -> CalibrationScores:
    columns = np.arange(probabilities.shape[1])
    figures = evaluate_predictions(labels, probabilities=probabilities, classes=columns)
    # It is None for labels alone.
    assert figures.log_loss is not None
    return CalibrationScores(
        accuracy=figures.accuracy,
        log_loss=figures.log_loss,
        calibration_error=calibration_error(labels, probabilities, columns),
        brier_score=brier_score(labels, probabilities, columns),
    )
