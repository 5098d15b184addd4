"""Which rows are held out, for every form that samples come in."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from fer_ensemble.ensemble.holdout import hold_out


def _faces(n_samples: int = 60, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 3
    return rng.integers(256, size=(n_samples, 4, 4), dtype=np.uint8), y


def _frame(columns: Any) -> Any:
    return pytest.importorskip("pandas").DataFrame(columns)


def _sides(X: Any, y: Any, **parameters: Any) -> tuple[Any, Any]:
    return hold_out(X, y, **{"fraction": 0.2, "random_state": 0} | parameters)


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


def test_the_seed_decides() -> None:
    X, y = _faces()
    np.testing.assert_array_equal(_sides(X, y)[1], _sides(X, y)[1])
    assert _sides(X, y, random_state=1)[1].tolist() != _sides(X, y)[1].tolist()


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_every_class_is_on_both_sides_at_any_fraction(fraction: float) -> None:
    X, y = _faces()
    for side in _sides(X, y, fraction=fraction):
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
