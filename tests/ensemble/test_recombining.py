"""Fitted members combined in another way, and none of them fitted again."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.naive_bayes import GaussianNB

from fer_ensemble.ensemble import (
    RULES,
    StackingEnsemble,
    VotingEnsemble,
    combine,
    learn_weights,
    score_ensemble,
    to_stacking,
    to_voting,
)

NAMES = np.array(["sad", "angry", "happy"])
MEMBERS = [("lr", LogisticRegression()), ("nb", GaussianNB())]


class Once(GaussianNB):
    """Can be fitted, and its class says so; but not again."""

    fits = 0

    def fit(self, X: Any, y: Any) -> Any:
        type(self).fits += 1
        return super().fit(X, y)


class Recorder(LogisticRegression):
    """Remembers what its fit was given."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        self.X_, self.y_, self.sample_weight_ = X, y, sample_weight
        return super().fit(X, y, sample_weight=sample_weight)


class Blind(ClassifierMixin, BaseEstimator):
    """Gives every class the same probability."""

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def _table(n_samples: int = 300) -> tuple[Any, Any]:
    X, y = make_classification(
        n_samples, n_features=6, n_informative=4, n_classes=3, class_sep=1.5, random_state=0
    )
    return X, NAMES[y]


def _voting(members: Any = MEMBERS, **parameters: Any) -> Any:
    return VotingEnsemble(members, **{"random_state": 0, "validation_fraction": 0.3, **parameters})


def _stacking(members: Any = MEMBERS, **parameters: Any) -> Any:
    return StackingEnsemble(members, **{"random_state": 0, "n_splits": 3, **parameters})


# --- between the two ----------------------------------------------------------------------


def test_a_round_trip_is_what_it_was() -> None:
    X, y = _table()
    voting = _voting().fit(X, y)
    again = to_voting(to_stacking(voting), random_state=0)
    np.testing.assert_array_equal(again.weights_, voting.weights_)
    np.testing.assert_array_equal(again.predict_proba(X), voting.predict_proba(X))
    stacking = _stacking().fit(X, y)
    again = to_stacking(to_voting(stacking))
    np.testing.assert_array_equal(again.predict_proba(X), stacking.predict_proba(X))
    assert set(again.predict(X)) == set(NAMES)


def test_no_member_is_fitted_again() -> None:
    X, y = _table()
    voting = _voting([("once", Once()), *MEMBERS]).fit(X, y)
    Once.fits = 0
    stacked = to_stacking(voting)
    for new in (stacked, to_voting(voting, rule="median"), to_voting(stacked, calibrate=True)):
        assert new.members_ is voting.members_
        assert new.predict_proba(X).shape == (300, 3)
        assert new.fit_times_ == voting.fit_times_
    assert Once.fits == 0
    assert not hasattr(new.members[0][1], "classes_")


def test_stacking_learns_from_what_was_held_out() -> None:
    X, y = _table()
    voting = _voting().fit(X, y)
    stacked = to_stacking(voting, final_estimator=Recorder())
    logarithms = np.log(np.maximum(voting.validation_probabilities_, 1e-6))
    final = stacked.final_estimator_
    np.testing.assert_array_equal(final.X_, logarithms.reshape(len(final.X_), -1))
    np.testing.assert_array_equal(stacked.classes_[final.y_], voting.validation_labels_)
    np.testing.assert_array_equal(stacked.oof_probabilities_, voting.validation_probabilities_)
    assert stacked.fold_ids_ is None
    assert isinstance(stacked.final_estimator, Recorder)


def test_voting_learns_from_what_was_predicted_out_of_fold() -> None:
    X, y = _table()
    stacking = _stacking().fit(X, y)
    voting = to_voting(stacking, weighting="accuracy", ties="priority")
    expected = learn_weights(stacking.oof_probabilities_, y, voting.classes_, method="accuracy")
    np.testing.assert_array_equal(voting.weights_, expected)
    assert voting.ties == "priority"
    assert voting.validation_indices_ is None


