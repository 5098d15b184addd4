"""Classes are brought to the wanted number of samples, each sample as often as any other."""

import numpy as np
import pytest

from fer_ensemble.datasets import balance_rows

LABELS = np.array(["calm"] * 3 + ["glad"] * 7 + ["sad"] * 20)[
    np.random.default_rng(0).permutation(30)
]
COUNTS = {"calm": 3, "glad": 7, "sad": 20}


def times_taken(balanced, label):
    """How often each sample of a class is taken."""
    return np.bincount(balanced.rows, minlength=len(LABELS))[label == LABELS]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (10, (10, 10, 10)),
        ("max", (20, 20, 20)),
        ("min", (3, 3, 3)),
        ("mean", (10, 10, 10)),
        ({"calm": 8, "sad": 5}, (8, 7, 5)),
        ({}, (3, 7, 20)),
    ],
)
def test_every_class_gets_its_number(target, expected):
    balanced = balance_rows(LABELS, target, random_state=0)
    after = dict(zip(COUNTS, expected, strict=True))
    assert balanced.before == COUNTS
    assert balanced.after == after
    names, counts = np.unique(LABELS[balanced.rows], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == after


def test_samples_are_repeated_equally_and_left_out_singly():
    balanced = balance_rows(LABELS, 10, random_state=0)
    assert sorted(times_taken(balanced, "calm")) == [3, 3, 4]
    assert sorted(times_taken(balanced, "glad")) == [1] * 4 + [2] * 3
    assert sorted(times_taken(balanced, "sad")) == [0] * 10 + [1] * 10


def test_repetitions_come_last_and_are_marked():
    balanced = balance_rows(LABELS, 10, random_state=0)
    first = balanced.rows[~balanced.repeated]
    np.testing.assert_array_equal(first, np.unique(first))
    assert np.isin(balanced.rows[balanced.repeated], first).all()
    assert balanced.repeated.sum() == 7 + 3
    assert not balanced.repeated[: len(first)].any()
    assert not balance_rows(LABELS, "min").repeated.any()


def test_the_seed_decides_which():
    rows = [balance_rows(LABELS, 10, random_state=seed).rows.tolist() for seed in (0, 0, 1)]
    assert rows[0] == rows[1]
    assert rows[0] != rows[2]


def test_integer_labels_are_named_as_they_are():
    balanced = balance_rows([0, 0, 2, 2, 2], {np.int64(2): 1}, random_state=0)
    assert balanced.after == {0: 2, 2: 1}
    assert balanced.rows[:2].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("median", r"to 'median': give a number, .* one of \['max', 'mean', 'min'\]"),
        ({"angry": 3}, r"labels \['angry'\]: there are \['calm', 'glad', 'sad'\]"),
        (0, "to 0: every class keeps at least one sample"),
        ({"sad": 0}, "every class keeps at least one sample"),
    ],
)
def test_errors_name_the_target_and_the_remedy(target, message):
    with pytest.raises(ValueError, match=message):
        balance_rows(LABELS, target)
