"""Calibration and coverage against hand-computed cases."""

import json
from typing import Any

import numpy as np
import pytest

from fer_ensemble.evaluation import (
    brier_score,
    calibration_error,
    coverage_at,
    coverage_curve,
    reliability,
    wilson_interval,
)

# Six predictions of class 0, of which "b" are wrong.
CONFIDENCE = np.array([0.55, 0.6, 0.75, 0.8, 0.95, 1.0])
PROBABILITIES = np.column_stack([CONFIDENCE, 1 - CONFIDENCE])
TRUE = ["a", "b", "a", "b", "a", "a"]
CLASSES = ["a", "b"]


def test_bins_of_a_hand_computed_case() -> None:
    table = reliability(TRUE, PROBABILITIES, CLASSES, n_bins=4)
    np.testing.assert_allclose(table.edges, [0, 0.25, 0.5, 0.75, 1])
    # A bin holds its upper border: 0.75 stands in the third bin.
    np.testing.assert_array_equal(table.count, [0, 0, 3, 3])
    np.testing.assert_allclose(table.confidence[2:], [1.9 / 3, 2.75 / 3])
    np.testing.assert_allclose(table.accuracy[2:], [2 / 3, 2 / 3])
    assert np.isnan(table.confidence[:2]).all()
    assert np.isnan(table.accuracy[:2]).all()


def test_the_error_is_the_weighted_mean_of_the_gaps() -> None:
    error = calibration_error(TRUE, PROBABILITIES, CLASSES, n_bins=4)
    assert error == pytest.approx((2 - 1.9) / 6 + (2.75 - 2) / 6)
    one_bin = calibration_error(TRUE, PROBABILITIES, CLASSES, n_bins=1)
    assert one_bin == pytest.approx(4.65 / 6 - 4 / 6)


def test_quantiles_hold_equally_many_samples() -> None:
    table = reliability(TRUE, PROBABILITIES, CLASSES, n_bins=3, strategy="quantile")
    np.testing.assert_array_equal(table.count, [2, 2, 2])
    np.testing.assert_allclose(table.confidence, [0.575, 0.775, 0.975])
    np.testing.assert_allclose(table.accuracy, [0.5, 0.5, 1])
    assert (table.edges[0], table.edges[-1]) == (0, 1)
    error = calibration_error(TRUE, PROBABILITIES, CLASSES, n_bins=3, strategy="quantile")
    assert error == pytest.approx((0.075 + 0.275 + 0.025) / 3)


@pytest.mark.parametrize("confidence", [0.8, 1.0])
def test_equal_confidences_share_a_bin(confidence: float) -> None:
    rows = [[confidence, 1 - confidence]] * 6
    table = reliability(TRUE, rows, CLASSES, strategy="quantile")
    assert sorted(table.count)[-1] == table.count.sum() == 6
    error = calibration_error(TRUE, rows, CLASSES, strategy="quantile")
    assert error == pytest.approx(confidence - 4 / 6)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_honest_probabilities_have_almost_no_error_and_boasting_ones_have(strategy: str) -> None:
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.ones(3), size=20_000)
    truth = (rng.random(len(honest))[:, None] > honest.cumsum(axis=1)).sum(axis=1)
    boasting = honest**3 / (honest**3).sum(axis=1, keepdims=True)
    assert calibration_error(truth, honest, range(3), strategy=strategy) < 0.015
    assert calibration_error(truth, boasting, range(3), strategy=strategy) > 0.1


def test_brier_score_of_a_hand_computed_case() -> None:
    rows = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]
    # The columns are in the order of the classes, which need not be sorted.
    score = brier_score(["c", "b"], rows, ["c", "a", "b"])
    assert score == pytest.approx((0.09 + 0.04 + 0.01 + 0.01 + 0.36 + 0.49) / 2)
    assert brier_score(["a", "b"], np.eye(2), CLASSES) == 0
    assert brier_score(["b", "a"], np.eye(2), CLASSES) == 2


def test_to_dict_is_ready_for_json() -> None:
    table = reliability(TRUE, PROBABILITIES, CLASSES, n_bins=2)
    read = json.loads(json.dumps(table.to_dict(), allow_nan=False))
    assert read["count"] == [0, 6]
    assert read["accuracy"] == [None, pytest.approx(4 / 6)]
    assert read["edges"] == [0, 0.5, 1]


def test_rows_that_barely_miss_one_stay_in_the_last_bin() -> None:
    assert reliability(["a"], [[1.0005, 0.0]], CLASSES).count[-1] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_true": []}, "y_true is empty"),
        ({"y_true": ["a"]}, r"\(1, 2\), not \(6, 2\)"),
        ({"y_true": [*TRUE[:5], "x"]}, "first is x at row 5"),
        ({"probabilities": np.full((6, 2), np.nan)}, "no distribution"),
        ({"classes": ["a", "a"]}, "every class once"),
        ({"n_bins": 0}, "n_bins must be a whole number"),
        ({"n_bins": 2.5}, "n_bins must be a whole number"),
        ({"strategy": "equal"}, "one of uniform, quantile, not 'equal'"),
    ],
)
def test_errors_of_calibration_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {"y_true": TRUE, "probabilities": PROBABILITIES, "classes": CLASSES}
    with pytest.raises(ValueError, match=message):
        calibration_error(**(call | change))


# Answers "a", sure by so much; the second and the last are wrong.
SURE_BY = np.array([0.6, 0.9, 0.9, 0.8, 0.55])
ANSWERS: dict[str, Any] = {
    "y_true": ["a", "b", "a", "a", "b"],
    "probabilities": np.column_stack([SURE_BY, 1 - SURE_BY]),
    "classes": CLASSES,
}


def test_coverage_of_a_hand_worked_case() -> None:
    everything, some, sure = coverage_at(**ANSWERS, min_confidences=[0, 0.8, 0.95])
    assert (everything.n, everything.coverage, everything.accuracy) == (5, 1, 0.6)
    assert (some.n, some.coverage, some.accuracy) == (3, 0.6, pytest.approx(2 / 3))
    assert some.accuracy_interval == wilson_interval(2, 3)
    assert (sure.n, sure.coverage, sure.accuracy, sure.accuracy_interval) == (0, 0, None, None)


def test_the_level_is_that_of_the_intervals() -> None:
    [found] = coverage_at(**ANSWERS, min_confidences=[0], confidence=0.5)
    assert found.accuracy_interval == wilson_interval(3, 5, 0.5)


def test_the_curve_answers_equally_sure_samples_together() -> None:
    curve = coverage_curve(**ANSWERS)
    np.testing.assert_allclose(curve.min_confidence, [0.9, 0.8, 0.6, 0.55])
    np.testing.assert_allclose(curve.coverage, [0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(curve.accuracy, [0.5, 2 / 3, 0.75, 0.6])


def test_the_curve_passes_through_the_table() -> None:
    random = np.random.default_rng(0)
    scored: Any = random.integers(4, size=300), random.dirichlet(np.ones(4), size=300), range(4)
    curve = coverage_curve(*scored)
    for least in (10, 150):
        [found] = coverage_at(*scored, [curve.min_confidence[least]])
        assert found.coverage == pytest.approx(curve.coverage[least], abs=1e-12)
        assert found.accuracy == pytest.approx(curve.accuracy[least], abs=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_confidences": [70]}, "between 0 and 1, not at 70"),
        ({"confidence": 0}, "between 0 and 1"),
    ],
)
def test_errors_of_coverage_say_what_is_wrong(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        coverage_at(**ANSWERS, **options)
