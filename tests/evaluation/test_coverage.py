"""Coverage against a hand-worked case."""

from typing import Any

import numpy as np
import pytest

from fer_ensemble.evaluation import coverage_at, coverage_curve, wilson_interval

# Answers "a", sure by so much; the second and the last are wrong.
CONFIDENCE = np.array([0.6, 0.9, 0.9, 0.8, 0.55])
PROBABILITIES = np.column_stack([CONFIDENCE, 1 - CONFIDENCE])
TRUE = ["a", "b", "a", "a", "b"]
CLASSES = ["a", "b"]


def test_answers_of_a_hand_worked_case() -> None:
    everything, some, sure = coverage_at(TRUE, PROBABILITIES, CLASSES, [0, 0.8, 0.95])
    assert (everything.n, everything.coverage, everything.accuracy) == (5, 1, 0.6)
    assert (some.n, some.coverage, some.accuracy) == (3, 0.6, pytest.approx(2 / 3))
    assert some.accuracy_interval == wilson_interval(2, 3)
    assert (sure.n, sure.coverage, sure.accuracy, sure.accuracy_interval) == (0, 0, None, None)


def test_the_level_is_that_of_the_intervals() -> None:
    [found] = coverage_at(TRUE, PROBABILITIES, CLASSES, [0], confidence=0.5)
    assert found.accuracy_interval == wilson_interval(3, 5, 0.5)


def test_the_curve_answers_equally_sure_samples_together() -> None:
    curve = coverage_curve(TRUE, PROBABILITIES, CLASSES)
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
    [({"min_confidences": [70]}, "from 0 to 1, not at 70"), ({"confidence": 0}, "between 0 and 1")],
)
def test_errors_say_what_is_wrong(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        coverage_at(TRUE, PROBABILITIES, CLASSES, **options)