def test_parameters_that_are_not_set_stay() -> None:
    X, y = _table()
    voting = _voting(rule="majority", ties="random", abstain_label="?", weighting="greedy")
    new = to_voting(voting.fit(X, y), rule="borda")
    assert (new.rule, new.ties, new.abstain_label, new.weighting) == (
        "borda",
        "random",
        "?",
        "greedy",
    )
    assert voting.rule == "majority"
    np.testing.assert_array_equal(new.validation_indices_, voting.validation_indices_)


def test_stacking_without_passthrough_comes_of_one_with_it() -> None:
    X, y = _table()
    new = to_stacking(_stacking(passthrough=True, final_estimator=GaussianNB()).fit(X, y))
    assert not new.passthrough
    np.testing.assert_array_equal(
        new.combine(new.predict_member_proba(X)), _stacking().fit(X, y).predict_proba(X)
    )


# --- sample weights and columns -----------------------------------------------------------


def test_weights_of_held_out_samples_still_count() -> None:
    X, y = _table()
    sample_weight = np.random.default_rng(0).uniform(0.1, 3, 300)
    voting = _voting().fit(X, y, sample_weight=sample_weight)
    held = sample_weight[voting.validation_indices_]
    stacked = to_stacking(voting, final_estimator=Recorder())
    np.testing.assert_array_equal(stacked.final_estimator_.sample_weight_, held)
    new = to_voting(voting, rule="average")
    np.testing.assert_array_equal(new.validation_sample_weight_, held)
    np.testing.assert_array_equal(new.weights_, voting.weights_)
    assert new.sample_weight_members_ == ["lr", "nb"]


def test_samples_of_weight_zero_were_never_predicted() -> None:
    X, y = _table()
    sample_weight = np.ones(300)
    sample_weight[:50] = 0
    stacking = _stacking().fit(X, y, sample_weight=sample_weight)
    voting = to_voting(stacking)
    np.testing.assert_array_equal(voting.validation_labels_, y[50:])
    assert np.isfinite(voting.validation_probabilities_).all()


def test_names_of_columns_stay() -> None:
    pd = pytest.importorskip("pandas")
    X, y = _table()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    voting = _voting().fit(frame, y)
    for new in (to_stacking(voting), to_voting(voting, rule="max")):
        assert new.feature_names_in_.tolist() == list("abcdef")
        assert new.predict_proba(frame).shape == (300, 3)
        with pytest.raises(ValueError, match="feature names"):
            new.predict(frame[list("bacdef")])


# --- other held-out data ------------------------------------------------------------------


@pytest.mark.parametrize("change", [to_voting, to_stacking])
def test_other_held_out_samples_take_the_place_of_the_former(change: Any) -> None:
    X, y = _table()
    voting = _voting(validation_fraction=None, rule="average").fit(X[:200], y[:200])
    new = change(voting, (X[200:], y[200:]))
    expected = voting.predict_member_proba(X[200:])
    kept = "validation" if change is to_voting else "oof"
    np.testing.assert_array_equal(getattr(new, f"{kept}_probabilities_"), expected)
    np.testing.assert_array_equal(getattr(new, f"{kept}_labels_"), y[200:])


@pytest.mark.parametrize("change", [to_voting, to_stacking])
@pytest.mark.parametrize("make", [_voting, _stacking])
def test_samples_that_the_members_have_seen_are_refused(make: Any, change: Any) -> None:
    X, y = _table()
    ensemble = make().fit(X[:200], y[:200])
    seen = X[:200]
    if make is _voting:
        seen = np.delete(seen, ensemble.validation_indices_, axis=0)
    mixed = np.concatenate([X[200:], seen[:2]]), np.concatenate([y[200:], y[:2]])
    with pytest.raises(
        ValueError, match=r"fitted on 2 of the 102 held-out samples \(rows 100, 101\)"
    ):
        change(ensemble, mixed)


