"""Figures against hand-computed ones."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from fer_ensemble.evaluation import (
    bootstrap_intervals,
    brier_score,
    calibration_error,
    coverage_at,
    evaluate_predictions,
    top_k_accuracy,
)
from fer_ensemble.evaluation.confusion import confusion_figures, confusion_rates, count_confusion

TRUE = ["a", "a", "a", "b", "b", "c"]
PREDICTED = ["a", "a", "b", "b", "c", "c"]
EXACT: dict[str, Any] = {"rtol": 0, "atol": 1e-12}


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


def test_the_level_is_that_of_the_interval() -> None:
    result = evaluate_predictions([0] * 10, [0] * 8 + [1] * 2, classes=[0, 1])
    narrow = evaluate_predictions([0] * 10, [0] * 8 + [1] * 2, classes=[0, 1], confidence=0.5)
    assert result.accuracy_interval[0] < narrow.accuracy_interval[0] < 0.8
    assert (result.confidence, narrow.confidence) == (0.95, 0.5)


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


def test_a_class_that_is_only_predicted_is_left_out_of_every_plain_mean() -> None:
    result = evaluate_predictions([0, 0, 1], [0, 2, 1], classes=[0, 1, 2])
    assert result.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert result.balanced_accuracy == pytest.approx((1 / 2 + 1) / 2)
    macro = result.averages[0]
    assert (macro.precision, macro.recall, macro.f1) == pytest.approx((1, 3 / 4, 5 / 6))
    assert result.absent == ("2",)


@pytest.mark.parametrize("seed", range(3))
def test_figures_agree_with_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, proba = random.integers(5, size=200), random.dirichlet(np.ones(5), size=200)
    result = evaluate_predictions(truth, probabilities=proba, classes=range(5))
    predicted = proba.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "macro_f1": metrics.f1_score(truth, predicted, average="macro"),
        "weighted_f1": metrics.f1_score(truth, predicted, average="weighted"),
        "top_2": metrics.top_k_accuracy_score(truth, proba, k=2),
        "log_loss": metrics.log_loss(truth, proba),
        "brier_score": np.square(proba - np.eye(5)[truth]).sum(axis=1).mean(),
    }
    for name, value in expected.items():
        assert getattr(result, name) == pytest.approx(value, abs=1e-12), name


def test_the_averages_are_the_last_rows_of_the_usual_report_on_the_classes_that_occur() -> None:
    # A class that is only predicted, one that does not occur, and one that is never predicted.
    truth, predicted = [0, 0, 0, 1, 1, 2, 2], [0, 0, 3, 0, 1, 0, 1]
    result = evaluate_predictions(truth, predicted, classes=range(5))
    report = metrics.classification_report(
        truth, predicted, labels=np.unique(truth), output_dict=True, zero_division=0
    )
    assert [row.name for row in result.averages] == ["macro avg", "weighted avg"]
    for row in result.averages:
        found = {
            "precision": row.precision,
            "recall": row.recall,
            "f1-score": row.f1,
            "support": row.support,
        }
        assert found == pytest.approx(report[row.name], abs=1e-12)
    assert result.averages[0].f1 == pytest.approx(result.macro_f1)


def test_figures_of_probabilities_are_those_of_their_functions() -> None:
    random = np.random.default_rng(0)
    scored = random.integers(4, size=90), random.dirichlet(np.ones(4), size=90), np.arange(4)
    result = evaluate_predictions(scored[0], probabilities=scored[1], classes=scored[2])
    assert result.top_2 == top_k_accuracy(*scored)
    assert result.brier_score == brier_score(*scored)
    assert result.calibration_error == calibration_error(*scored)
    assert result.coverage == coverage_at(*scored)
    plain = evaluate_predictions(scored[0], scored[1].argmax(axis=1), classes=scored[2])
    assert (plain.top_2, plain.brier_score, plain.calibration_error) == (None, None, None)
    assert plain.coverage == ()


def test_bootstrap_intervals_are_made_on_request() -> None:
    call: dict[str, Any] = {"y_true": TRUE, "y_pred": PREDICTED, "classes": ["a", "b", "c"]}
    assert evaluate_predictions(**call).bootstrap_intervals is None
    result = evaluate_predictions(**call, n_bootstrap=100, confidence=0.9, random_state=5)
    expected = bootstrap_intervals(
        result.confusion, n_bootstrap=100, confidence=0.9, random_state=5
    )
    # The draws are others, as there is a column for what is not answered.
    assert result.bootstrap_intervals is not None
    assert result.bootstrap_intervals.keys() == expected.keys()
    assert result.bootstrap_intervals["accuracy"] == pytest.approx(expected["accuracy"], abs=0.17)


def test_what_is_not_answered_is_an_error_but_no_wrong_prediction() -> None:
    answered = np.array([True, True, False, True, True, True])
    result = evaluate_predictions(
        TRUE,
        [*PREDICTED[:2], "?", *PREDICTED[3:]],
        probabilities=np.where(answered[:, None], np.full((6, 3), 1 / 3), np.nan),
        answered=answered,
        classes=["a", "b", "c"],
    )
    assert (result.n, result.n_answered) == (6, 5)
    assert result.accuracy == pytest.approx(4 / 6)
    np.testing.assert_array_equal(result.confusion, [[2, 0, 0], [0, 1, 1], [0, 0, 1]])
    np.testing.assert_allclose(result.confusion_rates[0], [2 / 3, 0, 0])
    a, b, _ = result.per_class
    assert (a.precision, a.recall, a.support) == (1, pytest.approx(2 / 3), 3)
    assert b.precision == 1
    assert result.log_loss == pytest.approx(np.log(3))


def test_nothing_answered_is_all_wrong() -> None:
    result = evaluate_predictions(
        [0, 1], probabilities=np.full((2, 2), np.nan), answered=np.zeros(2, bool), classes=[0, 1]
    )
    assert (result.accuracy, result.macro_f1, result.log_loss) == (0, 0, None)


def test_rows_in_errors_are_those_of_the_caller_whatever_is_not_answered() -> None:
    answered = np.array([False, True, True])
    with pytest.raises(ValueError, match="first is x at row 2"):
        evaluate_predictions(["a"] * 3, ["", "a", "x"], answered=answered, classes=["a"])


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
    assert read["coverage"][0] == {
        "min_confidence": 0.5,
        "n": 2,
        "coverage": 1.0,
        "accuracy": 1.0,
        "accuracy_interval": read["accuracy_interval"],
    }
    assert [row["name"] for row in read["averages"]] == ["macro avg", "weighted avg"]


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
        ({"y_pred": PREDICTED, "n_bootstrap": -1}, "n_bootstrap must be a whole number"),
        ({"y_pred": PREDICTED, "answered": [1] * 6}, "answered must hold True or False"),
        ({"y_pred": PREDICTED, "answered": [True]}, "answered must hold True or False"),
    ],
)
def test_errors_of_an_evaluation_say_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {"y_true": TRUE, "classes": ["a", "b", "c"]} | arguments
    with pytest.raises(ValueError, match=message):
        evaluate_predictions(**call)


def test_missing_values_are_no_labels() -> None:
    with pytest.raises(ValueError, match="nan at row 1"):
        evaluate_predictions([0.0, np.nan], [0.0, 1.0], classes=[0, 1])


def draw(seed: int, n: int = 300, n_classes: int = 7) -> tuple[Any, Any]:
    """Return labels and predictions: class 1 is never true, class 2 is never predicted."""
    random = np.random.default_rng(seed)
    truth = random.choice([0, 2, 3, 4, 5], n)
    predicted = np.where(random.random(n) < 0.6, truth, random.integers(n_classes - 1, size=n))
    return truth, np.where(predicted == 2, 1, predicted)


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_of_a_confusion_is_scikit_learns(seed: int) -> None:
    truth, predicted = draw(seed)
    counts = count_confusion(truth, predicted, 7)
    np.testing.assert_array_equal(
        counts[:, :-1], metrics.confusion_matrix(truth, predicted, labels=range(7))
    )
    found = confusion_figures(counts)
    per_class = metrics.precision_recall_fscore_support(
        truth, predicted, labels=range(7), zero_division=0
    )
    ours = (found.precision, found.recall, found.f1, found.support)
    for mine, theirs in zip(ours, per_class, strict=True):
        np.testing.assert_allclose(mine, theirs, **EXACT)
    for average, value in (("macro", found.macro_f1), ("weighted", found.weighted_f1)):
        expected = metrics.f1_score(
            truth, predicted, labels=np.unique(truth), average=average, zero_division=0
        )
        np.testing.assert_allclose(value, expected, **EXACT)
    np.testing.assert_allclose(found.accuracy, metrics.accuracy_score(truth, predicted), **EXACT)
    recalls = metrics.recall_score(truth, predicted, labels=np.unique(truth), average="macro")
    np.testing.assert_allclose(found.balanced_accuracy, recalls, **EXACT)
    rates = metrics.confusion_matrix(truth, predicted, labels=range(7), normalize="true")
    np.testing.assert_allclose(confusion_rates(counts[:, :-1]), rates, **EXACT)


def test_balanced_accuracy_is_scikit_learns() -> None:
    truth, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2, 2])
    found = confusion_figures(count_confusion(truth, predicted, 3))
    expected = metrics.balanced_accuracy_score(truth, predicted)
    np.testing.assert_allclose(found.balanced_accuracy, expected, **EXACT)


def test_many_matrices_are_computed_at_once() -> None:
    each = [count_confusion(*draw(seed), 7) for seed in range(4)]
    together = confusion_figures(np.stack(each))
    for i, counts in enumerate(each):
        alone = confusion_figures(counts)
        for name in ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "f1", "present"):
            np.testing.assert_array_equal(getattr(together, name)[i], getattr(alone, name))


def test_what_is_not_predicted_lowers_recall_and_not_precision() -> None:
    found = confusion_figures(np.array([[2, 0, 2], [0, 3, 0]]))
    np.testing.assert_allclose(found.recall, [0.5, 1])
    np.testing.assert_allclose(found.precision, [1, 1])
    np.testing.assert_allclose(found.f1, [2 / 3, 1])
    assert found.accuracy == pytest.approx(5 / 7)
    assert found.macro_f1 == pytest.approx(5 / 6)


def test_rates_of_what_is_not_predicted_sum_to_less_than_one() -> None:
    rates = confusion_rates(np.array([[2, 0], [0, 0]]), np.array([4, 0]))
    np.testing.assert_array_equal(rates, [[0.5, 0], [0, 0]])


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_accuracy_is_scikit_learns(k: int) -> None:
    random = np.random.default_rng(0)
    truth, proba = random.integers(7, size=200), random.dirichlet(np.ones(7), size=200)
    expected = metrics.top_k_accuracy_score(truth, proba, k=k, labels=range(7))
    assert top_k_accuracy(truth, proba, range(7), k=k) == pytest.approx(expected, abs=1e-12)


def test_level_classes_are_named_by_chance_whatever_their_order() -> None:
    level = np.full((1, 7), 1 / 7)
    for label in range(7):
        assert top_k_accuracy([label], level, range(7)) == pytest.approx(2 / 7)
    # One class is surer; three share the second place.
    row = [[0.4, 0.2, 0.2, 0.2]]
    assert top_k_accuracy([0], row, range(4)) == 1
    assert [top_k_accuracy([i], row, range(4)) for i in (1, 2, 3)] == pytest.approx([1 / 3] * 3)


def test_k_must_be_a_count() -> None:
    with pytest.raises(ValueError, match="k must be a whole number from 1 on, not 0"):
        top_k_accuracy([0], [[1.0]], [0], k=0)
