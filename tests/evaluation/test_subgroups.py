"""Groups are measured as if they stood alone; votes are a second reading of the truth."""

import json
from typing import Any

import numpy as np
import pytest

from fer_ensemble.evaluation import (
    evaluate_groups,
    evaluate_predictions,
    evaluate_votes,
    wilson_interval,
)
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


def test_labels_without_probabilities_are_enough() -> None:
    found = evaluate_groups(["x", "y"], ["x", "x"], groups=["g", "h"], classes=["x", "y"])
    assert [part.scores.accuracy for part in found] == [1, 0]


def test_the_dict_of_a_group_is_ready_for_json() -> None:
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
def test_errors_of_groups_say_what_is_wrong(groups: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(groups, **options)


VOTES = [[6, 4, 0], [1, 8, 1], [5, 0, 5], [0, 0, 0]]
VOTED_PROBABILITIES = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.0, 1.0, 0.0]]


def test_votes_of_a_hand_worked_case() -> None:
    found = evaluate_votes(VOTES, VOTED_PROBABILITIES)
    assert (found.n, found.n_without_votes, found.n_tied, found.n_majority) == (3, 1, 1, 2)
    assert found.accuracy == 0.5
    assert found.accuracy_interval == wilson_interval(1, 2)
    half, quarter = np.log(2), np.log(4)
    each = [0.6 * half + 0.4 * quarter, 0.1 * half + 0.9 * quarter, 0.5 * quarter + 0.5 * half]
    assert found.cross_entropy == pytest.approx(np.mean(each), abs=1e-12)


def test_entropy_is_scipys_and_the_least_that_is_possible() -> None:
    from scipy.stats import entropy

    votes = np.random.default_rng(0).integers(0, 6, size=(50, 7)) + np.eye(50, 7, dtype=int)
    shares = votes / votes.sum(axis=1, keepdims=True)
    perfect = evaluate_votes(votes, shares)
    assert perfect.vote_entropy == pytest.approx(entropy(shares, axis=1).mean(), abs=1e-12)
    assert perfect.cross_entropy == pytest.approx(perfect.vote_entropy, abs=1e-12)
    assert evaluate_votes(votes, np.full((50, 7), 1 / 7)).cross_entropy > perfect.vote_entropy


def test_agreeing_voters_make_it_accuracy_and_log_loss() -> None:
    random = np.random.default_rng(0)
    truth, proba = random.integers(4, size=80), random.dirichlet(np.ones(4), size=80)
    found = evaluate_votes(10 * np.eye(4)[truth], proba)
    plain = evaluate_predictions(truth, probabilities=proba, classes=range(4))
    assert found.accuracy == plain.accuracy
    assert found.cross_entropy == pytest.approx(plain.log_loss, abs=1e-12)
    assert found.vote_entropy == 0


def test_what_is_none_of_the_classes_can_take_a_majority_away() -> None:
    plain = evaluate_votes(VOTES, VOTED_PROBABILITIES)
    found = evaluate_votes(VOTES, VOTED_PROBABILITIES, others=[[0, 0], [0, 8], [9, 0], [9, 0]])
    assert (found.n_tied, found.n_outvoted, found.n_majority) == (1, 1, 1)
    assert (plain.n_outvoted, found.accuracy) == (0, 1)
    assert found.cross_entropy == plain.cross_entropy


def test_rows_of_nan_are_without_votes() -> None:
    votes = np.array(VOTES, dtype=float)
    votes[3] = np.nan
    assert evaluate_votes(votes, VOTED_PROBABILITIES) == evaluate_votes(VOTES, VOTED_PROBABILITIES)


def test_others_must_be_of_the_same_samples() -> None:
    with pytest.raises(ValueError, match="votes has 4 rows and others 1"):
        evaluate_votes(VOTES, VOTED_PROBABILITIES, others=[[1]])


def test_ties_alone_have_no_accuracy() -> None:
    found = evaluate_votes([[1, 1]], [[0.9, 0.1]])
    assert (found.accuracy, found.accuracy_interval, found.n_tied) == (None, None, 1)


def test_the_dict_of_votes_is_ready_for_json() -> None:
    read = json.loads(
        json.dumps(evaluate_votes(VOTES, VOTED_PROBABILITIES).to_dict(), allow_nan=False)
    )
    assert read["n_majority"] == 2


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([1, 2], r"votes must have a row for each sample .* \(2,\)"),
        ([[0, 0, 0]] * 4, "nobody voted"),
        ([[1, 2, 3]] * 3 + [[1, -1, 0]], "1 of 4 rows of votes .* row 3"),
        ([[1, 2, 3]] * 3 + [[1, np.nan, 0]], "1 of 4 rows of votes"),
        ([[1, 2, 3]], r"\(1, 3\), not \(4, 3\)"),
    ],
)
def test_errors_of_votes_say_what_is_wrong(votes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_votes(votes, VOTED_PROBABILITIES)