def test_samples_that_a_frozen_member_has_seen_are_refused() -> None:
    X, y = _table()
    frozen = FrozenEstimator(_voting(validation_fraction=None, rule="max").fit(X[:100], y[:100]))
    voting = _voting([("old", frozen), ("blind", Blind())], rule="average")
    voting.fit(X[100:200], y[100:200])
    with pytest.raises(ValueError, match="fitted on 100 of the 100"):
        to_stacking(voting, (X[:100], y[:100]))
    to_stacking(voting, (X[200:], y[200:]))


@pytest.mark.parametrize("change", [to_voting, to_stacking])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["sad", "glad"], r"The y of held_out .*glad \(1×\)"),
        (["sad"], "inconsistent"),
        ([["sad", "sad"]], "1d array"),
    ],
)
def test_labels_that_do_not_fit_are_refused(change: Any, labels: Any, message: str) -> None:
    X, y = _table()
    voting = _voting(weights=[1, 1]).fit(X[:200], y[:200])
    with pytest.raises(ValueError, match=message):
        change(voting, (X[200:202], labels))


def test_a_class_that_is_not_held_out_is_an_error_with_counts() -> None:
    X, y = _table()
    voting = _voting().fit(X[:200], y[:200])
    rows = 200 + np.flatnonzero(y[200:] != "happy")
    with pytest.raises(
        ValueError, match=r"samples of every class; there are angry: \d+, happy: 0, sad: \d+\."
    ):
        to_stacking(voting, (X[rows], y[rows]))


def test_where_nothing_was_held_out_there_is_nothing_to_learn_from() -> None:
    X, y = _table()
    voting = _voting(validation_fraction=None, rule="average").fit(X, y)
    with pytest.raises(ValueError, match="Nothing was held out"):
        to_stacking(voting)
    for params in ({"rule": "weighted"}, {"calibrate": True}):
        with pytest.raises(ValueError, match="held-out samples"):
            to_voting(voting, validation_fraction=0.1, **params)
    assert to_voting(voting, rule="median").predict_proba(X).shape == (300, 3)


def test_what_cannot_be_combined_is_refused() -> None:
    X, y = _table()
    for change in (to_voting, to_stacking):
        with pytest.raises(NotFittedError):
            change(_voting())
    voting = _voting().fit(X, y)
    with pytest.raises(ValueError, match="no rule 'loudest'"):
        to_voting(voting, rule="loudest")
    with pytest.raises(TypeError, match="unheard"):
        to_voting(voting, unheard="of")
    with pytest.raises(ValueError, match=r"final_estimator .* no predict_proba"):
        to_stacking(voting, final_estimator=RidgeClassifier())


CLASSES = np.array(["angry", "happy", "sad"])


class Reader(ClassifierMixin, BaseEstimator):
    """Reads its probabilities of three classes off the columns of the samples."""

    def __init__(self, place: int = 0) -> None:
        self.place = place

    def fit(self, X: Any, y: Any) -> Any:
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X: Any) -> Any:
        return X[:, 3 * self.place : 3 * self.place + 3]


