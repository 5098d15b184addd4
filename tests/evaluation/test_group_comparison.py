"""Groups are compared at the same class mix, and for many comparisons at once."""

import json

import numpy as np
import pytest
from scipy.stats import fisher_exact

from fer_ensemble.evaluation import (
    compare_groups,
    difference_interval,
    evaluate_groups,
    holm,
    wilson_interval,
)


def samples(*cells):
    """Samples of two classes from (group, class, n, n right)."""
    truth, predicted, groups = [], [], []
    for group, label, n, right in cells:
        truth += [label] * n
        predicted += [label] * right + [1 - label] * (n - right)
        groups += [group] * n
    return truth, predicted, groups


def compare(*cells, **options):
    truth, predicted, groups = samples(*cells)
    found = compare_groups(truth, predicted, groupings={"g": groups}, classes=[0, 1], **options)
    return found["g"]


# Class 0 is easy and class 1 hard, in both groups alike; dark has more of the hard one.
MIXED = [("bright", 0, 80, 72), ("bright", 1, 20, 10), ("dark", 0, 20, 18), ("dark", 1, 80, 40)]


def test_another_mix_of_classes_is_no_gap_once_it_is_standardised():
    found = compare(*MIXED)
    assert [part.scores.accuracy for part in found.groups] == [0.82, 0.58]
    # Half of all samples are of each class: (0.9 + 0.5) / 2 in both groups.
    assert [part.value for part in found.standardised] == pytest.approx([0.7, 0.7])
    assert (found.gap.best, found.gap.worst) == ("bright", "dark")
    assert found.gap.difference == pytest.approx(0.24)
    assert found.gap.p_value < 0.001
    assert found.standardised_gap.difference == pytest.approx(0, abs=1e-12)
    assert found.standardised_gap.p_value == 1
    assert found.left_out == ()


def test_a_gap_that_the_mix_hides_is_found():
    cells = [("a", 0, 90, 72), ("a", 1, 10, 5), ("b", 0, 10, 10), ("b", 1, 90, 67)]
    found = compare(*cells)
    assert [part.scores.accuracy for part in found.groups] == [0.77, 0.77]
    assert found.standardised_gap.difference == pytest.approx((1 + 67 / 90 - 0.8 - 0.5) / 2)
    assert found.gap.p_value == 1
    assert found.standardised_gap.p_value < 0.05


def test_intervals_add_in_squares_how_far_those_of_the_classes_reach():
    found = compare(*MIXED).standardised[0]
    easy, hard = wilson_interval(72, 80), wilson_interval(10, 20)
    assert found.interval[0] == pytest.approx(0.7 - np.hypot(0.9 - easy[0], 0.5 - hard[0]) / 2)
    assert found.interval[1] == pytest.approx(0.7 + np.hypot(easy[1] - 0.9, hard[1] - 0.5) / 2)
    gap = compare(*MIXED).gap
    assert gap.interval == pytest.approx(difference_interval(82, 100, 58, 100))


def test_two_groups_of_one_size_are_tested_as_by_fisher():
    found = compare(("a", 0, 40, 34), ("b", 0, 40, 26), n_permutations=40_000)
    exact = fisher_exact([[34, 6], [26, 14]]).pvalue
    assert found.gap.p_value == pytest.approx(exact, abs=0.005)
    assert found.standardised_gap.p_value == pytest.approx(exact, abs=0.005)


def test_the_counts_drawn_are_those_of_groups_dealt_out_within_classes():
    truth, predicted, groups = (np.array(x) for x in samples(*MIXED[:3], ("dark", 1, 80, 30)))
    found = compare_groups(truth, predicted, groupings={"g": groups}, classes=[0, 1])["g"]
    rng, right = np.random.default_rng(1), truth == predicted
    gaps = []
    for _ in range(1500):
        dealt = groups.copy()
        for label in (0, 1):
            dealt[truth == label] = rng.permutation(dealt[truth == label])
        shares = [
            np.mean([right[(dealt == g) & (truth == label)].mean() for label in (0, 1)])
            for g in ("bright", "dark")
        ]
        gaps.append(abs(shares[0] - shares[1]))
    by_hand = np.mean(np.array(gaps) >= found.standardised_gap.difference - 1e-12)
    assert 0.1 < by_hand < 0.9
    assert found.standardised_gap.p_value == pytest.approx(by_hand, abs=0.045)


def test_small_groups_and_missing_ones_are_shown_and_not_compared():
    cells = [*MIXED, ("few", 0, 29, 0), ("", 0, 50, 0)]
    found = compare(*cells)
    assert [(part.group, part.small) for part in found.groups] == [
        ("bright", False),
        ("dark", False),
        ("few", True),
        ("(missing)", False),
    ]
    assert [part is None for part in found.standardised] == [False, False, True, True]
    assert found.gap.worst == "dark"
    assert compare(*cells, small=20).gap.worst == "few"
    alone = compare(*MIXED[:2])
    assert (alone.gap, alone.standardised_gap) == (None, None)


def test_a_class_that_a_group_lacks_is_left_out_of_all_and_named():
    found = compare(("a", 0, 50, 40), ("b", 0, 50, 30), ("b", 1, 50, 50), class_names=["x", "y"])
    assert found.left_out == ("y",)
    assert [part.value for part in found.standardised] == [0.8, 0.6]
    # Without a class in common there is nothing to compare at one mix.
    found = compare(("a", 0, 50, 40), ("b", 1, 50, 50))
    assert found.standardised == (None, None)
    assert found.gap is None


def test_groups_come_in_the_order_asked_for():
    truth, predicted, groups = samples(*MIXED, ("new", 0, 1, 1))
    options = {"groups": groups, "classes": [0, 1], "order": ["dark", "none", "bright"]}
    found = evaluate_groups(truth, predicted, **options)
    assert [part.group for part in found] == ["dark", "bright", "new"]


def test_holm_steps_down_and_never_below_the_one_before():
    # By hand: 0.01·4, 0.02·3, 0.03·2 raised to 0.06, 0.5·1.
    assert holm([0.03, 0.5, 0.01, 0.02]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.4, 0.6]).tolist() == [0.8, 0.8]
    assert holm([]).tolist() == []


def test_every_condition_counts_among_the_comparisons():
    truth, predicted, groups = samples(*MIXED)
    others = {f"chance {i}": np.random.default_rng(i).permutation(groups) for i in range(4)}
    found = compare_groups(truth, predicted, groupings={"g": groups} | others, classes=[0, 1])
    for kind in ("gap", "standardised_gap"):
        gaps = [getattr(one, kind) for one in found.values()]
        expected = holm([gap.p_value for gap in gaps])
        assert [gap.adjusted_p for gap in gaps] == pytest.approx(expected.tolist())
    assert found["g"].gap.adjusted_p == pytest.approx(5 * found["g"].gap.p_value)


def test_the_dict_is_ready_for_json():
    read = json.loads(json.dumps(compare(*MIXED, ("few", 0, 2, 2)).to_dict(), allow_nan=False))
    assert read["groups"][0]["standardised"]["value"] == pytest.approx(0.7, abs=0.01)
    assert read["groups"][2]["standardised"] is None
