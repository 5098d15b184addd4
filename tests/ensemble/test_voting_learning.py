"""What a voting ensemble learns on held-out samples: weights and temperatures."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB

from fer_ensemble.ensemble import (
    RULES,
    WEIGHTING,
    learn_weights,
)
from tests.ensemble.stand_ins import (
    Noise,
    Reader,
    Spy,
    Untrainable,
    make_ensemble,
    make_members,
    make_opinions,
    make_table,
    make_voting,
)


def test_the_rule_can_be_changed_after_the_fit() -> None:
    X, y = make_table()
    ensemble = make_ensemble(rule="majority").fit(X, y)
    voted = ensemble.predict_proba(X)
    switched = ensemble.set_params(rule="weighted").predict_proba(X)
    assert not np.allclose(voted, switched)
    np.testing.assert_array_equal(switched, make_ensemble().fit(X, y).predict_proba(X))


@pytest.mark.parametrize("weighting", WEIGHTING)
def test_weights_are_learned_by_the_method_asked_for(weighting: str) -> None:
    ensemble = make_ensemble(weighting=weighting).fit(*make_table())
    expected = learn_weights(
        ensemble.validation_probabilities_,
        ensemble.validation_labels_,
        ensemble.classes_,
        method=weighting,
        random_state=0,
    )
    np.testing.assert_array_equal(ensemble.weights_, expected)


def test_another_way_to_learn_weights_needs_no_refit() -> None:
    X, y = make_table()
    ensemble = make_ensemble().fit(X, y)
    members, by_log_loss = ensemble.members_, ensemble.weights_
    assert ensemble.set_params(weighting="accuracy").learn_combination() is ensemble
    assert ensemble.members_ is members
    assert not np.allclose(ensemble.weights_, by_log_loss)
    np.testing.assert_array_equal(
        ensemble.predict_proba(X), make_ensemble(weighting="accuracy").fit(X, y).predict_proba(X)
    )
    ensemble.set_params(weights=[0, 1, 1]).learn_combination()
    np.testing.assert_array_equal(ensemble.weights_, [0, 0.5, 0.5])


def test_nothing_can_be_learned_where_nothing_was_held_out() -> None:
    X, y = make_table()
    ensemble = make_ensemble(rule="average", validation_fraction=None).fit(X, y)
    for changes in ({"rule": "weighted"}, {"calibrate": True}):
        # A fraction set afterwards holds nothing out any more.
        ensemble.set_params(**{"rule": "average", "validation_fraction": 0.1, **changes})
        with pytest.raises(ValueError, match="held-out samples"):
            ensemble.learn_combination()
    with pytest.raises(NotFittedError):
        make_ensemble().learn_combination()


def test_after_an_interrupted_refit_nothing_can_be_learned_from_the_former_one() -> None:
    X, y = make_table()
    ensemble = make_ensemble().fit(X, y)
    ensemble.set_params(members=[("lr", LogisticRegression()), ("none", Untrainable())])
    with pytest.raises(AssertionError):
        ensemble.fit(X, y)
    with pytest.raises(NotFittedError):
        ensemble.predict(X)
    with pytest.raises(NotFittedError):
        ensemble.learn_combination()


@pytest.mark.parametrize("weighting", WEIGHTING)
def test_a_member_of_pure_noise_costs_learned_weights_less_than_a_fifth_of_a_point(
    weighting: str,
) -> None:
    X, y = make_table(24_000)
    train, test = slice(0, 12_000), slice(12_000, None)
    honest = [("lr", LogisticRegression()), ("nb", GaussianNB())]
    accuracy = {}
    for name, members in {"without": honest, "with": [*honest, ("noise", Noise())]}.items():
        ensemble = make_voting(
            members, weighting=weighting, validation_fraction=0.3, random_state=0
        ).fit(X[train], y[train])
        for rule in ("weighted", "average"):
            accuracy[rule, name] = ensemble.set_params(rule=rule).score(X[test], y[test])
    assert ensemble.weights_[2] < 0.05
    assert accuracy["weighted", "with"] > accuracy["weighted", "without"] - 0.002
    assert accuracy["average", "with"] < accuracy["average", "without"] - 0.02


def test_given_weights_are_used_as_they_are() -> None:
    X, y = make_table()
    ensemble = make_ensemble(weights=[2, 0, 6]).fit(X, y)
    np.testing.assert_array_equal(ensemble.weights_, [0.25, 0, 0.75])
    assert ensemble.validation_probabilities_ is not None
    without = make_ensemble(weights=[2, 0, 6], validation_fraction=None).fit(X, y)
    np.testing.assert_array_equal(without.weights_, [0.25, 0, 0.75])


def test_learned_weights_resist_members_that_poison_the_average() -> None:
    X, y = make_table(1500)
    train, test = slice(0, 1000), slice(1000, None)
    wrong = [(f"wrong_{i}", Spy(answer=[0.9, 0.05, 0.05])) for i in range(3)]
    members = [*make_members(), *wrong]
    losses = {}
    for rule in RULES:
        ensemble = make_voting(members, rule=rule, random_state=0).fit(X[train], y[train])
        losses[rule] = log_loss(y[test], ensemble.predict_proba(X[test]))
    alone = log_loss(y[test], make_ensemble().fit(X[train], y[train]).predict_proba(X[test]))
    assert losses["weighted"] < alone + 0.01
    assert losses["average"] > alone + 0.2
    assert ensemble.weights_[3:].sum() < 0.02


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, -1, 1], "member 1: -1"),
        ([0, 0, 0], "All 3 weights are zero"),
        ([1, 1], "3 in all"),
    ],
)
def test_weights_that_are_none_are_refused_before_any_fit(weights: Any, message: str) -> None:
    ensemble = make_ensemble(weights=weights)
    with pytest.raises(ValueError, match=message):
        ensemble.fit(*make_table())
    assert not hasattr(ensemble, "members_")


def test_calibration_lowers_the_log_loss_of_a_member_that_is_too_sure() -> None:
    X, y = make_opinions(3000)
    members = [("sure", Reader(power=4))]
    before, after = (
        make_voting(members, calibrate=calibrate, random_state=0).fit(X[:2000], y[:2000])
        for calibrate in (False, True)
    )
    assert before.calibration_ is None
    calibration = after.calibration_["weighted"]
    assert 3 < calibration.member_temperatures[0] < 5.5
    assert calibration.after.log_loss < calibration.before.log_loss - 0.2
    assert calibration.after.calibration_error < calibration.before.calibration_error
    unseen, truth = X[2000:], y[2000:]
    tempered = after.predict_proba(unseen)
    assert log_loss(truth, tempered) < log_loss(truth, before.predict_proba(unseen)) - 0.2
    assert log_loss(truth, tempered) < log_loss(truth, unseen) + 0.02
    np.testing.assert_array_equal(tempered.argmax(axis=1), unseen.argmax(axis=1))


def test_another_rule_comes_with_its_own_temperatures() -> None:
    X, y = make_opinions(600)
    X = np.hstack([X, (X + X[:, ::-1]) / 2, (3 * X + make_opinions(600, seed=1)[0]) / 4])
    members = [("sure", Reader(0, power=3)), ("vague", Reader(1)), ("modest", Reader(2, 0.5))]
    ensemble = make_voting(members, calibrate=True, validation_fraction=0.5, random_state=0).fit(
        X, y
    )
    stacked = ensemble.predict_member_proba(X)
    for rule in RULES:
        expected = ensemble.calibration_[rule].apply(stacked, rule, ensemble.weights_)
        actual = ensemble.set_params(rule=rule).predict_proba(X)
        np.testing.assert_allclose(actual, expected, atol=1e-12)
    refitted = clone(ensemble).fit(X, y)
    np.testing.assert_array_equal(refitted.predict_proba(X), actual)
    temperatures = {entry.ensemble_temperature for entry in ensemble.calibration_.values()}
    assert len(temperatures) == len(RULES)


def test_weights_are_learned_on_tempered_members() -> None:
    X, y = make_opinions(1000)
    X = np.hstack([X, X])
    members = [("sure", Reader(0, power=6)), ("right", Reader(1))]
    untempered = make_voting(members, validation_fraction=0.5, random_state=0).fit(X, y)
    assert untempered.weights_[0] < 0.1
    tempered = clone(untempered).set_params(calibrate=True).fit(X, y)
    np.testing.assert_allclose(tempered.calibration_["average"].member_temperatures[0], 6, rtol=0.2)
    assert tempered.weights_[0] > 0.2


def test_temperatures_can_be_learned_and_dropped_without_a_refit() -> None:
    X, y = make_opinions(400)
    ensemble = make_voting([("sure", Reader(power=4))], random_state=0).fit(X, y)
    raw = ensemble.predict_proba(X)
    ensemble.set_params(calibrate=True).learn_combination()
    assert (ensemble.predict_proba(X).max(axis=1) < raw.max(axis=1)).all()
    ensemble.set_params(calibrate=False).learn_combination()
    np.testing.assert_array_equal(ensemble.predict_proba(X), raw)


@pytest.mark.parametrize("n_held_out", [1, 3])
def test_a_handful_of_held_out_samples_is_enough_for_temperatures(n_held_out: int) -> None:
    X, y = make_table()
    held_out = X[:n_held_out], y[:n_held_out]
    ensemble = make_ensemble(calibrate=True).fit(X[9:], y[9:], validation_data=held_out)
    assert ensemble.calibration_["weighted"].n_folds == (None if n_held_out == 1 else n_held_out)
