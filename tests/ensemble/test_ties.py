"""Ties are decided by a stated rule, whichever rule the scores come from."""

from typing import Any

import numpy as np
import pytest

from fer_ensemble.ensemble import RULES, TIES, choose_classes, combine, ties_for_scoring
from fer_ensemble.ensemble.ties import LEAD, choose_labels, settle_ties

# One vote for each of three classes.
SPLIT = np.array([[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.25, 0.3, 0.45]])
LEVEL = np.full((1, 3), 1 / 3)


def _choose(probabilities: Any, ties: str, **keywords: Any) -> Any:
    probabilities = np.asarray(probabilities)
    scores = np.full((len(probabilities), probabilities.shape[2]), 1 / probabilities.shape[2])
    return choose_classes(scores, probabilities, ties, **keywords).tolist()


def _permuted(probabilities: Any, order: Any) -> Any:
    return np.asarray(probabilities)[..., order]


@pytest.mark.parametrize("ties", TIES)
def test_without_a_tie_the_highest_score_wins(ties: str) -> None:
    scores = np.random.default_rng(0).dirichlet(np.ones(5), 50)
    probabilities = np.random.default_rng(1).dirichlet(np.ones(5), (50, 3))
    chosen = choose_classes(scores, probabilities, ties, random_state=0)
    np.testing.assert_array_equal(chosen, scores.argmax(axis=1))


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_a_tie_goes_to_the_higher_mean_probability_never_to_the_lowest_index(order: Any) -> None:
    # Means: 0.35, 0.367, 0.283.
    assert _choose([_permuted(SPLIT, order)], "mean_probability") == [order.index(1)]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_a_tie_in_the_mean_as_well_goes_by_priority_never_to_the_lowest_index(order: Any) -> None:
    opposed = _permuted([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]], order)
    assert _choose([opposed], "mean_probability") == [order.index(2)]
    assert _choose([opposed], "mean_probability", priority=[1, 0]) == [order.index(1)]


def test_only_the_classes_that_are_tied_are_chosen_from() -> None:
    scores = [[0.4, 0.2, 0.4]]
    probabilities = [[[0.1, 0.8, 0.1], [0.1, 0.7, 0.2]]]
    for ties in ("mean_probability", "priority"):
        assert choose_classes(scores, probabilities, ties).tolist() == [2]
    drawn = choose_classes(scores * 100, probabilities * 100, "random", random_state=0)
    assert set(drawn.tolist()) == {0, 2}


def test_priority_asks_the_first_member_and_the_next_where_it_is_undecided() -> None:
    undecided = [0.4, 0.4, 0.2]
    assert _choose([SPLIT], "priority") == [0]
    assert _choose([SPLIT], "priority", priority=[2, 0, 1]) == [2]
    assert _choose([[undecided, *SPLIT[1:]]], "priority") == [1]
    assert _choose([SPLIT[::-1]], "priority", priority=[1]) == [1]


def test_priority_follows_the_weights_unless_it_is_given() -> None:
    assert _choose([SPLIT], "priority", weights=[1, 2, 3]) == [2]
    assert _choose([SPLIT], "priority", weights=[2, 2, 1]) == [0]
    assert _choose([SPLIT], "priority", weights=[1, 2, 3], priority=[0, 1, 2]) == [0]


def test_a_member_of_weight_zero_has_no_say_in_a_tie() -> None:
    level = [0.5, 0.5, 0.0]
    for ties in ("mean_probability", "priority"):
        chosen = {
            *_choose([[level, [1.0, 0.0, 0.0]]], ties, weights=[1, 0]),
            *_choose([[level, [0.0, 1.0, 0.0]]], ties, weights=[1, 0]),
        }
        assert len(chosen) == 1


def test_the_mean_is_weighted_as_the_scores_were() -> None:
    assert _choose([SPLIT], "mean_probability", weights=[1, 1, 8]) == [2]


def test_random_takes_every_tied_class_equally_often_and_the_seed_decides() -> None:
    many = np.repeat(SPLIT[None], 3000, axis=0)
    chosen = _choose(many, "random", random_state=0)
    counts = np.bincount(chosen, minlength=3)
    assert counts.min() > 900
    assert chosen == _choose(many, "random", random_state=0)
    assert chosen != _choose(many, "random", random_state=1)


