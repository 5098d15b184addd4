"""Figures of confusion matrices agree with scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from fer_ensemble.evaluation.confusion import confusion_figures, confusion_rates, count_confusion

EXACT: dict[str, Any] = {"rtol": 0, "atol": 1e-12}


def draw(seed: int, n: int = 300, n_classes: int = 7) -> tuple[Any, Any]:
    """Return labels and predictions: class 1 is never true, class 2 is never predicted."""
    random = np.random.default_rng(seed)
    truth = random.choice([0, 2, 3, 4, 5], n)
    predicted = np.where(random.random(n) < 0.6, truth, random.integers(n_classes - 1, size=n))
    return truth, np.where(predicted == 2, 1, predicted)


@pytest.mark.parametrize("seed", range(3))
def test_every_figure_is_scikit_learns(seed: int) -> None:
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
        expected = metrics.f1_score(truth, predicted, average=average, zero_division=0)
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
        for name in ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "f1", "listed"):
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
