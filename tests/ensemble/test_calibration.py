"""Temperatures of one model and of an ensemble: what they learn and gain, and on which rows."""

import json
from typing import Any

import numpy as np
import pytest

from fer_ensemble.ensemble import (
    apply_temperature,
    combine,
    fit_calibration,
    fit_temperature,
)
from fer_ensemble.ensemble.calibration import TEMPERATURE_RANGE
from fer_ensemble.evaluation import calibration_error, evaluate_predictions
from tests.ensemble.stand_ins import NAMES, make_opinions, make_predictions

CLASSES = np.sort(NAMES)


# --- one model --------------------------------------------------------------------------


def test_tempering_is_the_softmax_of_the_divided_logarithm() -> None:
    # At T = 1/2, odds are squared; at T = 2, their root is taken.
    np.testing.assert_allclose(apply_temperature([[0.8, 0.2]], 0.5), [[16 / 17, 1 / 17]])
    np.testing.assert_allclose(apply_temperature([[0.8, 0.2]], 2), [[2 / 3, 1 / 3]])
    probabilities, _ = make_opinions(4000, seed=0)
    np.testing.assert_allclose(apply_temperature(probabilities, 1), probabilities)


def test_every_member_has_its_own_temperature() -> None:
    members = np.array([[[0.8, 0.2], [0.8, 0.2], [0.3, 0.7]]])
    expected = [[[16 / 17, 1 / 17], [2 / 3, 1 / 3], [0.3, 0.7]]]
    np.testing.assert_allclose(apply_temperature(members, [0.5, 2, 1]), expected)
    np.testing.assert_allclose(apply_temperature(members, 2)[:, 0], [[2 / 3, 1 / 3]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("temperature", [TEMPERATURE_RANGE[0], 0.5, 3.0, TEMPERATURE_RANGE[1]])
def test_the_most_probable_class_stays(temperature: float, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    sharp = rng.dirichlet(np.full(7, 0.02), size=2000)
    flat = rng.dirichlet(np.full(7, 1e6), size=2000)
    rows = np.concatenate([sharp, flat]).astype(dtype)
    tempered = apply_temperature(rows, temperature)
    np.testing.assert_array_equal(tempered.argmax(axis=1), rows.argmax(axis=1))
    np.testing.assert_allclose(tempered.sum(axis=1), 1)
    assert np.isfinite(tempered).all()


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature: float) -> None:
    honest, y = make_opinions(4000, seed=1)
    found = fit_temperature(apply_temperature(honest, 1 / temperature), y, CLASSES)
    assert found == pytest.approx(temperature, rel=0.05)


def test_the_temperature_is_where_the_derivative_of_the_loss_is_zero() -> None:
    honest, y = make_opinions(300, seed=2)
    rows = honest**2.5 / (honest**2.5).sum(axis=1, keepdims=True)
    tempered = apply_temperature(rows, fit_temperature(rows, y, CLASSES))
    logs, truth = np.log(rows), np.searchsorted(CLASSES, y)
    # There, the expected logarithm is the one observed.
    expected, observed = (tempered * logs).sum(axis=1), logs[np.arange(len(y)), truth]
    assert expected.mean() == pytest.approx(observed.mean(), abs=1e-4)


def test_a_sample_weight_of_two_is_the_same_as_a_row_twice() -> None:
    honest, y = make_opinions(300, seed=3)
    times = np.random.default_rng(0).integers(0, 4, size=len(y))
    assert fit_temperature(honest, y, CLASSES, times) == pytest.approx(
        fit_temperature(honest.repeat(times, axis=0), y.repeat(times), CLASSES), abs=1e-4
    )


def test_the_order_of_the_classes_does_not_matter() -> None:
    honest, y = make_opinions(300, seed=4)
    order = [2, 0, 1]
    assert fit_temperature(honest[:, order], y, CLASSES[order]) == pytest.approx(
        fit_temperature(honest, y, CLASSES), abs=1e-4
    )


def test_where_no_temperature_gains_anything_it_is_one() -> None:
    assert fit_temperature(np.eye(3), CLASSES, CLASSES) == 1  # certain and right
    assert fit_temperature(np.full((3, 3), 1 / 3), CLASSES, CLASSES) == 1


def test_a_temperature_stays_within_its_range() -> None:
    rows = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    low, high = TEMPERATURE_RANGE
    always_right = fit_temperature(rows, CLASSES, CLASSES)
    always_wrong = fit_temperature(rows, CLASSES[[1, 2, 0]], CLASSES)
    assert always_right == pytest.approx(low, rel=0.1)  # where the loss is flat already
    assert always_wrong == pytest.approx(high, rel=1e-3)
    assert low <= always_right < always_wrong <= high


def test_a_certain_error_is_survived() -> None:
    honest, y = make_opinions(500, seed=5)
    honest[0] = np.eye(3)[(np.searchsorted(CLASSES, y[0]) + 1) % 3]
    assert 1 < fit_temperature(honest, y, CLASSES) < 1.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": np.full((3, 3), np.nan)}, "not finite"),
        ({"probabilities": np.full((3, 1, 3), 1 / 3)}, r"\(n_samples, n_classes\), not \(3, 1, 3"),
        ({"probabilities": np.empty((0, 3)), "y": np.array([], dtype=str)}, "there are 0 rows"),
        ({"y": CLASSES[:2]}, "3 rows and 2 labels"),
        ({"y": ["sad", "sad", "x"]}, r"not among the 3 classes .*: x \(1×\)"),
        ({"classes": [*CLASSES, "fear"]}, "3 columns but 4 classes"),
        ({"sample_weight": [1, np.nan, 1]}, "negative or not finite"),
    ],
)
def test_unusable_predictions_of_one_model_are_refused(
    change: dict[str, Any], message: str
) -> None:
    call: dict[str, Any] = {"probabilities": np.eye(3), "y": CLASSES, "classes": CLASSES}
    with pytest.raises(ValueError, match=message):
        fit_temperature(**(call | change))


