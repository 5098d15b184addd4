"""The rules against hand-computed cases, and what must hold for any probabilities."""

from typing import Any

import numpy as np
import pytest

from fer_ensemble.ensemble import RULES, average, combine, majority, weighted
from fer_ensemble.ensemble.checks import check_probabilities, check_weights

# Two samples, three members, two classes.
TWO = np.array([[[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]], [[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]]])


def _random(seed: int, n_samples: int = 40, n_members: int = 5, n_classes: int = 4) -> Any:
    return np.random.default_rng(seed).dirichlet(np.ones(n_classes), (n_samples, n_members))


def test_average_is_the_mean_over_members() -> None:
    np.testing.assert_allclose(average(TWO), [[1.6 / 3, 1.4 / 3], [1.7 / 3, 1.3 / 3]], rtol=1e-15)


def test_weighted_follows_the_weights_whatever_their_scale() -> None:
    expected = [[0.9 * 0.5 + 0.4 * 0.25 + 0.3 * 0.25, 0.375], [0.475, 0.525]]
    expected[0][1] = 1 - expected[0][0]
    np.testing.assert_allclose(weighted(TWO, [2, 1, 1]), expected, rtol=1e-15)
    np.testing.assert_allclose(weighted(TWO, [2e300, 1e300, 1e300]), expected, rtol=1e-15)


def test_majority_counts_votes_and_mixes_in_a_millionth_of_the_mean() -> None:
    # First sample: one vote against two. Second: the undecided member splits its vote evenly.
    mean = average(TWO)
    expected = (1 - 1e-6) * np.array([[1 / 3, 2 / 3], [0.5, 0.5]]) + 1e-6 * mean
    np.testing.assert_allclose(majority(TWO), expected, rtol=1e-15)


def test_majority_outvotes_a_higher_mean_probability() -> None:
    sure = np.array([[[1.0, 0.0], [0.49, 0.51], [0.49, 0.51]]])
    assert average(sure).argmax() == 0
    assert majority(sure).argmax() == 1


@pytest.mark.parametrize("winner", [0, 1, 2])
def test_a_tie_of_votes_goes_to_the_higher_mean_probability_never_to_the_lowest_index(
    winner: int,
) -> None:
    votes = np.array([[[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.2, 0.3, 0.5]]])
    votes[0, winner] = np.where(np.arange(3) == winner, 0.8, 0.1)
    assert majority(votes).argmax() == winner


def test_a_member_that_knows_nothing_leaves_the_vote_to_the_others() -> None:
    decided = np.array([[[0.1, 0.2, 0.7]]])
    uniform = np.full((1, 4, 3), 1 / 3)
    assert majority(np.concatenate([uniform, decided], axis=1)).argmax() == 2


def test_splitting_a_vote_does_not_favour_the_lowest_index() -> None:
    torn = np.array([[[0.4, 0.0, 0.4, 0.2], [0.1, 0.2, 0.4, 0.3]]])
    np.testing.assert_allclose(majority(torn)[0], [0.25, 0, 0.75, 0], atol=1e-6)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(5))
