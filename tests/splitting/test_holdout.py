"""Hold-outs and folds: classes in proportion, copies and groups never parted."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fer_ensemble.splitting import assign_folds, distinct_holdout_split, holdout_split


def _faces(n_samples: int = 60, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(256, size=(n_samples, 4, 4), dtype=np.uint8), np.arange(n_samples) % 3


def _folds(X: Any, y: Any, **parameters: Any) -> Any:
    return assign_folds(X, y, **{"random_state": 0} | parameters)


def _frame(columns: Any) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


def _sides(X: Any, y: Any, **parameters: Any) -> tuple[Any, Any]:
    return distinct_holdout_split(X, y, **{"test_size": 0.2, "random_state": 0} | parameters)


@pytest.mark.parametrize("seed", range(20))
def test_holdout_keeps_groups_together_and_every_class_on_both_sides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(7).repeat(3), rng.integers(0, 7, 200)])
    groups = rng.integers(0, 150, len(y)) + 150 * y
    groups[:21] = np.arange(21) + 10_000
    train, test = holdout_split(y, test_size=0.2, groups=groups, random_state=seed)
    assert sorted([*train, *test]) == list(range(len(y)))
    assert not set(groups[train]) & set(groups[test])
    assert set(y[train]) == set(y[test]) == set(range(7))
    for label in range(7):
        n_groups = len(set(groups[y == label]))
        n_test = len(set(groups[test][y[test] == label]))
        assert abs(n_test - 0.2 * n_groups) <= 1


def test_holdout_without_groups_is_in_proportion() -> None:
    y = np.array(["a"] * 100 + ["b"] * 20 + ["c"] * 2)
    train, test = holdout_split(y, test_size=0.1, random_state=0)
    assert [(y[test] == name).sum() for name in "abc"] == [10, 2, 1]
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()


def test_holdout_size_may_be_a_count() -> None:
    _, test = holdout_split(np.arange(4).repeat(25), test_size=20, random_state=0)
    assert len(test) == 20


def test_holdout_is_repeatable_and_random() -> None:
    y = np.arange(2).repeat(50)
    first = holdout_split(y, test_size=0.3, random_state=1)[1].tolist()
    assert holdout_split(y, test_size=0.3, random_state=1)[1].tolist() == first
    assert holdout_split(y, test_size=0.3, random_state=2)[1].tolist() != first


def test_groups_that_disagree_on_the_class_stay_together() -> None:
    y = [0, 1, 0, 0, 1, 1]
    groups = [0, 0, 1, 2, 3, 4]
    for seed in range(10):
        train, test = holdout_split(y, test_size=0.4, groups=groups, random_state=seed)
        assert (0 in train) == (1 in train)
        assert {y[row] for row in train} == {y[row] for row in test} == {0, 1}


def test_holdout_refuses_a_class_of_one_group() -> None:
    with pytest.raises(ValueError, match=r"class sad has 3 row\(s\).*Add rows"):
        holdout_split(
            ["sad"] * 3 + ["happy"] * 3, test_size=0.5, groups=[0, 0, 0, 1, 2, 3], random_state=0
        )
    with pytest.raises(ValueError, match=r"class 1 has 1 row\(s\)"):
        holdout_split([0, 0, 1], test_size=0.5)


def test_holdout_refuses_groups_that_tie_classes_together() -> None:
    """Three classes, each made of two of the same three faces: no cut serves all."""
    with pytest.raises(ValueError, match=r"cannot have rows on both sides.*Remove"):
        holdout_split([0, 0, 1, 1, 2, 2], test_size=0.5, groups=[0, 1, 1, 2, 2, 0])


@pytest.mark.parametrize("size", [0, 1.0, -0.1, 1.5, 6, float("nan")])
def test_holdout_refuses_an_impossible_size(size: float) -> None:
    with pytest.raises(ValueError, match="test_size must be"):
        holdout_split([0, 0, 0, 1, 1, 1], test_size=size)


def test_holdout_refuses_nothing_to_split() -> None:
    with pytest.raises(ValueError, match="no rows"):
        holdout_split([], test_size=0.5)
    with pytest.raises(ValueError, match="inconsistent"):
        holdout_split([0, 0, 1, 1], test_size=0.5, groups=[1, 2])


def test_each_class_is_held_out_in_proportion_and_every_row_is_on_one_side() -> None:
    X, y = _faces()
    fitted, held = _sides(X, y)
    np.testing.assert_array_equal(np.sort(np.concatenate([fitted, held])), np.arange(60))
    np.testing.assert_array_equal(np.bincount(y[held]), [4, 4, 4])


@pytest.mark.parametrize("seed", range(10))
def test_copies_never_stand_on_both_sides(seed: int) -> None:
    X, y = _faces()
    originals = np.random.default_rng(seed).integers(60, size=100)
    X, y = X[originals], y[originals]
    fitted, held = _sides(X, y, random_state=seed)
    sides = {row.tobytes() for row in X[fitted]}, {row.tobytes() for row in X[held]}
    assert not sides[0] & sides[1]


def test_copies_that_disagree_on_the_label_stay_together() -> None:
    X, y = _faces()
    X, y = np.concatenate([X, X[:20]]), np.concatenate([y, (y[:20] + 1) % 3])
    for seed in range(10):
        _, held = _sides(X, y, random_state=seed)
        np.testing.assert_array_equal(
            np.isin(np.arange(20), held), np.isin(np.arange(60, 80), held)
        )


def test_groups_stay_together_and_with_their_copies() -> None:
    X, y = _faces()
    X[1] = X[0]  # a chain: row 0 is a copy of row 1, which belongs to the person of row 4
    people = np.array([f"person {i}" for i in range(60)])
    people[4] = people[1]
    people[10:15] = "one person"
    for seed in range(20):
        _, held = _sides(X, y, groups=people, random_state=seed)
        assert len(set(np.isin([0, 1, 4], held))) == 1
        assert len(set(np.isin(np.arange(10, 15), held))) == 1


def test_of_two_groups_one_is_held_out_however_large_they_are() -> None:
    X, y = _faces()
    two_a_class = 2 * y + (np.arange(60) < 30)
    fitted, held = _sides(X, y, groups=two_a_class)
    assert set(y[fitted]) == set(y[held]) == {0, 1, 2}


def test_the_choice_depends_neither_on_order_nor_on_how_often_a_sample_occurs() -> None:
    X, y = _faces()
    _, held = _sides(X, y)
    rng = np.random.default_rng(1)
    rows = rng.permutation(np.arange(60).repeat(rng.integers(1, 5, size=60)))
    _, held_again = _sides(X[rows], y[rows])
    np.testing.assert_array_equal(np.unique(rows[held_again]), held)


def test_the_seed_decides_which_samples_are_held_out() -> None:
    X, y = _faces()
    np.testing.assert_array_equal(_sides(X, y)[1], _sides(X, y)[1])
    assert _sides(X, y, random_state=1)[1].tolist() != _sides(X, y)[1].tolist()


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_every_class_is_on_both_sides_at_any_fraction(fraction: float) -> None:
    X, y = _faces()
    for side in _sides(X, y, test_size=fraction):
        assert set(y[side]) == {0, 1, 2}


@pytest.mark.parametrize(
    "make",
    [
        lambda table: sparse.csr_matrix(table),
        lambda table: sparse.csr_array(table),
        lambda table: _frame(table),
        lambda table: _frame({"number": table[:, 0], "word": [str(v) for v in table[:, 1]]}),
        lambda table: table.astype(object),
        lambda table: np.array([" ".join(map(str, row)) for row in table]),
        lambda table: np.array([" ".join(map(str, row)) for row in table], dtype=object),
        lambda table: table.astype(np.float32, order="F"),
    ],
    ids=["sparse matrix", "sparse array", "frame", "mixed", "objects", "texts", "words", "Fortran"],
)
def test_copies_are_recognised_in_every_form_of_data(make: Any) -> None:
    table = np.random.default_rng(0).integers(1, 50, size=(40, 2))
    rows = np.arange(120) % 40
    y = rows % 2
    fitted, held = _sides(make(table[rows]), y)
    assert len(held) == 24
    assert not set(rows[fitted]) & set(rows[held])


def test_negative_zero_is_a_copy_of_zero() -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    X[:20, 0], X[20:, 0] = 0.0, -0.0
    X[20:, 1] = X[:20, 1]
    y = np.arange(40) % 2
    _, held = _sides(X, y)
    np.testing.assert_array_equal(held[held < 20] + 20, held[held >= 20])


def test_a_sparse_zero_that_is_stored_is_a_copy_of_one_that_is_not() -> None:
    dense = sparse.csr_array(np.random.default_rng(0).integers(1, 9, size=(40, 3)) * 1.0)
    stored = dense.copy()
    dense.data[::3], stored.data[::3] = 0, 0
    dense.eliminate_zeros()
    y = np.arange(80) % 2
    _, held = _sides(sparse.vstack([dense, stored]), y)
    np.testing.assert_array_equal(held[held < 40] + 40, held[held >= 40])


def test_a_class_of_one_distinct_sample_is_fitted_on_as_a_whole() -> None:
    X, y = _faces()
    X, y = np.concatenate([X, X[:1], X[:1]]), np.concatenate([y, [3, 3]])
    for seed in range(10):
        fitted, held = _sides(X, y, random_state=seed)
        assert set(y[held]) == {0, 1, 2}
        assert {0, 60, 61} <= set(fitted)


def test_nothing_to_divide_is_an_error_with_counts() -> None:
    X, y = _faces(n_samples=3)
    with pytest.raises(ValueError, match="distinct samples by class: 0: 1, 1: 1, 2: 1"):
        _sides(X.repeat(5, axis=0), y.repeat(5))


def test_groups_of_another_length_are_refused() -> None:
    X, y = _faces()
    with pytest.raises(ValueError, match="60 in all"):
        _sides(X, y, groups=[1, 2, 3])


def test_each_class_is_spread_evenly() -> None:
    X, y = _faces(64)
    folds = _folds(X, y)
    assert folds.shape == (64,)
    table = np.zeros((5, 3), dtype=int)
    np.add.at(table, (folds, y), 1)
    assert table.min() == 4
    assert table.max() == 5
    assert np.ptp(table.sum(axis=1)) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_copies_never_straddle_folds(seed: int) -> None:
    X, y = _faces()
    rows = np.random.default_rng(seed).integers(60, size=300)
    folds = _folds(X[rows], y[rows], random_state=seed)
    for original in np.unique(rows):
        assert len(set(folds[rows == original])) == 1


def test_copies_that_disagree_on_the_label_do_not_straddle_folds() -> None:
    X, y = _faces()
    folds = _folds(np.concatenate([X, X[:20]]), np.concatenate([y, (y[:20] + 1) % 3]))
    np.testing.assert_array_equal(folds[:20], folds[60:])


def test_groups_never_straddle_folds_nor_do_their_copies() -> None:
    X, y = _faces(300)
    X[1] = X[0]  # a chain: row 0 is a copy of row 1, which belongs to the person of row 4
    people = np.array([f"person {i}" for i in range(300)])
    people[4] = people[1]
    people[10:25] = "one person"
    for seed in range(10):
        folds = _folds(X, y, groups=people, random_state=seed)
        assert len({folds[0], folds[1], folds[4]}) == 1
        assert len(set(folds[10:25])) == 1


def test_groups_of_unequal_size_are_levelled() -> None:
    X, y = _faces(300)
    groups = np.concatenate([np.zeros(50), np.ones(40), np.arange(210) + 2])
    folds = _folds(X, y, groups=groups)
    assert np.ptp(np.bincount(folds)) <= 3


def test_the_folds_depend_neither_on_order_nor_on_how_often_a_sample_occurs() -> None:
    X, y = _faces()
    folds = _folds(X, y)
    rng = np.random.default_rng(1)
    rows = rng.permutation(np.arange(60).repeat(rng.integers(1, 5, size=60)))
    np.testing.assert_array_equal(_folds(X[rows], y[rows]), folds[rows])


def test_the_seed_decides_on_the_folds() -> None:
    X, y = _faces()
    np.testing.assert_array_equal(_folds(X, y), _folds(X, y))
    assert _folds(X, y, random_state=1).tolist() != _folds(X, y).tolist()


def test_a_class_missing_from_a_fold_is_an_error_with_counts() -> None:
    X, y = _faces()
    names = np.array(["angry", "happy", "sad"])[y]
    names[:4] = "rare"
    with pytest.raises(ValueError, match=r"n_splits=5 .*angry: 18, happy: 19, rare: 4, sad: 19"):
        _folds(X, names)
    assert set(_folds(X, names, n_splits=4)[:4]) == {0, 1, 2, 3}


def test_many_copies_are_one_sample() -> None:
    X, y = _faces()
    X[y == 2] = X[2]
    with pytest.raises(ValueError, match="0: 20, 1: 20, 2: 1"):
        _folds(X, y, n_splits=2)


def test_a_class_in_one_group_is_missing_from_a_fold() -> None:
    X, y = _faces()
    groups = np.where(y == 1, -1, np.arange(60))
    with pytest.raises(ValueError, match="0: 20, 1: 1, 2: 20"):
        _folds(X, y, groups=groups, n_splits=2)


def test_classes_that_groups_tie_together_are_an_error_with_counts() -> None:
    """Three classes, each made of two of the same three persons: no two folds serve all."""
    X, _ = _faces(6)
    with pytest.raises(ValueError, match=r"Outside fold \d there are .*: 0.*tie classes together"):
        _folds(X, [0, 0, 1, 1, 2, 2], groups=[0, 1, 1, 2, 2, 0], n_splits=2)


def test_groups_shared_by_classes_are_parted_where_they_can_be() -> None:
    X, _ = _faces(6)
    y, groups = [0, 0, 1, 1, 2, 2], [0, 1, 2, 3, 0, 2]
    for seed in range(20):
        folds = _folds(X, y, groups=groups, n_splits=2, random_state=seed)
        assert folds[4] != folds[5]
