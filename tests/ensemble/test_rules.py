"""The rules against hand-computed cases, and what must hold for any probabilities."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import gmean, rankdata

from fer_ensemble.ensemble import RULES, WEIGHTED_RULES, combine, rules
from fer_ensemble.ensemble.rules import combine_by

# Two samples, three members, two classes.
TWO = np.array([[[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]], [[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]]])


def _random(seed: int, n_samples: int = 40, n_members: int = 5, n_classes: int = 4) -> Any:
    return np.random.default_rng(seed).dirichlet(np.ones(n_classes), (n_samples, n_members))


def test_average_is_the_mean_over_members() -> None:
    np.testing.assert_allclose(
        combine(TWO, "average"), [[1.6 / 3, 1.4 / 3], [1.7 / 3, 1.3 / 3]], rtol=1e-15
    )


def test_weighted_follows_the_weights_whatever_their_scale() -> None:
    expected = [[0.9 * 0.5 + 0.4 * 0.25 + 0.3 * 0.25, 0.375], [0.475, 0.525]]
    expected[0][1] = 1 - expected[0][0]
    np.testing.assert_allclose(combine(TWO, "weighted", [2, 1, 1]), expected, rtol=1e-15)
    np.testing.assert_allclose(
        combine(TWO, "weighted", [2e300, 1e300, 1e300]), expected, rtol=1e-15
    )


def test_majority_is_the_share_of_the_votes() -> None:
    # First sample: one vote against two. Second: the undecided member splits its vote evenly, and
    # the mean, 1.7 / 3, puts the first class ahead.
    expected = [[1 / 3, 2 / 3], [0.5, 0.5]]
    np.testing.assert_allclose(combine(TWO, "majority"), expected, rtol=1e-8)
    np.testing.assert_allclose(combine(TWO, "majority")[0], expected[0], rtol=1e-15)
    assert combine(TWO, "majority").argmax(axis=1).tolist() == [1, 0]


def test_weighted_majority_is_the_share_of_the_weighted_votes() -> None:
    expected = [[2 / 3.5, 1.5 / 3.5], [1.0 / 3.5, 2.5 / 3.5]]
    np.testing.assert_allclose(combine(TWO, "weighted_majority", [2, 1, 0.5]), expected, rtol=1e-15)
    np.testing.assert_allclose(combine(TWO, "weighted_majority", [4, 2, 1]), expected, rtol=1e-15)


def test_one_weight_can_outvote_all_others() -> None:
    assert combine(TWO, "weighted_majority", [3, 1, 1])[0].argmax() == 0
    assert combine(TWO, "weighted_majority", [1, 1, 1])[0].argmax() == 1


def test_geometric_is_the_normalised_root_of_the_product() -> None:
    roots = np.array([0.9 * 0.4 * 0.3, 0.1 * 0.6 * 0.7]) ** (1 / 3)
    np.testing.assert_allclose(combine(TWO, "geometric")[0], roots / roots.sum(), rtol=1e-14)


def test_geometric_counts_a_probability_of_zero_as_the_floor() -> None:
    # Second sample: the last member rules the second class out.
    roots = np.array([0.2 * 0.5 * 1.0, 0.8 * 0.5 * 1e-15]) ** (1 / 3)
    np.testing.assert_allclose(combine(TWO, "geometric")[1], roots / roots.sum(), rtol=1e-14)
    opposed = combine([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], "geometric")
    np.testing.assert_allclose(opposed, [[0.5, 0.5, 0]], atol=1e-7)


def test_median_is_the_middle_probability() -> None:
    np.testing.assert_allclose(combine(TWO, "median"), [[0.4, 0.6], [0.5, 0.5]], rtol=1e-8)
    even = [[[0.8, 0.1, 0.1], [0.1, 0.6, 0.3]]]
    np.testing.assert_allclose(combine(even, "median"), [[0.45, 0.35, 0.2]], rtol=1e-15)


def test_medians_that_are_all_zero_leave_the_classes_tied() -> None:
    opposed = np.eye(4)[[[0, 1, 2]]]
    np.testing.assert_array_equal(combine(opposed, "median", ties="abstain"), [[0.25] * 4])
    assert combine(np.concatenate([opposed, [[[0, 0, 0.6, 0.4]]]], axis=1), "median").argmax() == 2


def test_max_is_the_highest_probability() -> None:
    expected = [[0.9 / 1.6, 0.7 / 1.6], [1 / 1.8, 0.8 / 1.8]]
    np.testing.assert_allclose(combine(TWO, "max"), expected, rtol=1e-15)


def test_borda_is_the_share_of_the_points_and_equal_classes_share_theirs() -> None:
    # Points, best to worst: 2, 1, 0; then 0.5, 2, 0.5; then 1, 1, 1.
    probabilities = [[[0.5, 0.3, 0.2], [0.25, 0.5, 0.25], [1 / 3, 1 / 3, 1 / 3]]]
    np.testing.assert_allclose(
        combine(probabilities, "borda"), [[3.5 / 9, 4 / 9, 1.5 / 9]], rtol=1e-15
    )


def test_a_single_class_is_certain_under_every_rule() -> None:
    for rule in RULES:
        np.testing.assert_array_equal(combine(np.ones((2, 3, 1)), rule, [1, 1, 1]), [[1], [1]])


@pytest.mark.parametrize("seed", range(3))
def test_every_rule_agrees_with_a_loop_over_the_samples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.multinomial(6, np.full(4, 0.25), (40, 5)) / 6
    weights = [0.1, 0.4, 0.2, 0.0, 0.3]

    def vote(member: Any) -> Any:
        return (member == member.max()) / (member == member.max()).sum()

    loops = {
        "average": lambda sample: np.mean(sample, axis=0),
        "weighted": lambda sample: np.average(sample, axis=0, weights=weights),
        "majority": lambda sample: np.mean([vote(member) for member in sample], axis=0),
        "weighted_majority": lambda sample: np.average(
            [vote(member) for member in sample], axis=0, weights=weights
        ),
        "geometric": lambda sample: gmean(np.maximum(sample, 1e-15), axis=0),
        "median": lambda sample: np.median(sample, axis=0) + np.finfo(float).tiny,
        "max": lambda sample: np.max(sample, axis=0),
        "borda": lambda sample: sum(rankdata(member) - 1 for member in sample),
    }
    assert loops.keys() == RULES.keys()
    for rule, loop in loops.items():
        expected = np.array([loop(sample) / np.sum(loop(sample)) for sample in probabilities])
        combined = combine(probabilities, rule, weights, ties="abstain")
        np.testing.assert_allclose(combined, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_many_samples_are_combined_as_few(rule: str) -> None:
    # Half a million numbers: several blocks, the last one smaller.
    few, weights = _random(0), [0.1, 0.4, 0.2, 0.0, 0.3]
    rows = np.random.default_rng(1).integers(len(few), size=25_001)
    np.testing.assert_allclose(
        combine(few[rows], rule, weights), combine(few, rule, weights)[rows], rtol=1e-12
    )


def test_majority_outvotes_a_higher_mean_probability() -> None:
    sure = np.array([[[1.0, 0.0], [0.49, 0.51], [0.49, 0.51]]])
    assert combine(sure, "average").argmax() == 0
    assert combine(sure, "majority").argmax() == 1


@pytest.mark.parametrize("winner", [0, 1, 2])
def test_a_tie_of_votes_goes_to_the_higher_mean_probability_never_to_the_lowest_index(
    winner: int,
) -> None:
    votes = np.array([[[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.2, 0.3, 0.5]]])
    votes[0, winner] = np.where(np.arange(3) == winner, 0.8, 0.1)
    assert combine(votes, "majority").argmax() == winner


def test_a_member_that_knows_nothing_leaves_the_vote_to_the_others() -> None:
    decided = np.array([[[0.1, 0.2, 0.7]]])
    uniform = np.full((1, 4, 3), 1 / 3)
    assert combine(np.concatenate([uniform, decided], axis=1), "majority").argmax() == 2


def test_splitting_a_vote_does_not_favour_the_lowest_index() -> None:
    torn = np.array([[[0.4, 0.0, 0.4, 0.2], [0.1, 0.2, 0.4, 0.3]]])
    np.testing.assert_allclose(combine(torn, "majority")[0], [0.25, 0, 0.75, 0], atol=1e-6)


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
        # Rounded, so that ties within members and of scores are common; they are left as they are.
        probabilities = np.random.default_rng(seed).multinomial(4, np.full(4, 0.25), (40, 5)) / 4
        order = np.random.default_rng(seed).permutation(4)
        np.testing.assert_allclose(
            combine(probabilities[..., order], rule, self.weights, ties="abstain"),
            combine(probabilities, rule, self.weights, ties="abstain")[:, order],
            rtol=1e-12,
            atol=1e-15,
        )

    def test_unanimous_members_get_their_way(self, rule: str, seed: int) -> None:
        labels = np.random.default_rng(seed).integers(4, size=40)
        one_hot = np.repeat(np.eye(4)[labels][:, None], 5, axis=1)
        combined = combine(one_hot, rule, self.weights)
        # Ranks say nothing about how sure a member is: first gets 3 points, the others 1 each.
        expected = (2 * np.eye(4) + 1) / 6 if rule == "borda" else np.eye(4)
        np.testing.assert_allclose(combined, expected[labels], rtol=1e-14, atol=2e-15)

    def test_identical_members_are_as_one(self, rule: str, seed: int) -> None:
        probabilities = _random(seed, n_members=1)
        np.testing.assert_allclose(
            combine(probabilities.repeat(5, axis=1), rule, self.weights),
            combine(probabilities, rule, [1]),
            rtol=1e-12,
        )

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


def test_rows_that_nearly_sum_to_one_are_taken_and_put_right() -> None:
    probabilities = _random(1) * 1.0005
    np.testing.assert_allclose(combine(probabilities, "average").sum(axis=1), 1, rtol=1e-12)


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
@pytest.mark.parametrize("rule", sorted(WEIGHTED_RULES))
def test_negative_or_all_zero_weights_are_an_error(rule: str, weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        combine(TWO, rule, weights)


def test_an_unknown_rule_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no rule 'mode'.*average, weighted, majority, .*borda"):
        combine(TWO, "mode")


@pytest.mark.parametrize("rule", sorted(WEIGHTED_RULES))
def test_a_weighted_rule_says_that_it_needs_weights(rule: str) -> None:
    with pytest.raises(ValueError, match=f"'{rule}' needs weights"):
        combine(TWO, rule)


@pytest.mark.parametrize("rule", sorted(RULES.keys() - WEIGHTED_RULES))
def test_other_rules_pay_no_heed_to_weights(rule: str) -> None:
    np.testing.assert_array_equal(combine(TWO, rule, [3, 1, 2]), combine(TWO, rule))


def test_every_rule_can_be_listed_with_what_it_does_and_where_it_comes_from() -> None:
    for name, rule in RULES.items():
        assert rule.name == name
        assert rule.summary.endswith(".")
        assert "\n" not in rule.summary
        assert rule.source.split()[0] in rules.__doc__, "the reference is missing"
        assert (name in WEIGHTED_RULES) == rule.takes_weights


@pytest.mark.parametrize("rule", ["average", "weighted", "majority"])
def test_a_name_stands_for_its_rule(rule: str) -> None:
    np.testing.assert_array_equal(combine_by(TWO, rule, [3, 1, 2]), combine(TWO, rule, [3, 1, 2]))


def test_a_function_receives_weights_only_if_they_are_given() -> None:
    def first_member(probabilities: Any, *given: Any) -> Any:
        received.append(given)
        return probabilities[:, 0]

    received: list[Any] = []
    np.testing.assert_array_equal(combine_by(TWO, first_member), TWO[:, 0])
    np.testing.assert_array_equal(combine_by(TWO, first_member, [3, 1, 2]), TWO[:, 0])
    assert received == [(), ([3, 1, 2],)]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("mode", "no rule 'mode'"),
        ("weighted", "needs weights"),
        (lambda p: p[:, 0, :1], r"\(2, 2\); it returned the shape \(2, 1\)"),
        (lambda p: p[:, 0] * np.nan, "must return distributions"),
        (lambda p: p.sum(axis=1), "must return distributions"),
    ],
)
def test_rules_that_do_not_combine_are_refused(rule: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        combine_by(TWO, rule)
