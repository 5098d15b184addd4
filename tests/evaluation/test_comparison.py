"""Comparisons of two systems against hand-computed ones and a plain bootstrap."""

import json
from math import comb
from typing import Any

import numpy as np
import pytest

from fer_ensemble.evaluation import Comparison, compare_predictions


def _systems(only_a: int, only_b: int, both: int, neither: int) -> tuple[Any, Any, Any]:
    """Return truth and two predictions with these numbers of right answers."""
    a = np.repeat([1, 0, 1, 0], [only_a, only_b, both, neither])
    b = np.repeat([0, 1, 1, 0], [only_a, only_b, both, neither])
    return np.ones(len(a), dtype=int), a, b


def _compare(*counts: int, **arguments: Any) -> Comparison:
    return compare_predictions(*_systems(*counts), **arguments)


def test_figures_of_a_hand_computed_case() -> None:
    found = _compare(9, 3, 20, 8)
    assert (found.n, found.n_only_a, found.n_only_b) == (40, 9, 3)
    assert found.difference == pytest.approx(29 / 40 - 23 / 40)
    # Two-sided: nine or more of twelve tosses of a coin, on either side.
    assert found.mcnemar_p == pytest.approx(2 * sum(comb(12, k) for k in range(9, 13)) / 2**12)


def test_swapping_the_systems_turns_the_sign() -> None:
    truth, a, b = _systems(9, 3, 20, 8)
    found, swapped = compare_predictions(truth, a, b), compare_predictions(truth, b, a)
    assert swapped.difference == -found.difference
    assert swapped.mcnemar_p == found.mcnemar_p
    assert swapped.interval == pytest.approx((-found.interval[1], -found.interval[0]), abs=0.026)


def test_the_interval_is_that_of_resampled_samples() -> None:
    truth, a, b = _systems(30, 15, 100, 55)
    rng = np.random.default_rng(1)
    rows = rng.integers(len(truth), size=(10_000, len(truth)))
    gains = (a == truth).astype(float) - (b == truth)
    expected = np.quantile(gains[rows].mean(axis=1), [0.025, 0.975])
    # The differences are multiples of 1/200, so that quantiles come out one step apart.
    np.testing.assert_allclose(compare_predictions(truth, a, b).interval, expected, atol=0.0051)


def test_the_interval_follows_the_level_and_the_number_of_samples() -> None:
    def width(scale: int, confidence: float) -> float:
        low, high = _compare(*(scale * np.array([30, 15, 100, 55])), confidence=confidence).interval
        return high - low

    assert width(1, 0.5) < width(1, 0.95) < width(1, 0.99)
    assert width(9, 0.95) == pytest.approx(width(1, 0.95) / 3, rel=0.1)


def test_systems_that_are_right_alike_do_not_differ() -> None:
    found = _compare(0, 0, 3, 2)
    assert (found.difference, found.interval, found.mcnemar_p) == (0, (0, 0), 1)
    # Two wrong answers that differ are still both wrong.
    found = compare_predictions(["x", "y"], ["y", "z"], ["z", "x"])
    assert (found.n_only_a, found.n_only_b) == (0, 0)


def test_the_seed_decides_the_interval() -> None:
    few: dict[str, Any] = {"n_bootstrap": 50}
    same = [_compare(30, 15, 100, 55, random_state=3, **few).interval for _ in range(2)]
    assert same[0] == same[1]
    others = {_compare(30, 15, 100, 55, random_state=seed, **few).interval for seed in range(5)}
    assert len(others) > 1


def test_labels_may_be_text_of_any_kind() -> None:
    found = compare_predictions(
        ["happy", "sad"], np.array(["happy", "sad"], dtype=object), ["sad", "sad"]
    )
    assert found.difference == 0.5


def test_to_dict_is_ready_for_json() -> None:
    read = json.loads(json.dumps(_compare(9, 3, 20, 8).to_dict(), allow_nan=False))
    assert read["n_only_a"] == 9
    assert len(read["interval"]) == 2
    assert read["confidence"] == 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_true": [], "a": [], "b": []}, "y_true is empty"),
        ({"b": [0]}, "y_true has 2 labels, a 2 and b 1"),
        ({"a": [[0, 1]]}, "a must be one label per sample"),
        ({"a": [0.0, np.nan]}, "a holds 1 labels .* nan at row 1"),
        ({"y_true": np.array([0, None], dtype=object)}, "y_true holds 1 labels .* None at row 1"),
        ({"b": ["0", "1"]}, "y_true holds numbers, a holds numbers, b holds texts"),
        ({"classes": [0]}, "y_true holds 1 labels that are not among the classes"),
        ({"confidence": 95}, "between 0 and 1"),
        ({"n_bootstrap": 0}, "n_bootstrap must be a whole number"),
    ],
)
def test_errors_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_predictions(**({"y_true": [0, 1], "a": [0, 1], "b": [1, 1]} | change))