class TestEveryRule:
    weights = np.array([0.1, 0.4, 0.2, 0.0, 0.3])

    def test_rows_are_distributions(self, rule: str, seed: int) -> None:
        combined = combine(_random(seed), rule, self.weights)
        assert combined.shape == (40, 4)
        assert combined.dtype == np.float64
        assert (combined >= 0).all()
        np.testing.assert_allclose(combined.sum(axis=1), 1, rtol=1e-12)

    def test_the_order_of_members_does_not_matter(self, rule: str, seed: int) -> None:
        probabilities = _random(seed)
        order = np.random.default_rng(seed).permutation(5)
        np.testing.assert_allclose(
            combine(probabilities[:, order], rule, self.weights[order]),
            combine(probabilities, rule, self.weights),
            rtol=1e-12,
        )

    def test_classes_are_treated_alike(self, rule: str, seed: int) -> None:
        # Rounded, so that ties within members and of votes are common.
        probabilities = np.random.default_rng(seed).multinomial(4, np.full(4, 0.25), (40, 5)) / 4
        order = np.random.default_rng(seed).permutation(4)
        np.testing.assert_allclose(
            combine(probabilities[..., order], rule, self.weights),
            combine(probabilities, rule, self.weights)[:, order],
            rtol=1e-12,
            atol=1e-15,
        )

    def test_unanimous_members_get_their_way(self, rule: str, seed: int) -> None:
        labels = np.random.default_rng(seed).integers(4, size=40)
        one_hot = np.repeat(np.eye(4)[labels][:, None], 5, axis=1)
        np.testing.assert_array_equal(combine(one_hot, rule, self.weights), np.eye(4)[labels])

    def test_samples_do_not_affect_each_other(self, rule: str, seed: int) -> None:
        probabilities = _random(seed)
        np.testing.assert_allclose(
            combine(probabilities[3:7], rule, self.weights),
            combine(probabilities, rule, self.weights)[3:7],
            rtol=1e-12,
        )

    def test_single_precision_gives_the_same_as_double(self, rule: str, seed: int) -> None:
        probabilities = _random(seed)
        np.testing.assert_allclose(
            combine(probabilities.astype(np.float32), rule, self.weights),
            combine(probabilities, rule, self.weights),
            rtol=1e-5,
        )

    def test_input_is_left_alone(self, rule: str, seed: int) -> None:
        probabilities = _random(seed)
        probabilities.flags.writeable = False
        combine(probabilities, rule, self.weights)


@pytest.mark.parametrize("rule", RULES)
def test_a_single_member_decides_alone(rule: str) -> None:
    probabilities = _random(0, n_members=1)
    combined = combine(probabilities, rule, [3.0])
    np.testing.assert_array_equal(combined.argmax(axis=1), probabilities[:, 0].argmax(axis=1))


@pytest.mark.parametrize("rule", RULES)
def test_no_samples_give_no_rows(rule: str) -> None:
    assert combine(np.empty((0, 2, 3)), rule, [1, 1]).shape == (0, 3)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([np.nan, 0.5], "Member 1 gives probabilities that are not finite for 1 of 2 samples"),
        ([np.inf, 0.5], "not finite"),
        ([-0.5, 1.5], r"negative.*sample 1: \[-0.5, 1.5\]"),
        ([0.5, 0.4], "not summing to 1"),
        ([5.0, -3.0], "negative"),
    ],
)
def test_what_is_no_distribution_is_refused_by_name(rule: str, row: Any, message: str) -> None:
    probabilities = np.full((2, 3, 2), 0.5)
    probabilities[1, 1] = row
    with pytest.raises(ValueError, match=message):
        combine(probabilities, rule, [1, 1, 1])


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 0, 3), (4, 2, 0), (1, 2, 3, 4)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="n_samples, n_members, n_classes"):
        check_probabilities(np.ones(shape))


def test_rows_that_nearly_sum_to_one_are_taken_and_put_right() -> None:
    probabilities = _random(1) * 1.0005
    np.testing.assert_allclose(average(probabilities).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -0.5, -2], r"not negative \(member 1: -0.5, member 2: -2\)"),
        ([1, np.nan, 1], "member 1: nan"),
        ([1, 1, np.inf], "member 2: inf"),
        ([0, 0, 0], "All 3 weights are zero"),
        ([1, 1], "3 in all"),
        ([[1, 1, 1]], "3 in all"),
    ],
)
def test_weights_that_are_none_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        weighted(TWO, weights)


def test_weights_are_scaled_to_one() -> None:
    np.testing.assert_array_equal(check_weights([1, 0, 3], 3), [0.25, 0, 0.75])


def test_an_unknown_rule_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no rule 'mode'.*average, weighted, majority"):
        combine(TWO, "mode")


def test_the_weighted_rule_says_that_it_needs_weights() -> None:
    with pytest.raises(ValueError, match="needs weights"):
        combine(TWO, "weighted")