@pytest.mark.parametrize(
    ("shape", "temperature", "message"),
    [
        ((3, 3), [1.0, 2.0, 3.0], r"must be one number: .*\(3, 3\) and it \(3,\)"),
        ((3, 2, 3), [1.0, 2.0, 3.0], "one number, or one for each member"),
        ((3, 2, 3), [1.0, 0.0], "above 0"),
        ((3, 3), np.nan, "finite and above 0"),
        ((3, 3), np.inf, "finite and above 0"),
        ((3,), 1.0, r"shape is \(3,\)"),
    ],
)
def test_unusable_temperatures_are_refused(
    shape: tuple[int, ...], temperature: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        apply_temperature(np.full(shape, 1 / 3), temperature)


# --- an ensemble ------------------------------------------------------------------------


def _members(seed: int = 0, n_samples: int = 1500) -> tuple[Any, Any]:
    """Draw members that know the same in part; the first boasts and the second is shy."""
    return make_predictions(CLASSES, [1.2] * 3, n_samples, seed, sharpness=[3.0, 0.4, 1.0])


def test_members_are_tempered_before_combining_and_the_ensemble_after() -> None:
    probabilities, y = _members()
    found = fit_calibration(probabilities, y, CLASSES)
    boasting, shy, other = found.member_temperatures
    assert boasting > 2 * other > 4 * shy
    assert found.ensemble_temperature < 1  # the mean of calibrated members is underconfident
    by_hand = apply_temperature(
        combine(apply_temperature(probabilities, found.member_temperatures), "average"),
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
    untempered = combine(probabilities, "average")
    for scores, proba in ((found.before, untempered), (found.after, found.apply(probabilities))):
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
    def weighted(probabilities: Any, weights: Any) -> Any:
        return combine(probabilities, "weighted", weights)

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
        ({"y": CLASSES}, "4 rows and 3 labels"),
        ({"y": [*CLASSES, "x"]}, "x \\(1×\\)"),
        ({"probabilities": np.full((4, 2, 3), np.nan)}, "not finite"),
        ({"sample_weight": [1, 1, 1]}, "4 in all"),
    ],
)
def test_an_unusable_ensemble_or_number_of_folds_is_refused(
    change: dict[str, Any], message: str
) -> None:
    probabilities = np.tile(np.array([0.5, 0.3, 0.2]), (4, 2, 1))
    call: dict[str, Any] = {"probabilities": probabilities, "y": CLASSES[[0, 1, 2, 0]]}
    with pytest.raises(ValueError, match=message):
        fit_calibration(**({"classes": CLASSES, "n_folds": 2} | call | change))
