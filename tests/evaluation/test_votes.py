"""The second reading of the truth against a hand-worked case."""

import json
from typing import Any

import numpy as np
import pytest

from fer_ensemble.evaluation import evaluate_predictions, evaluate_votes, wilson_interval

VOTES = [[6, 4, 0], [1, 8, 1], [5, 0, 5], [0, 0, 0]]
PROBABILITIES = [[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.0, 1.0, 0.0]]


def test_figures_of_a_hand_worked_case() -> None:
    found = evaluate_votes(VOTES, PROBABILITIES)
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
    plain = evaluate_votes(VOTES, PROBABILITIES)
    found = evaluate_votes(VOTES, PROBABILITIES, others=[[0, 0], [0, 8], [9, 0], [9, 0]])
    assert (found.n_tied, found.n_outvoted, found.n_majority) == (1, 1, 1)
    assert (plain.n_outvoted, found.accuracy) == (0, 1)
    assert found.cross_entropy == plain.cross_entropy


def test_rows_of_nan_are_without_votes() -> None:
    votes = np.array(VOTES, dtype=float)
    votes[3] = np.nan
    assert evaluate_votes(votes, PROBABILITIES) == evaluate_votes(VOTES, PROBABILITIES)


def test_others_must_be_of_the_same_samples() -> None:
    with pytest.raises(ValueError, match="votes has 4 rows and others 1"):
        evaluate_votes(VOTES, PROBABILITIES, others=[[1]])


def test_ties_alone_have_no_accuracy() -> None:
    found = evaluate_votes([[1, 1]], [[0.9, 0.1]])
    assert (found.accuracy, found.accuracy_interval, found.n_tied) == (None, None, 1)


def test_to_dict_is_ready_for_json() -> None:
    read = json.loads(json.dumps(evaluate_votes(VOTES, PROBABILITIES).to_dict(), allow_nan=False))
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
def test_errors_say_what_is_wrong(votes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate_votes(votes, PROBABILITIES)
