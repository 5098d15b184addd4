"""Top-k accuracy against scikit-learn's, and by hand where probabilities are level."""

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from fer_ensemble.evaluation import top_k_accuracy


@pytest.mark.parametrize("k", [1, 2, 5])
def test_it_is_scikit_learns(k: int) -> None:
    random = np.random.default_rng(0)
    truth, proba = random.integers(7, size=200), random.dirichlet(np.ones(7), size=200)
    expected = top_k_accuracy_score(truth, proba, k=k, labels=range(7))
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