def test_a_random_choice_depends_on_no_other_row() -> None:
    many = np.repeat(SPLIT[None], 20, axis=0)
    some = np.full((20, 3), 1 / 3)
    some[::2] = [0.1, 0.1, 0.8]
    everywhere = _choose(many, "random", random_state=3)
    somewhere = choose_classes(some, many, "random", random_state=3).tolist()
    assert somewhere[1::2] == everywhere[1::2]
    assert _choose(many[:5], "random", random_state=3) == everywhere[:5]


def test_abstaining_marks_ties_and_nothing_else() -> None:
    scores = [[0.4, 0.4, 0.2], [0.3, 0.3, 0.4]]
    assert choose_classes(scores, [SPLIT, SPLIT], "abstain").tolist() == [-1, 2]


def test_scores_that_differ_by_rounding_only_are_tied() -> None:
    scores = np.array([[0.1 + 0.2, 0.3, 0.4 - 1e-16], [0.3, 0.3, 0.3 + 1e-6]])
    scores[0, 2] = 0.3
    assert choose_classes(scores, [SPLIT, SPLIT], "abstain").tolist() == [-1, 2]


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_classes_that_no_member_tells_apart_do_not_go_to_the_lowest_index(n_classes: int) -> None:
    # Nothing speaks for any of them: the choice is the same in every row, whatever its company.
    rows = np.full((4, 3, n_classes), 1 / n_classes)
    chosen = _choose(rows, "mean_probability")
    assert len(set(chosen)) == 1
    assert chosen[0] != 0


@pytest.mark.parametrize("rule", RULES)
class TestUnderEveryRule:
    weights = np.array([1.0, 1.0])
    opposed = np.eye(4)[[[2, 1], [3, 1], [1, 3]]]

    def test_the_class_chosen_has_the_highest_score(self, rule: str) -> None:
        combined = combine(self.opposed, rule, self.weights)
        assert combined.argmax(axis=1).tolist() == [2, 3, 1]
        np.testing.assert_allclose(combined.sum(axis=1), 1, rtol=1e-15)
        raw = combine(self.opposed, rule, self.weights, ties="abstain")
        np.testing.assert_allclose(combined, raw, atol=1.01 * LEAD)

    def test_priority_is_passed_on(self, rule: str) -> None:
        for ties in ("mean_probability", "priority"):
            combined = combine(self.opposed, rule, self.weights, ties=ties, priority=[1, 0])
            assert combined.argmax(axis=1).tolist() == [1, 1, 3]

    def test_the_seed_is_passed_on(self, rule: str) -> None:
        many = np.tile(self.opposed, (20, 1, 1))
        first, again, other = (
            combine(many, rule, self.weights, ties="random", random_state=seed)
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first, again)
        assert (first.argmax(axis=1) != other.argmax(axis=1)).any()

    def test_what_is_left_tied_can_be_recognised(self, rule: str) -> None:
        raw = combine(self.opposed, rule, self.weights, ties="abstain")
        assert choose_classes(raw, self.opposed, "abstain").tolist() == [-1, -1, -1]
        settled = combine(self.opposed, rule, self.weights)
        assert choose_classes(settled, self.opposed, "abstain").tolist() == [2, 3, 1]

    @pytest.mark.parametrize("seed", range(3))
    def test_members_that_are_certain_leave_no_ties(self, rule: str, seed: int) -> None:
        votes = np.random.default_rng(seed).integers(5, size=(200, 4))
        combined = combine(np.eye(5)[votes], rule, [1, 1, 2, 2])
        lead = np.diff(np.sort(combined, axis=1)[:, -2:], axis=1)
        assert (lead > LEAD / 2).all()


def test_settled_rows_are_changed_only_where_there_was_a_tie() -> None:
    scores = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5], [0.4, 0.2, 0.4]])
    settled = settle_ties(scores.copy(), np.array([1, 2, -1]))
    np.testing.assert_array_equal(settled[1:], scores[1:])
    assert settled[0].argmax() == 1


