"""Groups are measured as if they stood alone."""

import json
from typing import Any

import numpy as np
import pytest

from fer_ensemble.evaluation import evaluate_groups, evaluate_predictions
from fer_ensemble.evaluation.subgroups import MISSING

RANDOM = np.random.default_rng(0)
TRUE = RANDOM.integers(3, size=120)
PROBABILITIES = RANDOM.dirichlet(np.ones(3), size=120)
GROUPS = np.repeat(["dark", "bright", "dark"], [50, 20, 50])


def measure(groups: Any, **options: Any) -> Any:
    call = {"probabilities": PROBABILITIES, "classes": range(3)} | options
    return evaluate_groups(TRUE, groups=groups, **call)


def test_each_group_is_measured_alone() -> None:
    answered = np.arange(120) % 5 != 0
    found = measure(GROUPS, answered=answered, n_bootstrap=50)
    assert [part.group for part in found] == ["bright", "dark"]
    for part in found:
        rows = part.group == GROUPS
        alone = evaluate_predictions(
            TRUE[rows],
            probabilities=PROBABILITIES[rows],
            answered=answered[rows],
            classes=range(3),
            n_bootstrap=50,
        )
        assert part.scores.to_dict() == alone.to_dict()
    assert sum(part.scores.n for part in found) == 120


def test_small_groups_are_marked() -> None:
    assert [part.small for part in measure(GROUPS)] == [True, False]
    assert [part.small for part in measure(GROUPS, small=20)] == [False, False]


def test_groups_may_be_anything_and_the_missing_come_last() -> None:
    groups = ["z", 3, "", 20, None, float("nan"), *["a"] * 114]
    assert [(part.group, part.scores.n) for part in measure(groups)] == [
        (3, 1),
        (20, 1),
        ("a", 114),
        ("z", 1),
        (MISSING, 3),
    ]
    assert [part.group for part in measure(np.arange(120) % 2)] == [0, 1]


def test_labels_are_enough() -> None:
    found = evaluate_groups(["x", "y"], ["x", "x"], groups=["g", "h"], classes=["x", "y"])
    assert [part.scores.accuracy for part in found] == [1, 0]


def test_to_dict_is_ready_for_json() -> None:
    read = json.loads(json.dumps([part.to_dict() for part in measure(GROUPS)], allow_nan=False))
    assert (read[0]["group"], read[0]["small"], read[0]["n"]) == ("bright", True, 20)


@pytest.mark.parametrize(
    ("groups", "options", "message"),
    [
        (GROUPS[:5], {}, r"each of 120 samples; its shape is \(5,\)"),
        (GROUPS, {"probabilities": PROBABILITIES[:9]}, "120 samples and probabilities 9"),
        (GROUPS, {"small": -1}, "small must be a whole number"),
    ],
)
def test_errors_say_what_is_wrong(groups: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(groups, **options)
