"""Figures against hand-computed ones."""

import json
from typing import Any

import numpy as np
import pytest

from fer_ensemble.evaluation import evaluate_predictions

TRUE = ["a", "a", "a", "b", "b", "c"]
PREDICTED = ["a", "a", "b", "b", "c", "c"]


def test_figures_of_a_hand_computed_case() -> None:
    result = evaluate_predictions(TRUE, PREDICTED, classes=["a", "b", "c"])
    assert result.n == 6
    assert result.accuracy == pytest.approx(4 / 6)
    np.testing.assert_array_equal(result.confusion, [[2, 1, 0], [0, 1, 1], [0, 0, 1]])
    # Per class: a 2/2 and 2/3, b 1/2 and 1/2, c 1/2 and 1/1.
    assert [s.precision for s in result.per_class] == pytest.approx([1, 1 / 2, 1 / 2])
    assert [s.recall for s in result.per_class] == pytest.approx([2 / 3, 1 / 2, 1])
    f1 = [0.8, 0.5, 2 / 3]
    assert [s.f1 for s in result.per_class] == pytest.approx(f1)
    assert [s.support for s in result.per_class] == [3, 2, 1]
    assert result.macro_f1 == pytest.approx(sum(f1) / 3)
    assert result.weighted_f1 == pytest.approx((3 * f1[0] + 2 * f1[1] + f1[2]) / 6)
    assert result.log_loss is None


def test_the_interval_is_wilsons() -> None:
    # Wilson's formula by hand, for 8 of 10 at the level of 95 %.
    z, p, n = 1.959963984540054, 0.8, 10
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    result = evaluate_predictions([0] * 10, [0] * 8 + [1] * 2, classes=[0, 1])
    assert result.accuracy_interval == pytest.approx((centre - half, centre + half))
    narrow = evaluate_predictions([0] * 10, [0] * 8 + [1] * 2, classes=[0, 1], confidence=0.5)
    assert narrow.accuracy_interval[0] > result.accuracy_interval[0]
    assert narrow.confidence == 0.5


@pytest.mark.parametrize("predicted", [0, 1])
def test_the_interval_stays_within_zero_and_one(predicted: int) -> None:
    low, high = evaluate_predictions([0] * 5, [predicted] * 5, classes=[0, 1]).accuracy_interval
    assert 0 <= low < high <= 1


def test_probabilities_give_labels_and_log_loss() -> None:
    probabilities = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]
    # The order of the columns is that of the classes, which need not be sorted.
    result = evaluate_predictions(["c", "b"], probabilities=probabilities, classes=["c", "a", "b"])
    assert result.accuracy == 0.5
    assert result.log_loss == pytest.approx(-(np.log(0.7) + np.log(0.3)) / 2)


def test_given_labels_come_before_the_most_probable_class() -> None:
    result = evaluate_predictions([1], [1], probabilities=[[0.9, 0.1]], classes=[0, 1])
    assert result.accuracy == 1
    assert result.log_loss == pytest.approx(-np.log(0.1))


def test_a_certain_error_costs_a_finite_log_loss() -> None:
    result = evaluate_predictions([1], probabilities=[[1.0, 0.0]], classes=[0, 1])
    assert result.log_loss is not None
    assert 30 < result.log_loss < 40


def test_a_class_that_never_occurs_is_listed_but_not_averaged() -> None:
    result = evaluate_predictions([0, 1], [0, 1], classes=[0, 1, 2], class_names=["x", "y", "z"])
    assert (result.per_class[2].name, result.per_class[2].support) == ("z", 0)
    assert result.confusion.shape == (3, 3)
    assert result.macro_f1 == 1


def test_a_class_that_is_only_predicted_counts_with_zero() -> None:
    result = evaluate_predictions([0, 0, 1], [0, 2, 1], classes=[0, 1, 2])
    assert result.macro_f1 == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_to_dict_is_ready_for_json() -> None:
    result = evaluate_predictions(
        np.array([0, 1]), probabilities=np.eye(2), classes=np.arange(2), class_names=["x", "y"]
    )
    read = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert read["n"] == 2
    assert read["confusion"] == [[1, 0], [0, 1]]
    assert read["per_class"][1] == {
        "name": "y",
        "precision": 1.0,
        "recall": 1.0,
        "f1": 1.0,
        "support": 1,
    }
    assert len(read["accuracy_interval"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y_pred": PREDICTED[:5]}, "y_true has 6 labels and y_pred 5"),
        ({"y_pred": ["a"] * 5 + ["x"]}, "y_pred holds 1 labels .* the first is x at row 5"),
        ({"y_true": [], "y_pred": []}, "y_true is empty"),
        ({"y_true": [["a"]], "y_pred": ["a"]}, "one label per sample"),
        ({}, "Give y_pred, probabilities, or both"),
        ({"probabilities": np.eye(3)}, r"\(6, 3\), not \(3, 3\)"),
        ({"probabilities": np.full((6, 3), np.nan)}, "6 of 6 rows .* no distribution"),
        ({"probabilities": np.full((6, 3), 0.5)}, "no distribution"),
        ({"probabilities": np.tile([-1.0, 1.0, 1.0], (6, 1))}, "no distribution"),
        ({"y_pred": PREDICTED, "classes": ["a", "b"]}, "y_true holds 1 labels"),
        ({"y_pred": PREDICTED, "classes": ["a", "b", "c", "c"]}, "every class once"),
        ({"y_pred": PREDICTED, "class_names": ["only one"]}, "3 classes and 1 class_names"),
        ({"y_pred": PREDICTED, "confidence": 95}, "between 0 and 1"),
    ],
)
def test_errors_say_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {"y_true": TRUE, "classes": ["a", "b", "c"]} | arguments
    with pytest.raises(ValueError, match=message):
        evaluate_predictions(**call)


def test_missing_values_are_no_labels() -> None:
    with pytest.raises(ValueError, match="nan at row 1"):
        evaluate_predictions([0.0, np.nan], [0.0, 1.0], classes=[0, 1])
