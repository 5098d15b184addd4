"""Temperatures against known ones, and what must hold for any probabilities."""

from typing import Any

import numpy as np
import pytest

from fer_ensemble.ensemble import apply_temperature, fit_temperature
from fer_ensemble.ensemble.temperature import TEMPERATURE_RANGE

CLASSES = np.array(["a", "b", "c"])


def _honest(seed: int, n_samples: int = 4000) -> tuple[Any, Any]:
    """Draw distributions, and each label from its distribution."""
    rng = np.random.default_rng(seed)
    honest = rng.dirichlet(np.ones(3), size=n_samples)
    truth = (rng.random(n_samples)[:, None] > honest.cumsum(axis=1)).sum(axis=1)
    return honest, CLASSES[truth]


def test_tempering_is_the_softmax_of_the_divided_logarithm() -> None:
    # At T = 1/2, odds are squared; at T = 2, their root is taken.
    np.testing.assert_allclose(apply_temperature([[0.8, 0.2]], 0.5), [[16 / 17, 1 / 17]])
    np.testing.assert_allclose(apply_temperature([[0.8, 0.2]], 2), [[2 / 3, 1 / 3]])
    probabilities, _ = _honest(0)
    np.testing.assert_allclose(apply_temperature(probabilities, 1), probabilities)


def test_every_member_has_its_own_temperature() -> None:
    members = np.array([[[0.8, 0.2], [0.8, 0.2], [0.3, 0.7]]])
    expected = [[[16 / 17, 1 / 17], [2 / 3, 1 / 3], [0.3, 0.7]]]
    np.testing.assert_allclose(apply_temperature(members, [0.5, 2, 1]), expected)
    np.testing.assert_allclose(apply_temperature(members, 2)[:, 0], [[2 / 3, 1 / 3]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("temperature", [TEMPERATURE_RANGE[0], 0.5, 3.0, TEMPERATURE_RANGE[1]])
def test_the_most_probable_class_stays(temperature: float, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    sharp = rng.dirichlet(np.full(7, 0.02), size=2000)
    flat = rng.dirichlet(np.full(7, 1e6), size=2000)
    rows = np.concatenate([sharp, flat]).astype(dtype)
    tempered = apply_temperature(rows, temperature)
    np.testing.assert_array_equal(tempered.argmax(axis=1), rows.argmax(axis=1))
    np.testing.assert_allclose(tempered.sum(axis=1), 1)
    assert np.isfinite(tempered).all()


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature: float) -> None:
    honest, y = _honest(1)
    found = fit_temperature(apply_temperature(honest, 1 / temperature), y, CLASSES)
    assert found == pytest.approx(temperature, rel=0.05)


def test_the_temperature_is_where_the_derivative_of_the_loss_is_zero() -> None:
    honest, y = _honest(2, 300)
    rows = honest**2.5 / (honest**2.5).sum(axis=1, keepdims=True)
    tempered = apply_temperature(rows, fit_temperature(rows, y, CLASSES))
    logs, truth = np.log(rows), np.searchsorted(CLASSES, y)
    # There, the expected logarithm is the one observed.
    expected, observed = (tempered * logs).sum(axis=1), logs[np.arange(len(y)), truth]
    assert expected.mean() == pytest.approx(observed.mean(), abs=1e-4)


def test_a_sample_weight_of_two_is_the_same_as_a_row_twice() -> None:
    honest, y = _honest(3, 300)
    times = np.random.default_rng(0).integers(0, 4, size=len(y))
    assert fit_temperature(honest, y, CLASSES, times) == pytest.approx(
        fit_temperature(honest.repeat(times, axis=0), y.repeat(times), CLASSES), abs=1e-4
    )


def test_the_order_of_the_classes_does_not_matter() -> None:
    honest, y = _honest(4, 300)
    order = [2, 0, 1]
    assert fit_temperature(honest[:, order], y, CLASSES[order]) == pytest.approx(
        fit_temperature(honest, y, CLASSES), abs=1e-4
    )


def test_where_no_temperature_gains_anything_it_is_one() -> None:
    assert fit_temperature(np.eye(3), CLASSES, CLASSES) == 1  # certain and right
    assert fit_temperature(np.full((3, 3), 1 / 3), CLASSES, CLASSES) == 1


def test_a_temperature_stays_within_its_range() -> None:
    rows = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    low, high = TEMPERATURE_RANGE
    always_right = fit_temperature(rows, CLASSES, CLASSES)
    always_wrong = fit_temperature(rows, CLASSES[[1, 2, 0]], CLASSES)
    assert always_right == pytest.approx(low, rel=0.1)  # where the loss is flat already
    assert always_wrong == pytest.approx(high, rel=1e-3)
    assert low <= always_right < always_wrong <= high


def test_a_certain_error_is_survived() -> None:
    honest, y = _honest(5, 500)
    honest[0] = np.eye(3)[(np.searchsorted(CLASSES, y[0]) + 1) % 3]
    assert 1 < fit_temperature(honest, y, CLASSES) < 1.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": np.full((3, 3), np.nan)}, "not finite"),
        ({"probabilities": np.full((3, 1, 3), 1 / 3)}, r"\(n_samples, n_classes\), not \(3, 1, 3"),
        ({"probabilities": np.empty((0, 3)), "y": np.array([], dtype=str)}, "there are 0 rows"),
        ({"y": ["a", "b"]}, "3 rows and 2 labels"),
        ({"y": ["a", "b", "x"]}, r"not among the 3 classes .*: x \(1×\)"),
        ({"classes": ["a", "b", "c", "d"]}, "3 columns but 4 classes"),
        ({"sample_weight": [1, np.nan, 1]}, "negative or not finite"),
    ],
)
def test_errors_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    call: dict[str, Any] = {"probabilities": np.eye(3), "y": CLASSES, "classes": CLASSES}
    with pytest.raises(ValueError, match=message):
        fit_temperature(**(call | change))


@pytest.mark.parametrize(
    ("shape", "temperature", "message"),
    [
        ((3, 3), [1.0, 2.0, 3.0], r"must be one number: .*\(3, 3\) and it \(3,\)"),
        ((3, 2, 3), [1.0, 2.0, 3.0], "one number, or one for each member"),
        ((3, 2, 3), [1.0, 0.0], "above 0"),
        ((3, 3), np.nan, "finite and above 0"),
        ((3, 3), np.inf, "finite and above 0"),
        ((3,), 1.0, r"shape is \(3,\)"),
    ],
)
def test_unusable_temperatures_are_refused(
    shape: tuple[int, ...], temperature: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        apply_temperature(np.full(shape, 1 / 3), temperature)
