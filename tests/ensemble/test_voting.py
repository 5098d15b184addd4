"""The voting ensemble as a scikit-learn classifier: fits, held-out samples, errors."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from fer_ensemble.ensemble import (
    RULES,
    combine,
    learn_weights,
)
from tests.ensemble.stand_ins import (
    NAMES,
    Spy,
    make_ensemble,
    make_members,
    make_table,
    make_voting,
)


@pytest.mark.parametrize("rule", RULES)
def test_predictions_are_the_rule_applied_to_the_members(rule: str) -> None:
    X, y = make_table()
    ensemble = make_ensemble(rule=rule).fit(X, y)
    stacked = ensemble.predict_member_proba(X)
    for position, (name, member) in enumerate(ensemble.members_):
        assert name == make_members()[position][0]
        np.testing.assert_array_equal(stacked[:, position], member.predict_proba(X))
    proba = ensemble.predict_proba(X)
    np.testing.assert_array_equal(proba, combine(stacked, rule, ensemble.weights_))
    np.testing.assert_array_equal(ensemble.predict(X), ensemble.classes_[proba.argmax(axis=1)])


def test_string_labels_stay() -> None:
    X, y = make_table()
    ensemble = make_ensemble().fit(X, y)
    assert ensemble.classes_.tolist() == ["angry", "happy", "sad"]
    assert set(ensemble.predict(X)) <= set(NAMES)
    assert ensemble.score(X, y) > 0.7
    assert ensemble.members_[0][1].classes_.tolist() == ["angry", "happy", "sad"]


def test_what_is_held_out_is_kept_for_later() -> None:
    X, y = make_table()
    ensemble = make_ensemble(rule="average").fit(X, y)
    held = ensemble.validation_indices_
    assert len(held) == 30
    np.testing.assert_array_equal(ensemble.validation_labels_, y[held])
    np.testing.assert_array_equal(
        ensemble.validation_probabilities_, ensemble.predict_member_proba(X[held])
    )
    np.testing.assert_array_equal(
        ensemble.weights_,
        learn_weights(ensemble.validation_probabilities_, y[held], ensemble.classes_),
    )


def test_members_never_see_what_is_held_out() -> None:
    X, y = make_table()
    ensemble = make_voting([("spy", Spy())], random_state=0).fit(X, y)
    spy, held = ensemble.members_[0][1], ensemble.validation_indices_
    np.testing.assert_array_equal(spy.X_, np.delete(X, held, axis=0))
    np.testing.assert_array_equal(spy.y_, np.delete(y, held))
    np.testing.assert_array_equal(spy.validation_data_[0], X[held])
    np.testing.assert_array_equal(spy.validation_data_[1], y[held])


def test_exact_copies_never_stand_on_both_sides() -> None:
    X, y = make_table(100)
    rows = np.random.default_rng(0).integers(100, size=400)
    ensemble = make_ensemble().fit(X[rows], y[rows])
    held = rows[ensemble.validation_indices_]
    assert not set(held) & set(np.delete(rows, ensemble.validation_indices_))


def test_groups_never_stand_on_both_sides() -> None:
    X, y = make_table()
    groups = np.arange(300) // 10
    ensemble = make_ensemble().fit(X, y, groups=groups)
    held = ensemble.validation_indices_
    assert not set(groups[held]) & set(np.delete(groups, held))


def test_given_validation_data_is_used_and_every_row_is_fitted_on() -> None:
    X, y = make_table()
    members = [("spy", Spy()), ("lr", LogisticRegression())]
    ensemble = make_voting(members).fit(X[:200], y[:200], validation_data=(X[200:], y[200:]))
    assert ensemble.validation_indices_ is None
    assert len(ensemble.members_[0][1].X_) == 200
    np.testing.assert_array_equal(ensemble.members_[0][1].validation_data_[0], X[200:])
    np.testing.assert_array_equal(ensemble.validation_labels_, y[200:])
    assert ensemble.validation_probabilities_.shape == (100, 2, 3)
    assert ensemble.weights_[1] > 0.9


def test_without_a_fraction_every_row_is_fitted_on_and_nothing_is_known() -> None:
    X, y = make_table()
    ensemble = make_voting([("spy", Spy())], rule="average", validation_fraction=None).fit(X, y)
    assert len(ensemble.members_[0][1].X_) == 300
    assert ensemble.members_[0][1].validation_data_ is None
    assert ensemble.validation_indices_ is None
    assert ensemble.validation_probabilities_ is None
    assert ensemble.validation_labels_ is None
    assert ensemble.weights_ is None
    with pytest.raises(ValueError, match="without held-out data"):
        ensemble.set_params(rule="weighted").predict(X)


def test_the_seed_decides_and_nothing_else() -> None:
    X, y = make_table()
    first, again = make_ensemble().fit(X, y), make_ensemble().fit(X, y)
    np.testing.assert_array_equal(first.validation_indices_, again.validation_indices_)
    np.testing.assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    other = make_ensemble().set_params(random_state=1).fit(X, y)
    assert first.validation_indices_.tolist() != other.validation_indices_.tolist()


def test_a_class_that_is_too_small_to_hold_out_is_reported_with_its_count() -> None:
    X, y = make_table()
    X, y = np.concatenate([X, X[:1], X[:1]]), np.concatenate([y, ["rare", "rare"]])
    with pytest.warns(UserWarning, match=r"learned without: rare \(2 samples\)"):
        ensemble = make_ensemble().fit(X, y)
    assert "rare" in ensemble.classes_
    assert "rare" not in ensemble.validation_labels_


def test_the_members_given_are_not_changed() -> None:
    members = make_members()
    ensemble = make_voting(members).fit(*make_table())
    assert not hasattr(members[0][1], "classes_")
    assert ensemble.members is members
    assert ensemble.fit_times_.keys() == {"lr", "nb", "tree"}


@pytest.mark.parametrize(
    ("members", "error", "message"),
    [
        ([], ValueError, "at least one"),
        (None, ValueError, "list of"),
        ([LogisticRegression()], ValueError, "list of"),
        ([(1, LogisticRegression())], ValueError, "list of"),
        ([("a", GaussianNB()), ("a", GaussianNB())], ValueError, "not unique"),
        ([("rule", GaussianNB())], ValueError, "conflict"),
        ([("a__b", GaussianNB())], ValueError, "must not contain __"),
        ([("a", GaussianNB)], TypeError, "Member 'a' must be a classifier object"),
        ([("a", "drop")], TypeError, "Member 'a' must be a classifier object"),
        ([("a", RidgeClassifier())], ValueError, r"'a' \(RidgeClassifier\) has no predict_proba"),
    ],
)
def test_members_that_are_none_are_refused(members: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        make_voting(members).fit(*make_table())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rule": "mean"}, "no rule 'mean'"),
        ({"ties": "lowest"}, "decided by 'lowest'; choose one of mean_probability"),
        ({"weighting": "trust"}, "learned by 'trust'; choose one of log_loss"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"validation_fraction": 0}, "validation_fraction"),
        ({"validation_fraction": None}, "learns its weights on held-out samples"),
        (
            {"validation_fraction": None, "calibrate": True, "rule": "average"},
            "learns temperatures on held-out samples",
        ),
    ],
)
def test_parameters_are_checked_before_any_fit(parameters: Any, message: str) -> None:
    ensemble = make_ensemble(**parameters)
    with pytest.raises(ValueError, match=message):
        ensemble.fit(*make_table())
    assert not hasattr(ensemble, "members_")


@pytest.mark.parametrize(
    ("validation_data", "message"),
    [
        (3, "pair"),
        ((np.zeros((2, 6)), ["sad"]), "inconsistent"),
        ((np.zeros((2, 5)), ["sad", "sad"]), "5 features"),
        ((np.zeros((2, 6)), ["sad", "glad"]), r"validation_data.*glad \(1×\)"),
    ],
)
def test_validation_data_that_does_not_fit_is_refused(validation_data: Any, message: str) -> None:
    X, y = make_table()
    with pytest.raises(ValueError, match=message):
        make_ensemble().fit(X, y, validation_data=validation_data)


def test_one_class_is_not_enough() -> None:
    X, _ = make_table()
    with pytest.raises(ValueError, match="one class"):
        make_ensemble().fit(X, ["sad"] * 300)


def test_an_interrupted_fit_keeps_the_members_that_are_done() -> None:
    class Interrupted(Spy):
        def fit(self, *args: Any, **keywords: Any) -> Any:
            raise KeyboardInterrupt

    X, y = make_table()
    ensemble = make_ensemble().fit(X, y)
    ensemble.set_params(
        members=[("nb", GaussianNB()), ("stop", Interrupted()), *make_members()[:1]]
    )
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, y)
    assert [name for name, _ in ensemble.members_] == ["nb"]
    assert ensemble.validation_indices_ is not None
    with pytest.raises(NotFittedError):
        ensemble.predict(X)


def test_verbose_says_which_member_is_being_fitted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    make_ensemble().fit(*make_table())
    assert not caplog.messages
    make_ensemble(verbose=1).fit(*make_table())
    assert caplog.messages[0] == "lr: fitting on 270 samples"
    assert caplog.messages[1].startswith("lr: fitted in ")
    assert len(caplog.messages) == 6


def test_parameters_of_members_can_be_read_and_set() -> None:
    ensemble = make_ensemble()
    assert ensemble.get_params()["lr__C"] == 1.0
    assert "lr__C" not in ensemble.get_params(deep=False)
    ensemble.set_params(lr__C=3.0, nb=KNeighborsClassifier(), rule="majority")
    assert ensemble.members[0][1].C == 3.0
    assert isinstance(ensemble.members[1][1], KNeighborsClassifier)
    assert ensemble.rule == "majority"
    with pytest.raises(ValueError, match="Invalid parameter"):
        ensemble.set_params(svm__C=1)


def test_a_clone_has_the_same_parameters_and_no_fit() -> None:
    ensemble = make_ensemble(rule="majority", weights=[1, 2, 3], verbose=1).fit(*make_table())
    copy = clone(ensemble)
    assert not hasattr(copy, "members_")
    for key, value in copy.get_params(deep=False).items():
        assert str(value) == str(ensemble.get_params()[key])
    assert copy.members[0][1] is not ensemble.members[0][1]


def test_a_pickled_ensemble_predicts_the_same() -> None:
    X, y = make_table()
    ensemble = make_ensemble().fit(X, y)
    again = pickle.loads(pickle.dumps(ensemble))
    np.testing.assert_array_equal(again.predict_proba(X), ensemble.predict_proba(X))


def test_it_runs_in_cross_validation_and_grid_search() -> None:
    X, y = make_table()
    proba = cross_val_predict(make_ensemble(), X, y, cv=3, method="predict_proba")
    assert proba.shape == (300, 3)
    assert (make_ensemble().fit(X, y).classes_[proba.argmax(axis=1)] == y).mean() > 0.6
    grid = {"rule": list(RULES), "lr__C": [0.1, 1.0]}
    search = GridSearchCV(make_ensemble(), grid, cv=3).fit(X, y)
    assert search.best_params_["rule"] in RULES
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_an_ensemble_can_be_a_member() -> None:
    X, y = make_table()
    nested = make_voting([("inner", make_ensemble()), ("knn", KNeighborsClassifier())])
    assert nested.fit(X, y).score(X, y) > 0.7
    # The inner ensemble takes validation_data, so it holds nothing out of its own.
    assert nested.members_[0][1].validation_indices_ is None


def test_faces_go_through_members_that_are_pipelines() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=120)
    faces = rng.integers(100, size=(120, 8, 8), dtype=np.uint8)
    faces[np.arange(120), y] += 100
    flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1) / 255.0)
    rows = FunctionTransformer(lambda X: X.mean(axis=2))
    members = [
        ("pixels", make_pipeline(flatten, LogisticRegression())),
        ("rows", make_pipeline(rows, GaussianNB())),
    ]
    ensemble = make_voting(members, random_state=0).fit(faces, NAMES[y])
    assert ensemble.score(faces, NAMES[y]) > 0.95
    assert ensemble.predict_member_proba(faces).shape == (120, 2, 3)
    assert not hasattr(ensemble, "n_features_in_")


def test_members_can_choose_columns_of_a_data_frame_by_name() -> None:
    X, y = make_table()
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdef")).assign(word="ignored")
    numbers = FunctionTransformer(lambda table: table[["a", "b", "c", "d"]])
    ensemble = make_voting([("lr", make_pipeline(numbers, LogisticRegression()))]).fit(frame, y)
    assert ensemble.feature_names_in_.tolist() == [*"abcdef", "word"]
    assert ensemble.score(frame, y) > 0.6
    with pytest.raises(ValueError, match="feature names"):
        ensemble.predict(frame[["b", "a", "c", "d", "e", "f", "word"]])