MEMBERS_SCORING = [("first", Reader(0)), ("second", Reader(1))]


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any]:
    """Two opinions on each sample, the first of which is mostly right."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    first = rng.dirichlet(np.ones(3), 300) + np.eye(3)[y]
    return np.hstack([first / 2, rng.dirichlet(np.ones(3), 300)]), CLASSES[y]


def _voting_scoring(table: Any, **parameters: Any) -> Any:
    X, y = table
    return VotingEnsemble(MEMBERS_SCORING, random_state=0, **parameters).fit(X, y)


def test_every_member_and_every_rule_is_measured(table: Any) -> None:
    X, y = table
    ensemble = _voting_scoring(table)
    stacked = ensemble.predict_member_proba(X)
    scores = score_ensemble(ensemble, stacked, y, class_names=["a", "h", "s"])
    assert scores.n == 300
    for place, name in enumerate(("first", "second")):
        right = accuracy_score(y, CLASSES[stacked[:, place].argmax(axis=1)])
        assert scores.members[name].accuracy == right
        assert scores.weights[name] == ensemble.weights_[place]
    assert list(scores.rules) == list(RULES)
    for rule, figures in scores.rules.items():
        expected = combine(stacked, rule, ensemble.weights_)
        assert figures.accuracy == accuracy_score(y, CLASSES[expected.argmax(axis=1)])
        assert figures.log_loss == pytest.approx(log_loss(y, expected))
    assert [row.name for row in scores.rules["average"].per_class] == ["a", "h", "s"]
    assert score_ensemble(ensemble, stacked.tolist(), y.tolist()).rules.keys() == RULES.keys()


def test_without_weights_there_are_no_weighted_rules(table: Any) -> None:
    X, y = table
    ensemble = _voting_scoring(table, rule="average", validation_fraction=None)
    scores = score_ensemble(ensemble, ensemble.predict_member_proba(X), y)
    assert scores.weights is None
    assert set(RULES) - set(scores.rules) == {"weighted", "weighted_majority"}
    with pytest.raises(ValueError, match="Nothing was held out"):
        score_ensemble(ensemble, ensemble.validation_probabilities_, ensemble.validation_labels_)


def test_temperatures_are_measured_too(table: Any) -> None:
    X, y = table
    plain, tempered = _voting_scoring(table), _voting_scoring(table, calibrate=True)
    stacked = plain.predict_member_proba(X)
    before, after = (score_ensemble(ensemble, stacked, y) for ensemble in (plain, tempered))
    assert after.rules["average"].log_loss < before.rules["average"].log_loss
    expected = tempered.set_params(rule="median").predict_proba(X)
    assert after.rules["median"].log_loss == pytest.approx(log_loss(y, expected))


def test_what_is_left_open_is_measured_by_the_mean_probability(table: Any) -> None:
    """Not by the lowest index, which the abstaining ensemble's level probabilities would give."""
    X, y = np.tile([0.5, 0.4, 0.1, 0.0, 0.3, 0.7], (4, 1)), ["sad", "sad", "sad", "angry"]
    stacked = X.reshape(4, 2, 3)
    for ties, accuracy in {"abstain": 0.75, "mean_probability": 0.75, "priority": 0.25}.items():
        ensemble = _voting_scoring(table, ties=ties)
        assert score_ensemble(ensemble, stacked, y).rules["majority"].accuracy == accuracy


def test_stacking_stands_beside_the_rules(table: Any) -> None:
    X, y = table
    ensemble = to_stacking(_voting_scoring(table, validation_fraction=0.5))
    scores = score_ensemble(ensemble, ensemble.predict_member_proba(X), y)
    right = accuracy_score(y, ensemble.predict(X))
    assert scores.rules["stacking"].accuracy == right
    assert scores.weights is None
    assert "weighted" not in scores.rules
    assert {"average", "majority", "stacking"} <= set(scores.rules)


def test_stacking_that_sees_the_samples_cannot_be_measured_on_predictions_alone(
    table: Any,
) -> None:
    X, y = table
    ensemble = StackingEnsemble(MEMBERS_SCORING, n_splits=2, passthrough=True, random_state=0).fit(
        X, y
    )
    with pytest.raises(ValueError, match=r"passthrough=True needs the samples too"):
        score_ensemble(ensemble, ensemble.predict_member_proba(X), y)


def test_figures_can_be_written_as_json(table: Any) -> None:
    X, y = table
    ensemble = _voting_scoring(table)
    scores = score_ensemble(ensemble, ensemble.predict_member_proba(X), y)
    content = json.loads(json.dumps(scores.to_dict()))
    assert content["n"] == 300
    assert content["weights"].keys() == content["members"].keys() == {"first", "second"}
    assert content["rules"]["borda"]["accuracy"] == scores.rules["borda"].accuracy
