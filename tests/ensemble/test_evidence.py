"""What members predict, checked and in one declared order."""

import numpy as np
import pytest

from fer_ensemble.ensemble.evidence import (
    align_columns,
    check_evidence,
    check_probabilities,
    check_weights,
)
from fer_ensemble.evaluation import encode_labels


def test_labels_become_positions_in_the_declared_order() -> None:
    np.testing.assert_array_equal(encode_labels(["b", "c", "b"], ["c", "b", "a"]), [1, 0, 1])
    np.testing.assert_array_equal(encode_labels([7, -1], [-1, 7]), [1, 0])


def test_foreign_labels_are_listed_with_counts() -> None:
    with pytest.raises(ValueError, match=r"held-out y .* 2 classes \['a', 'b'\]: x \(2×\), y \(1"):
        encode_labels(["a", "x", "y", "x"], ["a", "b"], what="held-out y")


def test_columns_are_put_in_the_order_of_the_ensemble() -> None:
    aligned = align_columns([[0.1, 0.2, 0.7]], ["c", "a", "b"], ["a", "b", "c"], "m")
    np.testing.assert_array_equal(aligned, [[0.2, 0.7, 0.1]])


@pytest.mark.parametrize(
    ("member_classes", "message"),
    [
        (["a", "b"], r"Member 'm' knows 2 classes and the ensemble 3: .* lacks \['c'\]"),
        (["a", "b", "c", "d"], r"knows 4 classes .* also knows \['d'\]"),
        (["a", "b", "d"], r"lacks \['c'\] and also knows \['d'\]"),
    ],
)
def test_other_classes_are_an_error_with_names_and_counts(
    member_classes: list[str], message: str
) -> None:
    probabilities = np.full((2, len(member_classes)), 1 / len(member_classes))
    with pytest.raises(ValueError, match=message):
        align_columns(probabilities, member_classes, ["a", "b", "c"], "m")


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 2, 1)])
def test_one_column_per_class_is_expected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Member 'm'.*one column per class"):
        align_columns(np.ones(shape), ["a", "b"], ["a", "b"], "m")


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 0, 3), (4, 2, 0), (1, 2, 3, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="n_samples, n_members, n_classes"):
        check_probabilities(np.ones(shape))


def test_predictions_are_not_copied_without_need() -> None:
    single = np.full((2, 3, 4), 0.25, dtype=np.float32)
    assert check_probabilities(single) is single
    assert check_probabilities(np.ones((2, 3, 1), dtype=int)).dtype == np.float64


def test_the_worst_fault_of_probabilities_is_named_first() -> None:
    probabilities = np.full((3, 2, 2), 0.5)
    probabilities[0, 0], probabilities[2, 1] = [-0.5, 1.5], [np.nan, 1]
    with pytest.raises(ValueError, match=r"Member 1 .* not finite for 1 of 3 .* is sample 2"):
        check_probabilities(probabilities)


def test_weights_are_scaled_to_one() -> None:
    np.testing.assert_array_equal(check_weights([1, 0, 3], 3), [0.25, 0, 0.75])


@pytest.mark.parametrize("scale", [1e-320, 1e300])
def test_tiny_and_huge_weights_are_scaled_all_the_same(scale: float) -> None:
    np.testing.assert_allclose(check_weights(np.full(3, scale), 3), [1 / 3] * 3)


def test_rows_count_alike_unless_weights_are_given() -> None:
    evidence = check_evidence(np.full((2, 1, 2), 0.5), ["a", "b"], ["b", "a"])
    assert evidence.labels.tolist() == [1, 0]
    assert evidence.sample_weight.tolist() == [1, 1]


def test_a_shared_highest_score_is_worth_a_decision_by_chance() -> None:
    evidence = check_evidence(np.full((2, 1, 3), 1 / 3), [0, 0], range(3), [3, 1])
    # Of the first row, the true class and another are highest; of the second, another alone.
    assert evidence.accuracy(np.array([[0.5, 0.1], [0.5, 0.1], [0.0, 0.8]])) == 3 / 4 / 2
    # Scores that differ by rounding only are the same.
    assert evidence.accuracy(np.array([[0.3, 0.0], [0.1 + 0.2, 0.0], [0.0, 1.0]])) == 3 / 4 / 2


def test_no_row_counts_more_in_the_log_loss_than_the_smallest_probability() -> None:
    evidence = check_evidence(np.full((2, 1, 2), 0.5), [0, 0], [0, 1])
    assert evidence.log_loss(np.array([1.0, 0.0])) == pytest.approx(-np.log(1e-15) / 2)
