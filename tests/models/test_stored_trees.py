"""Stored trees: the same answers after they were checked, and no way to XGBoost for others."""

import numpy as np
import pytest

from fer_ensemble.models import BoostedTreesClassifier
from fer_ensemble.models.stored_trees import rebuild_trees

xgboost = pytest.importorskip("xgboost")


@pytest.fixture(scope="module")
def fitted():
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 6)).astype(np.float32)
    X[::5, ::2] = np.nan
    y = (np.nan_to_num(X).sum(axis=1) > 0).astype(int) + (X[:, 1] > 1)
    return xgboost.train(
        # Trees that are pruned keep the nodes that were cut off.
        {"objective": "multi:softprob", "num_class": 3, "gamma": 2.0, "tree_method": "exact"},
        xgboost.DMatrix(X, y),
        12,
    ), X


def load(content):
    booster = xgboost.Booster()
    booster.load_model(bytearray(content))
    return booster


def test_trees_answer_as_before_to_the_last_bit(fitted):
    booster, X = fitted
    stored = bytes(booster.save_raw("ubj"))
    again = rebuild_trees(stored, 6, 3)
    np.testing.assert_array_equal(load(again).inplace_predict(X), booster.inplace_predict(X))
    assert rebuild_trees(again, 6, 3) == again
    assert len(again) < len(stored)  # without what was pruned


def change(content, name, *values):
    """Put other numbers at the beginning of the first list of a name that has several."""
    kind = {"i": ">i4", "f": ">f4"}["f" if name == "split_conditions" else "i"]
    place = content.index(name.encode() + b"[$")
    start = place + len(name) + 5 + 8
    changed = np.array(values, kind).tobytes()
    return content[:start] + changed + content[start + len(changed) :]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("left_children", [10**6], "none of its nodes"),
        ("left_children", [0], "circle"),
        ("left_children", [2], "share a child"),
        ("left_children", [-1], "one child"),
        ("split_indices", [6], "feature beyond the 6"),
        ("split_indices", [-1], "feature beyond the 6"),
        ("split_conditions", [np.nan], "no finite number"),
    ],
)
def test_trees_that_would_crash_or_hang_are_refused(fitted, name, values, message):
    booster, X = fitted
    stored = change(rebuild_trees(bytes(booster.save_raw("ubj")), 6, 3), name, *values)
    with pytest.raises(ValueError, match=message):
        rebuild_trees(stored, 6, 3)
    member = BoostedTreesClassifier()
    member.booster_, member.classes_, member.n_features_in_ = stored, np.arange(3), 6
    with pytest.raises(ValueError, match=message):
        member.predict_proba(np.nan_to_num(X))


def test_trees_for_other_features_or_classes_are_refused(fitted):
    stored = bytes(fitted[0].save_raw("ubj"))
    for n_features, n_classes in ((5, 3), (6, 2)):
        with pytest.raises(ValueError, match="for 6 features and 3 classes"):
            rebuild_trees(stored, n_features, n_classes)


def test_no_mutant_of_stored_trees_does_anything_but_load_or_say_why(fitted):
    booster, X = fitted
    stored = bytes(booster.save_raw("ubj"))
    random = np.random.default_rng(0)
    loaded = 0
    for _ in range(150):
        mutant = bytearray(stored)
        for place in random.integers(0, len(stored), random.choice([1, 2, 8])):
            mutant[place] = random.integers(256)
        if random.random() < 0.1:
            del mutant[random.integers(len(mutant)) :]
        try:
            again = rebuild_trees(bytes(mutant), 6, 3)
        except ValueError:
            continue
        loaded += 1
        assert np.isfinite(load(again).inplace_predict(X)).all()
    assert 0 < loaded < 150
