"""Temperatures of an ensemble: what they learn, what they gain, and on which rows."""

import json
from typing import Any

import numpy as np
import pytest

from fer_ensemble.ensemble import apply_temperature, average, fit_calibration, weighted
from fer_ensemble.evaluation import calibration_error, evaluate_predictions

CLASSES = np.array(["a", "b", "c"])


def _members(seed: int = 0, n_samples: int = 1500) -> tuple[Any, Any]:
    """Draw members that know the same in part; the first boasts and the second is shy."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n_samples)
    evidence = rng.normal(size=(n_samples, 3, 3))
    evidence[np.arange(n_samples), :, truth] += 1.2
    probabilities = np.exp(evidence * np.array([3.0, 0.4, 1.0])[:, None])
    return probabilities / probabilities.sum(axis=2, keepdims=True), CLASSES[truth]


def test_members_are_tempered_before_combining_and_the_ensemble_after() -> None:
    probabilities, y = _members()
    found = fit_calibration(probabilities, y, CLASSES)
    boasting, shy, other = found.member_temperatures
    assert boasting > 2 * other > 4 * shy
    assert found.ensemble_temperature < 1  # the mean of calibrated members is underconfident
    by_hand = apply_temperature(
        average(apply_temperature(probabilities, found.member_temperatures)),
        found.ensemble_temperature,
    )
    np.testing.assert_array_equal(found.apply(probabilities), by_hand)


def test_calibrating_lowers_the_log_loss_and_the_error() -> None:
    found = fit_calibration(*_members(), CLASSES)
    assert found.n_folds == 5
    assert found.after.log_loss < found.before.log_loss
    assert found.after.brier_score < found.before.brier_score
    assert found.after.calibration_error < found.before.calibration_error


def test_the_figures_are_those_of_the_evaluation() -> None:
    probabilities, y = _members(n_samples=300)
    found = fit_calibration(probabilities, y, CLASSES, n_folds=None)
    for scores, proba in ((found.before, average(probabilities)), (found.after, None)):
        proba = found.apply(probabilities) if proba is None else proba
        figures = evaluate_predictions(y, probabilities=proba, classes=CLASSES)
        assert scores.accuracy == figures.accuracy
        assert scores.log_loss == pytest.approx(figures.log_loss)
        assert scores.calibration_error == pytest.approx(calibration_error(y, proba, CLASSES))


def test_cross_fitted_figures_hide_the_labels_of_each_fold() -> None:
    # Labels drawn by chance: nothing can be learned, and looking at them must not pay.
    rng = np.random.default_rng(0)
    probabilities, y = rng.dirichlet(np.ones(3), size=(60, 2)), rng.choice(CLASSES, 60)
    honest = fit_calibration(probabilities, y, CLASSES, n_folds=5)
    seen = fit_calibration(probabilities, y, CLASSES, n_folds=None)
    assert seen.after.log_loss < honest.after.log_loss
    assert seen.n_folds is None
    # The temperatures are learned on all rows either way.
    np.testing.assert_array_equal(seen.member_temperatures, honest.member_temperatures)
    assert seen.ensemble_temperature == honest.ensemble_temperature


def test_folds_follow_the_seed_and_divide_every_class() -> None:
    probabilities, y = _members(n_samples=100)
    losses = [
        fit_calibration(probabilities, y, CLASSES, random_state=seed).after.log_loss
        for seed in (1, 1, 2)
    ]
    assert losses[0] == losses[1] != losses[2]
    # With two rows of each class, both folds must know every class: all is learned alike.
    six = np.tile(np.eye(3) * 0.7 + 0.1, (2, 1))[:, None]
    found = fit_calibration(six, np.tile(CLASSES, 2), CLASSES, n_folds=2)
    assert found.after.log_loss == pytest.approx(0, abs=1e-6)


def test_rules_by_name_and_by_function_are_the_same() -> None:
    probabilities, y = _members(n_samples=200)
    by_name = fit_calibration(probabilities, y, CLASSES, "weighted", weights=[1, 3, 2])
    by_function = fit_calibration(probabilities, y, CLASSES, weighted, weights=[1, 3, 2])
    assert by_name.to_dict() == by_function.to_dict()
    np.testing.assert_array_equal(
        by_name.apply(probabilities, "weighted", [1, 3, 2]),
        by_function.apply(probabilities, weighted, [1, 3, 2]),
    )


def test_rows_of_no_weight_teach_nothing() -> None:
    probabilities, y = _members(n_samples=400)
    share = np.repeat([1.0, 0.0], 200)
    found = fit_calibration(probabilities, y, CLASSES, sample_weight=share)
    part = fit_calibration(probabilities[:200], y[:200], CLASSES)
    np.testing.assert_allclose(found.member_temperatures, part.member_temperatures, rtol=1e-4)
    assert found.ensemble_temperature == pytest.approx(part.ensemble_temperature, rel=1e-4)


def test_to_dict_is_ready_for_json() -> None:
    found = fit_calibration(*_members(n_samples=100), CLASSES)
    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert read["member_temperatures"] == found.member_temperatures.tolist()
    assert read["before"]["log_loss"] == found.before.log_loss
    assert read["n_folds"] == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_folds": 1}, "from 2 to the 4 rows, not 1"),
        ({"n_folds": 5}, "from 2 to the 4 rows, not 5"),
        ({"rule": "mode"}, "no rule 'mode'"),
        ({"rule": "weighted"}, "needs weights"),
        ({"rule": lambda p: p[:, 0] * np.nan}, "must return distributions"),
        ({"y": ["a", "b", "c"]}, "4 rows and 3 labels"),
        ({"y": ["a", "b", "c", "x"]}, "x \\(1×\\)"),
        ({"probabilities": np.full((4, 2, 3), np.nan)}, "not finite"),
        ({"sample_weight": [1, 1, 1]}, "4 in all"),
    ],
)
def test_errors_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    probabilities = np.tile(np.array([0.5, 0.3, 0.2]), (4, 2, 1))
    call: dict[str, Any] = {"probabilities": probabilities, "y": list("abca"), "classes": CLASSES}
    with pytest.raises(ValueError, match=message):
        fit_calibration(**({"n_folds": 2} | call | change))