def test_no_rows_give_no_choices() -> None:
    for ties in TIES:
        assert choose_classes(np.empty((0, 3)), np.empty((0, 2, 3)), ties).shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ties": "lowest"}, "'lowest'; choose one of mean_probability, priority"),
        ({"scores": [[0.5, 0.5]]}, r"not \(1, 2\) to \(1, 3, 3\)"),
        ({"scores": [[0.5, np.nan, 0.5]]}, "1 of 1 rows of scores are not finite.* row 0"),
        ({"priority": [0, 0]}, r"each once, from 0 to 2; it is \[0, 0\]"),
        ({"priority": [3]}, "positions of members"),
        ({"priority": 1}, "positions of members"),
        ({"priority": [0.5]}, "positions of members"),
        ({"weights": [1, 1]}, "3 in all"),
        ({"weights": [0, 0, 0]}, "All 3 weights are zero"),
        ({"weights": [1, -1, 0]}, "not negative"),
    ],
)
def test_errors_say_what_is_wrong(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"scores": LEVEL, "probabilities": [SPLIT]} | change
    with pytest.raises(ValueError, match=message):
        choose_classes(**arguments)


def test_an_unknown_way_to_decide_is_refused_by_rules_and_scoring_too() -> None:
    with pytest.raises(ValueError, match="'first'"):
        combine([SPLIT], "majority", ties="first")
    with pytest.raises(ValueError, match="'first'"):
        ties_for_scoring("first")


@pytest.mark.parametrize("ties", TIES)
def test_scoring_leaves_no_tie_open_and_changes_no_other_way(ties: str) -> None:
    decided = ties_for_scoring(ties)
    assert decided == ("mean_probability" if ties == "abstain" else ties)
    combined = combine(np.eye(3)[[[0, 1]]], "majority", ties=decided, random_state=0)
    assert (choose_classes(combined, np.eye(3)[[[0, 1]]], "abstain") >= 0).all()


# --- labels, or none ----------------------------------------------------------------------

SURE, UNSURE, TORN = [0.8, 0.1, 0.1], [0.3, 0.5, 0.2], [0.4, 0.2, 0.4]
PROBABILITIES = np.array([SURE, UNSURE, TORN])
WORDS = np.array(["angry", "happy", "sad"])


def _label(classes: Any = WORDS, **changes: Any) -> Any:
    defaults = {"min_confidence": 0.0, "abstain_on_ties": False, "abstain_label": None}
    return choose_labels(PROBABILITIES, np.asarray(classes), **{**defaults, **changes})


def test_without_a_wish_to_abstain_every_sample_gets_a_label() -> None:
    labels = _label()
    assert labels.tolist() == ["angry", "happy", "angry"]
    assert labels.dtype == WORDS.dtype


def test_below_the_confidence_there_is_no_label() -> None:
    assert _label(min_confidence=0.5).tolist() == ["angry", "happy", "abstain"]
    assert _label(min_confidence=0.51).tolist() == ["angry", "abstain", "abstain"]
    assert _label(min_confidence=1.0).tolist() == ["abstain"] * 3


def test_only_ties_can_be_left_open() -> None:
    assert _label(abstain_on_ties=True).tolist() == ["angry", "happy", "abstain"]


@pytest.mark.parametrize(
    ("classes", "label", "expected"),
    [
        (["a", "b", "c"], None, ["a", "b", "abstain"]),
        (["a", "b", "c"], "nobody knows", ["a", "b", "nobody knows"]),
        (np.array(["a", "b", "c"], dtype=object), None, ["a", "b", "abstain"]),
        ([0, 1, 2], None, [0, 1, -1]),
        (np.array([0, 1, 2], dtype=np.uint8), None, [0, 1, -1]),
        ([0.5, 1.5, 2.5], None, [0.5, 1.5, -1]),
        ([0, 1, 2], 99, [0, 1, 99]),
        ([0, 1, 2], "unsure", [0, 1, "unsure"]),
        (["a", "b", "c"], -1, ["a", "b", -1]),
    ],
)
def test_labels_keep_their_type_beside_the_label_of_abstention(
    classes: Any, label: Any, expected: Any
) -> None:
    labels = _label(classes, abstain_on_ties=True, abstain_label=label)
    assert labels.tolist() == expected
    assert [type(value) for value in labels.tolist()[:2]] == [type(v) for v in expected[:2]]


@pytest.mark.parametrize(("classes", "label"), [(WORDS, "sad"), ([0, 1, 2], 2), ([-1, 0, 1], None)])
def test_a_class_cannot_stand_for_abstention(classes: Any, label: Any) -> None:
    with pytest.raises(ValueError, match="is one of the classes: choose another label"):
        _label(classes, abstain_on_ties=True, abstain_label=label)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, np.nan])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="min_confidence must lie between 0 and 1"):
        _label(min_confidence=confidence)
