"""Rules by name and as functions."""

from typing import Any

import numpy as np
import pytest

from fer_ensemble.ensemble import average, combine, weighted
from fer_ensemble.ensemble.combining import combine_by

TWO = np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.2, 0.8], [0.5, 0.5]], [[0.3, 0.7], [1.0, 0.0]]])


@pytest.mark.parametrize("rule", ["average", "weighted", "majority"])
def test_a_name_stands_for_its_rule(rule: str) -> None:
    np.testing.assert_array_equal(combine_by(TWO, rule, [3, 1]), combine(TWO, rule, [3, 1]))


def test_a_function_receives_weights_only_if_they_are_given() -> None:
    np.testing.assert_array_equal(combine_by(TWO, average), average(TWO))
    np.testing.assert_array_equal(combine_by(TWO, weighted, [3, 1]), weighted(TWO, [3, 1]))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("mode", "no rule 'mode'"),
        ("weighted", "needs weights"),
        (lambda p: p[:, 0, :1], r"\(3, 2\); it returned the shape \(3, 1\)"),
        (lambda p: p[:, 0] * np.nan, "must return distributions"),
        (lambda p: p.sum(axis=1), "must return distributions"),
    ],
)
def test_errors_say_what_is_wrong(rule: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        combine_by(TWO, rule)
