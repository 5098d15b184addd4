"""How differently members err and what each adds, against hand-computed cases."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from fer_ensemble.ensemble import (
    combine,
    disagreement,
    kappa,
    leave_one_out,
    measure_diversity,
    oracle_accuracy,
    q_statistic,
)
from fer_ensemble.ensemble.diversity import mean_over_pairs
from fer_ensemble.evaluation import compare_predictions

CLASSES = ["a", "b"]
# Three members, four samples whose truth is "a": the first is right on all of them, the second
# on the first two, the third on none but less sure of itself.
RIGHT = np.array([[0.9, 0.6, 0.45], [0.9, 0.6, 0.45], [0.6, 0.3, 0.45], [0.6, 0.1, 0.45]])
MEMBERS = np.stack([RIGHT, 1 - RIGHT], axis=2)
TRUE = ["a"] * 4


def _weighted(probabilities: Any, weights: Any) -> Any:
    return combine(probabilities, "weighted", weights)


def test_contributions_of_a_hand_computed_case() -> None:
    # Means of all: .65 .65 .45 .38. Without the first: .53 .53 .38 .28; without the second: .68 .68
    # .53 .53; without the third: .75 .75 .45 .35.
    found = leave_one_out(MEMBERS, TRUE, CLASSES)
    assert [x.difference for x in found] == [0, -0.5, 0]
    assert [(x.n_only_a, x.n_only_b) for x in found] == [(0, 0), (0, 2), (0, 0)]
    assert found[1].interval[0] < -0.5 < found[1].interval[1]


def test_contributions_are_comparisons_with_the_rest() -> None:
    rng = np.random.default_rng(0)
    members, y = rng.dirichlet(np.ones(3), size=(200, 4)), rng.integers(3, size=200)
    found = leave_one_out(members, y, range(3), random_state=5)
    for i, contribution in enumerate(found):
        rest = combine(np.delete(members, i, axis=1), "average").argmax(axis=1)
        assert contribution == compare_predictions(
            y, combine(members, "average").argmax(axis=1), rest, random_state=5
        )


def test_the_remaining_members_keep_their_weights() -> None:
    # With these weights the first member decides as long as it is there, and then the second.
    found = leave_one_out(MEMBERS, TRUE, CLASSES, "weighted", weights=[100, 10, 0.1])
    assert [x.difference for x in found] == [0.5, 0, 0]
    by_function = leave_one_out(MEMBERS, TRUE, CLASSES, _weighted, weights=[100, 10, 0.1])
    assert by_function == found


def test_remaining_members_without_any_weight_weigh_the_same() -> None:
    # Means of the second and the third: .53 .53 .38 .28.
    found = leave_one_out(MEMBERS, TRUE, CLASSES, "weighted", weights=[1, 0, 0])
    assert [x.difference for x in found] == [0.5, 0, 0]


def test_all_measures_of_a_hand_computed_case() -> None:
    found = measure_diversity(MEMBERS, TRUE, CLASSES)
    assert found.n == 4
    np.testing.assert_allclose(found.member_accuracy, [1, 0.5, 0])
    assert found.ensemble_accuracy == 0.5
    assert found.oracle_accuracy == 1
    np.testing.assert_allclose(found.disagreement, [[0, 0.5, 1], [0.5, 0, 0.5], [1, 0.5, 0]])
    assert found.q_statistic[1, 1] == 1
    assert found.kappa[0, 2] == 0
    assert found.contributions == leave_one_out(MEMBERS, TRUE, CLASSES)


def test_labels_and_columns_follow_the_classes() -> None:
    found = measure_diversity(MEMBERS[..., ::-1], TRUE, CLASSES[::-1])
    np.testing.assert_allclose(found.member_accuracy, [1, 0.5, 0])


def test_to_dict_is_ready_for_json() -> None:
    read = json.loads(
        json.dumps(measure_diversity(MEMBERS, TRUE, CLASSES).to_dict(), allow_nan=False)
    )
    assert read["mean_disagreement"] == pytest.approx(2 / 3)
    assert read["mean_q_statistic"] is None  # of every pair, one is always right or always wrong
    assert read["q_statistic"] == [[None] * 3, [None, 1, None], [None] * 3]
    assert read["contributions"][1]["difference"] == -0.5
    assert read["member_accuracy"] == [1, 0.5, 0]


@pytest.mark.parametrize("function", [leave_one_out, measure_diversity])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": MEMBERS[:, :1]}, "two members or more"),
        ({"probabilities": MEMBERS * np.nan}, "not finite"),
        ({"probabilities": MEMBERS[:3]}, "3 rows and 4 labels"),
        ({"y": ["a", "a", "a", "x"]}, "x \\(1×\\)"),
        ({"rule": "weighted"}, "needs weights"),
        ({"rule": "weighted", "weights": [1, 1]}, "3 in all"),
        ({"n_bootstrap": 0}, "n_bootstrap"),
    ],
)
def test_unusable_predictions_are_refused(
    function: Any, change: dict[str, Any], message: str
) -> None:
    call: dict[str, Any] = {"probabilities": MEMBERS, "y": TRUE, "classes": CLASSES}
    with pytest.raises(ValueError, match=message):
        function(**(call | change))


# --- pairs of members --------------------------------------------------------------------

# Of ten samples, both are right on 4, only the first on 3, only the second on 1, neither on 2.
PAIR = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [4, 3, 1, 2], axis=0).astype(bool)


def test_measures_of_a_hand_computed_pair() -> None:
    assert disagreement(PAIR)[0, 1] == pytest.approx(0.4)
    assert q_statistic(PAIR)[0, 1] == pytest.approx((4 * 2 - 3 * 1) / (4 * 2 + 3 * 1))
    assert kappa(PAIR)[0, 1] == pytest.approx(2 * (8 - 3) / (7 * 5 + 5 * 3))
    assert oracle_accuracy(PAIR) == pytest.approx(0.8)


def test_kappa_is_cohens() -> None:
    correct = np.random.default_rng(0).random((50, 4)) < [0.4, 0.6, 0.7, 0.9]
    expected = [[cohen_kappa_score(a, b) for a in correct.T] for b in correct.T]
    np.testing.assert_allclose(kappa(correct), expected)


def test_a_member_agrees_with_itself() -> None:
    np.testing.assert_array_equal(np.diag(disagreement(PAIR)), 0)
    np.testing.assert_allclose(np.diag(q_statistic(PAIR)), 1)
    np.testing.assert_allclose(np.diag(kappa(PAIR)), 1)


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
def test_what_is_not_true_or_false_is_refused(measure: Any, correct: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(correct)
