"""Intervals and comparisons against formulas and plain resampling."""

import json
from math import comb
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.stats import binomtest

from fer_ensemble.evaluation import (
    Comparison,
    bootstrap_intervals,
    compare_predictions,
    difference_interval,
    wilson_interval,
)
from fer_ensemble.evaluation.confusion import confusion_figures, count_confusion
from fer_ensemble.evaluation.intervals import BOOTSTRAPPED


def test_wilsons_interval_by_hand() -> None:
    z, p, n = 1.959963984540054, 0.8, 10
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    assert wilson_interval(8, 10) == pytest.approx((centre - half, centre + half), abs=1e-12)


def test_wilsons_interval_is_scipys() -> None:
    for n_right, n, level in ((0, 3, 0.9), (2412, 3589, 0.95), (3, 3, 0.99)):
        expected = binomtest(n_right, n).proportion_ci(level, method="wilson")
        found = wilson_interval(n_right, n, level)
        assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


# Newcombe 1998, table II, method 10.
@pytest.mark.parametrize(
    ("counts", "published"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((10, 10, 0, 20), (0.6791, 1.0000)),
    ],
)
def test_newcombes_interval_is_the_published_one(counts: Any, published: Any) -> None:
    assert difference_interval(*counts) == pytest.approx(published, abs=5e-5)


def test_newcombes_interval_turns_with_the_order() -> None:
    low, high = difference_interval(2412, 3589, 2200, 4115, 0.9)
    assert low < 2412 / 3589 - 2200 / 4115 < high
    assert difference_interval(2200, 4115, 2412, 3589, 0.9) == pytest.approx((-high, -low))


def test_the_bootstrap_is_that_of_resampled_rows() -> None:
    random = np.random.default_rng(0)
    truth = random.choice(3, 200, p=[0.6, 0.3, 0.1])
    predicted = np.where(random.random(200) < 0.7, truth, random.integers(3, size=200))
    rows = random.integers(200, size=(4000, 200))
    drawn = confusion_figures(
        np.stack([count_confusion(truth[row], predicted[row], 3) for row in rows])
    )
    found = bootstrap_intervals(count_confusion(truth, predicted, 3), n_bootstrap=4000)
    for name in BOOTSTRAPPED:
        ends = np.quantile(getattr(drawn, name), [0.025, 0.975])
        np.testing.assert_allclose(found[name], ends, atol=0.01)


def test_the_bootstrap_of_the_accuracy_is_close_to_wilsons() -> None:
    found = bootstrap_intervals(np.diag([700, 900]) + np.array([[0, 250], [150, 0]]))
    np.testing.assert_allclose(found["accuracy"], wilson_interval(1600, 2000), atol=0.003)


def test_the_seed_decides_the_bootstrap_and_the_level_widens_it() -> None:
    counts = np.array([[40, 10, 3], [20, 30, 1]])
    few: dict[str, Any] = {"n_bootstrap": 200}
    same = [bootstrap_intervals(counts, random_state=3, **few) for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != bootstrap_intervals(counts, random_state=4, **few)
    wide = bootstrap_intervals(counts, confidence=0.99)["macro_f1"]
    narrow = bootstrap_intervals(counts, confidence=0.5)["macro_f1"]
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_all_resamples_are_drawn_at_once_and_not_row_by_row() -> None:
    class Recorder(np.random.RandomState):
        sizes: ClassVar[list[Any]] = []

        def multinomial(self, n: int, pvals: Any, size: Any = None) -> Any:
            self.sizes.append(size)
            return super().multinomial(n, pvals, size)

    counts = np.array([[40, 10, 3], [20, 30, 1]])
    found = bootstrap_intervals(counts, n_bootstrap=300, random_state=Recorder(0))
    assert found == bootstrap_intervals(counts, n_bootstrap=300)
    assert Recorder.sizes == [300]


@pytest.mark.parametrize(
    ("confusion", "options", "message"),
    [
        ([[1, 2, 3, 4]], {}, r"shape is \(1, 4\)"),
        ([[0, 0], [0, 0]], {}, "of one sample at least"),
        ([[1, -1], [0, 0]], {}, "must hold counts"),
        ([[0.5, 0.5], [0, 1]], {}, "must hold counts"),
        ([[1]], {"n_bootstrap": 0}, "n_bootstrap must be a whole number from 1 on"),
        ([[1]], {"confidence": 1}, "between 0 and 1"),
    ],
)
def test_errors_of_the_bootstrap_say_what_is_wrong(
    confusion: Any, options: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals(confusion, **options)


def test_an_interval_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="n must be a whole number from 1 on, not 0"):
        wilson_interval(0, 0)
    with pytest.raises(ValueError, match="n must be a whole number from 1 on, not 0"):
        difference_interval(1, 2, 0, 0)


def _systems(only_a: int, only_b: int, both: int, neither: int) -> tuple[Any, Any, Any]:
    """Return truth and two predictions with these numbers of right answers."""
    a = np.repeat([1, 0, 1, 0], [only_a, only_b, both, neither])
    b = np.repeat([0, 1, 1, 0], [only_a, only_b, both, neither])
    return np.ones(len(a), dtype=int), a, b


def _compare(*counts: int, **arguments: Any) -> Comparison:
    return compare_predictions(*_systems(*counts), **arguments)


def test_a_comparison_of_a_hand_computed_case() -> None:
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


def test_the_interval_of_a_comparison_is_that_of_resampled_samples() -> None:
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


def test_the_seed_decides_the_interval_of_a_comparison() -> None:
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


def test_the_dict_of_a_comparison_is_ready_for_json() -> None:
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
        ({"classes": [0]}, "y_true holds 1 labels that are not among the 1 classes"),
        ({"confidence": 95}, "between 0 and 1"),
        ({"n_bootstrap": 0}, "n_bootstrap must be a whole number"),
    ],
)
def test_errors_of_a_comparison_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_predictions(**({"y_true": [0, 1], "a": [0, 1], "b": [1, 1]} | change))
