"""Figures of members and rules on the same samples."""

import json
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score, log_loss

from fer_ensemble.ensemble import (
    RULES,
    StackingEnsemble,
    VotingEnsemble,
    combine,
    score_ensemble,
    to_stacking,
)

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


MEMBERS = [("first", Reader(0)), ("second", Reader(1))]


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any]:
    """Two opinions on each sample, the first of which is mostly right."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=300)
    first = rng.dirichlet(np.ones(3), 300) + np.eye(3)[y]
    return np.hstack([first / 2, rng.dirichlet(np.ones(3), 300)]), CLASSES[y]


def _voting(table: Any, **parameters: Any) -> Any:
    X, y = table
    return VotingEnsemble(MEMBERS, random_state=0, **parameters).fit(X, y)


def test_every_member_and_every_rule_is_measured(table: Any) -> None:
    X, y = table
    ensemble = _voting(table)
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
    ensemble = _voting(table, rule="average", validation_fraction=None)
    scores = score_ensemble(ensemble, ensemble.predict_member_proba(X), y)
    assert scores.weights is None
    assert set(RULES) - set(scores.rules) == {"weighted", "weighted_majority"}
    with pytest.raises(ValueError, match="Nothing was held out"):
        score_ensemble(ensemble, ensemble.validation_probabilities_, ensemble.validation_labels_)


def test_temperatures_are_measured_too(table: Any) -> None:
    X, y = table
    plain, tempered = _voting(table), _voting(table, calibrate=True)
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
        ensemble = _voting(table, ties=ties)
        assert score_ensemble(ensemble, stacked, y).rules["majority"].accuracy == accuracy


def test_stacking_stands_beside_the_rules(table: Any) -> None:
    X, y = table
    ensemble = to_stacking(_voting(table, validation_fraction=0.5))
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
    ensemble = StackingEnsemble(MEMBERS, n_splits=2, passthrough=True, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"passthrough=True needs the samples too"):
        score_ensemble(ensemble, ensemble.predict_member_proba(X), y)


def test_figures_can_be_written_as_json(table: Any) -> None:
    X, y = table
    ensemble = _voting(table)
    scores = score_ensemble(ensemble, ensemble.predict_member_proba(X), y)
    content = json.loads(json.dumps(scores.to_dict()))
    assert content["n"] == 300
    assert content["weights"].keys() == content["members"].keys() == {"first", "second"}
    assert content["rules"]["borda"]["accuracy"] == scores.rules["borda"].accuracy
