"""Which fold every row stands in."""

import time
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fer_ensemble.splitting import assign_folds, distinct_holdout_split


def _faces(n_samples: int = 60, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(256, size=(n_samples, 4, 4), dtype=np.uint8), np.arange(n_samples) % 3


def _folds(X: Any, y: Any, **parameters: Any) -> Any:
    return assign_folds(X, y, **{"random_state": 0} | parameters)


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


def test_the_seed_decides() -> None:
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


def test_folds_are_quick_on_a_dataset_of_fer2013s_size() -> None:
    X = np.random.default_rng(0).integers(0, 256, (28_709, 48), dtype=np.uint8)
    start = time.process_time()
    _folds(X, np.arange(28_709) % 7)
    assert time.process_time() - start < 5


def _faces_holdout(n_samples: int = 60, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 3
    return rng.integers(256, size=(n_samples, 4, 4), dtype=np.uint8), y


def _frame(columns: Any) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


def _sides(X: Any, y: Any, **parameters: Any) -> tuple[Any, Any]:
    return distinct_holdout_split(X, y, **{"test_size": 0.2, "random_state": 0} | parameters)


def test_each_class_is_held_out_in_proportion_and_every_row_is_on_one_side() -> None:
    X, y = _faces_holdout()
    fitted, held = _sides(X, y)
    np.testing.assert_array_equal(np.sort(np.concatenate([fitted, held])), np.arange(60))
    np.testing.assert_array_equal(np.bincount(y[held]), [4, 4, 4])


@pytest.mark.parametrize("seed", range(10))
def test_copies_never_stand_on_both_sides(seed: int) -> None:
    X, y = _faces_holdout()
    originals = np.random.default_rng(seed).integers(60, size=100)
    X, y = X[originals], y[originals]
    fitted, held = _sides(X, y, random_state=seed)
    sides = {row.tobytes() for row in X[fitted]}, {row.tobytes() for row in X[held]}
    assert not sides[0] & sides[1]


def test_copies_that_disagree_on_the_label_stay_together() -> None:
    X, y = _faces_holdout()
    X, y = np.concatenate([X, X[:20]]), np.concatenate([y, (y[:20] + 1) % 3])
    for seed in range(10):
        _, held = _sides(X, y, random_state=seed)
        np.testing.assert_array_equal(
            np.isin(np.arange(20), held), np.isin(np.arange(60, 80), held)
        )


def test_groups_stay_together_and_with_their_copies() -> None:
    X, y = _faces_holdout()
    X[1] = X[0]  # a chain: row 0 is a copy of row 1, which belongs to the person of row 4
    people = np.array([f"person {i}" for i in range(60)])
    people[4] = people[1]
    people[10:15] = "one person"
    for seed in range(20):
        _, held = _sides(X, y, groups=people, random_state=seed)
        assert len(set(np.isin([0, 1, 4], held))) == 1
        assert len(set(np.isin(np.arange(10, 15), held))) == 1


def test_of_two_groups_one_is_held_out_however_large_they_are() -> None:
    X, y = _faces_holdout()
    two_a_class = 2 * y + (np.arange(60) < 30)
    fitted, held = _sides(X, y, groups=two_a_class)
    assert set(y[fitted]) == set(y[held]) == {0, 1, 2}


def test_the_choice_depends_neither_on_order_nor_on_how_often_a_sample_occurs() -> None:
    X, y = _faces_holdout()
    _, held = _sides(X, y)
    rng = np.random.default_rng(1)
    rows = rng.permutation(np.arange(60).repeat(rng.integers(1, 5, size=60)))
    _, held_again = _sides(X[rows], y[rows])
    np.testing.assert_array_equal(np.unique(rows[held_again]), held)


def test_the_seed_decides_holdout() -> None:
    X, y = _faces_holdout()
    np.testing.assert_array_equal(_sides(X, y)[1], _sides(X, y)[1])
    assert _sides(X, y, random_state=1)[1].tolist() != _sides(X, y)[1].tolist()


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_every_class_is_on_both_sides_at_any_fraction(fraction: float) -> None:
    X, y = _faces_holdout()
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
    X, y = _faces_holdout()
    X, y = np.concatenate([X, X[:1], X[:1]]), np.concatenate([y, [3, 3]])
    for seed in range(10):
        fitted, held = _sides(X, y, random_state=seed)
        assert set(y[held]) == {0, 1, 2}
        assert {0, 60, 61} <= set(fitted)


def test_nothing_to_divide_is_an_error_with_counts() -> None:
    X, y = _faces_holdout(n_samples=3)
    with pytest.raises(ValueError, match="distinct samples by class: 0: 1, 1: 1, 2: 1"):
        _sides(X.repeat(5, axis=0), y.repeat(5))


def test_groups_of_another_length_are_refused() -> None:
    X, y = _faces_holdout()
    with pytest.raises(ValueError, match="60 in all"):
        _sides(X, y, groups=[1, 2, 3])
