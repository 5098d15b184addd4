"""Measures of pairs against hand-computed ones."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from fer_ensemble.ensemble import disagreement, kappa, oracle_accuracy, q_statistic
from fer_ensemble.ensemble.pairwise import mean_over_pairs

# Of ten samples, both are right on 4, only the first on 3, only the second on 1, neither on 2.
TWO = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [4, 3, 1, 2], axis=0).astype(bool)


def test_measures_of_a_hand_computed_pair() -> None:
    assert disagreement(TWO)[0, 1] == pytest.approx(0.4)
    assert q_statistic(TWO)[0, 1] == pytest.approx((4 * 2 - 3 * 1) / (4 * 2 + 3 * 1))
    assert kappa(TWO)[0, 1] == pytest.approx(2 * (8 - 3) / (7 * 5 + 5 * 3))
    assert oracle_accuracy(TWO) == pytest.approx(0.8)


def test_kappa_is_cohens() -> None:
    correct = np.random.default_rng(0).random((50, 4)) < [0.4, 0.6, 0.7, 0.9]
    expected = [[cohen_kappa_score(a, b) for a in correct.T] for b in correct.T]
    np.testing.assert_allclose(kappa(correct), expected)


def test_a_member_agrees_with_itself() -> None:
    np.testing.assert_array_equal(np.diag(disagreement(TWO)), 0)
    np.testing.assert_allclose(np.diag(q_statistic(TWO)), 1)
    np.testing.assert_allclose(np.diag(kappa(TWO)), 1)


@pytest.mark.parametrize("measure", [disagreement, q_statistic, kappa])
def test_pairs_have_no_order(measure: Any) -> None:
    correct = np.random.default_rng(0).random((50, 5)) < 0.6
    assert measure(correct).shape == (5, 5)
    np.testing.assert_allclose(measure(correct), measure(correct).T)
    np.testing.assert_allclose(measure(correct[:, [3, 1]])[0, 1], measure(correct)[3, 1])


def test_members_that_err_on_different_samples_have_a_negative_q() -> None:
    apart = np.array([[1, 0], [1, 0], [0, 1], [1, 1]])
    assert q_statistic(apart)[0, 1] == -1
    assert kappa(apart)[0, 1] < 0


def test_what_is_undefined_is_nan() -> None:
    perfect = np.array([[1, 1, 1], [1, 1, 0]])
    q, agreement = q_statistic(perfect), kappa(perfect)
    assert np.isnan([q[0, 1], q[0, 2], q[0, 0]]).all()
    assert q[2, 2] == 1
    assert np.isnan(agreement[0, 1])
    assert agreement[0, 2] == 0
    assert disagreement(perfect)[0, 2] == 0.5


def test_the_mean_leaves_out_the_diagonal_and_what_is_undefined() -> None:
    matrix = np.array([[9, 1, np.nan], [1, 9, 2], [np.nan, 2, 9]])
    assert mean_over_pairs(matrix) == 1.5
    assert np.isnan(mean_over_pairs(np.full((3, 3), np.nan)))
    assert np.isnan(mean_over_pairs([[1.0]]))


@pytest.mark.parametrize("measure", [disagreement, q_statistic, kappa, oracle_accuracy])
@pytest.mark.parametrize(
    ("correct", "message"),
    [
        ([True, False], r"its shape is \(2,\)"),
        (np.empty((0, 2)), r"its shape is \(0, 2\)"),
        ([[1.0, 0.0], [1.0, np.nan]], r"not nan \(sample 1, member 1\)"),
        ([[1, 3]], r"not 3 \(sample 0, member 1\)"),
    ],
)
def test_errors_say_what_is_wrong(measure: Any, correct: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(correct)
