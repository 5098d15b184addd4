"""Intervals against formulas and plain resampling."""

import time
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from fer_ensemble.evaluation import bootstrap_intervals, difference_interval, wilson_interval
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


def test_the_seed_decides_and_the_level_widens() -> None:
    counts = np.array([[40, 10, 3], [20, 30, 1]])
    few: dict[str, Any] = {"n_bootstrap": 200}
    same = [bootstrap_intervals(counts, random_state=3, **few) for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != bootstrap_intervals(counts, random_state=4, **few)
    wide = bootstrap_intervals(counts, confidence=0.99)["macro_f1"]
    narrow = bootstrap_intervals(counts, confidence=0.5)["macro_f1"]
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_two_thousand_resamples_of_public_test_take_well_under_two_seconds() -> None:
    random = np.random.default_rng(0)
    counts = count_confusion(*random.integers(7, size=(2, 3589)), 7)
    start = time.process_time()
    bootstrap_intervals(counts, n_bootstrap=2000)
    assert time.process_time() - start < 2


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
def test_errors_say_what_is_wrong(confusion: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals(confusion, **options)


def test_an_interval_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="n must be a whole number from 1 on, not 0"):
        wilson_interval(0, 0)
    with pytest.raises(ValueError, match="n must be a whole number from 1 on, not 0"):
        difference_interval(1, 2, 0, 0)
