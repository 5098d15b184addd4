"""Which fold every row stands in."""

import time
from typing import Any

import numpy as np
import pytest

from fer_ensemble.ensemble.folds import assign_folds


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
