"""Boosted trees: XGBoost with labels of any type, early stopping and a plain state."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from fer_ensemble.models import BoostedTreesClassifier
from fer_ensemble.splitting import row_digests


@pytest.fixture(scope="module")
def table():
    X, y = make_classification(
        400, n_features=8, n_informative=5, n_classes=3, class_sep=1.5, random_state=0
    )
    return X, np.array(["a", "b", "c"])[y]


def small(**params):
    return BoostedTreesClassifier(**{"n_estimators": 40, "random_state": 0, "n_jobs": 1, **params})


def test_learns_and_keeps_string_labels(table):
    X, y = table
    X_fit, X_test, y_fit, y_test = train_test_split(X, y, random_state=0)
    trees = small().fit(X_fit, y_fit)
    assert trees.classes_.tolist() == ["a", "b", "c"]
    assert trees.score(X_test, y_test) > 0.75
    np.testing.assert_allclose(trees.predict_proba(X_test).sum(axis=1), 1)


def test_agrees_with_xgboost_itself(table):
    from xgboost import XGBClassifier

    X, y = table
    codes = np.searchsorted(["a", "b", "c"], y)
    ours = small(validation_fraction=None, max_depth=4).fit(X, y)
    theirs = XGBClassifier(
        n_estimators=40, max_depth=4, learning_rate=0.1, max_bin=256, n_jobs=1, tree_method="hist"
    ).fit(X.astype(np.float32), codes)
    expected = theirs.predict_proba(X.astype(np.float32))
    np.testing.assert_allclose(ours.predict_proba(X), expected, atol=1e-5)


def test_bins_can_be_changed(table):
    X, y = table
    coarse = small(max_bin=4, n_estimators=5).fit(X, y).predict_proba(X)
    assert np.abs(coarse - small(n_estimators=5).fit(X, y).predict_proba(X)).max() > 0.01


def test_stops_early_and_keeps_the_best_round(table):
    X, y = table
    noise = np.random.default_rng(0).permutation(y)
    stopped = small(early_stopping_rounds=2).fit(X, noise)
    assert stopped.n_rounds_ < 38
    everything = small(validation_fraction=None).fit(X, noise)
    assert everything.n_rounds_ == 40


def test_pickled_trees_predict_the_same(table):
    X, y = table
    trees = small(n_estimators=3).fit(X, y)
    state = trees.__getstate__()
    assert isinstance(state["booster_"], bytes)
    assert not any("xgboost" in type(value).__module__ for value in state.values())
    again = pickle.loads(pickle.dumps(trees))
    np.testing.assert_array_equal(again.predict_proba(X), trees.predict_proba(X))


def test_refit_does_not_answer_from_the_old_trees(table):
    X, y = table
    trees = small(n_estimators=3).fit(X, y)
    before = trees.predict_proba(X)
    trees.set_params(n_estimators=10).fit(X, y)
    assert np.abs(trees.predict_proba(X) - before).max() > 0.01


def test_sample_weight_decides_between_contradicting_labels():
    X = np.tile([[0.0], [1.0]], (40, 1))
    y = np.r_[np.tile([0, 1], 20), np.tile([1, 0], 20)]
    weight = np.r_[np.full(40, 1.0), np.full(40, 1e-3)]
    trees = small(validation_fraction=None)
    assert trees.fit(X, y, sample_weight=weight).predict([[0.0], [1.0]]).tolist() == [0, 1]
    assert trees.fit(X, y, sample_weight=weight[::-1]).predict([[0.0], [1.0]]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_estimators", 0),
        ("learning_rate", 0.0),
        ("max_depth", -1),
        ("subsample", 1.5),
        ("max_bin", 1),
        ("validation_fraction", 1.0),
        ("verbose", "much"),
    ],
)
def test_a_parameter_out_of_range_is_named(table, name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of BoostedTreesClassifier"):
        small(**{name: value}).fit(*table)


def test_progress_is_shown_on_request(table, capsys):
    X, y = table
    small(n_estimators=2, verbose=1).fit(X, y)
    assert "round 2 · held_out mlogloss" in capsys.readouterr().err


def test_digests_of_all_samples_given_are_kept_the_held_out_share_included(table):
    X, y = table
    trees = pickle.loads(pickle.dumps(small(n_estimators=2, validation_fraction=0.3).fit(X, y)))
    np.testing.assert_array_equal(trees.training_digests_, np.unique(row_digests(X)))
