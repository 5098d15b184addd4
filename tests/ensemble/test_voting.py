"""The voting ensemble as a scikit-learn classifier: fits, held-out samples, errors."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from fer_ensemble.ensemble import (
    RULES,
    WEIGHTING,
    combine,
    learn_weights,
)
from fer_ensemble.splitting import row_digests
from tests.ensemble.stand_ins import (
    NAMES,
    Noise,
    OwnPipeline,
    Reader,
    Spy,
    Untrainable,
    make_ensemble,
    make_members,
    make_opinions,
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


def test_sample_weights_go_to_the_members_that_take_them_and_it_is_said_which() -> None:
    X, y = make_table()
    members = [
        ("spy", Spy()),
        ("piped", make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Spy()))),
        ("own", OwnPipeline([("scale", StandardScaler()), ("spy", Spy())])),
        ("knn", KNeighborsClassifier()),
        ("lda", make_pipeline(StandardScaler(), LinearDiscriminantAnalysis())),
    ]
    sample_weight = np.random.default_rng(0).uniform(0.5, 2, size=300)
    ensemble = make_voting(members, random_state=0)
    with pytest.warns(UserWarning, match=r"fitted without: knn, lda\."):
        ensemble.fit(X, y, sample_weight=sample_weight)
    assert ensemble.sample_weight_members_ == ["spy", "piped", "own"]
    held = ensemble.validation_indices_
    direct, piped, own = (member for _, member in ensemble.members_[:3])
    for spy in (direct, piped[-1][-1], own[-1]):
        np.testing.assert_array_equal(spy.sample_weight_, np.delete(sample_weight, held))
    np.testing.assert_array_equal(ensemble.validation_sample_weight_, sample_weight[held])
    np.testing.assert_array_equal(
        ensemble.weights_,
        learn_weights(
            ensemble.validation_probabilities_,
            ensemble.validation_labels_,
            ensemble.classes_,
            sample_weight=sample_weight[held],
        ),
    )


def test_without_sample_weights_none_are_passed() -> None:
    ensemble = make_voting([("spy", Spy()), ("knn", KNeighborsClassifier())]).fit(*make_table())
    assert ensemble.members_[0][1].sample_weight_ is None
    assert ensemble.sample_weight_members_ == []
    assert ensemble.validation_sample_weight_ is None


def test_samples_of_weight_zero_are_left_out_even_by_members_that_take_no_weights() -> None:
    X, y = make_table()
    sample_weight = np.ones(300)
    sample_weight[:100] = 0
    members = [("knn", KNeighborsClassifier())]
    with pytest.warns(UserWarning, match="knn"):
        weighted = make_voting(members, random_state=0).fit(X, y, sample_weight=sample_weight)
    without = make_voting(members, random_state=0).fit(X[100:], y[100:])
    np.testing.assert_array_equal(weighted.predict_proba(X), without.predict_proba(X))
    np.testing.assert_array_equal(weighted.validation_indices_, without.validation_indices_ + 100)


@pytest.mark.parametrize(
    ("sample_weight", "message"),
    [
        (np.zeros(300), "zero"),
        (np.r_[-1, np.ones(299)], "1 of 300 sample weights are neg.* -1 at row 0"),
    ],
)
def test_sample_weights_that_are_none_are_refused(sample_weight: Any, message: str) -> None:
    X, y = make_table()
    with pytest.raises(ValueError, match=message):
        make_ensemble().fit(X, y, sample_weight=sample_weight)


def test_members_fitted_elsewhere_are_aligned_by_their_classes() -> None:
    X, y = make_table()
    fitted = LogisticRegression().fit(X, y)
    permuted = LogisticRegression().fit(X, y)
    order = [2, 0, 1]
    permuted.classes_ = permuted.classes_[order]
    permuted.coef_, permuted.intercept_ = permuted.coef_[order], permuted.intercept_[order]
    members = [("plain", FrozenEstimator(fitted)), ("permuted", FrozenEstimator(permuted))]
    ensemble = make_voting(members, rule="average").fit(X, y)
    np.testing.assert_allclose(ensemble.predict_proba(X), fitted.predict_proba(X))
    assert ensemble.members_[0][1].estimator is fitted
    assert ensemble.fit_times_ == {}


def test_a_frozen_member_that_has_seen_held_out_samples_is_refused() -> None:
    X, y = make_table()
    old = FrozenEstimator(make_ensemble().fit(X[:200], y[:200]))
    members = [("new", Untrainable()), ("old", old)]
    with pytest.raises(ValueError, match=r"'old' was fitted on \d+ of the 30 held-out samples"):
        make_voting(members, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"'old' was fitted on 1 of the 101 .*\(rows 0\)"):
        make_voting([("old", old)]).fit(X, y, validation_data=(X[199:], y[199:]))
    make_voting([("old", old)]).fit(X, y, validation_data=(X[200:], y[200:]))


def test_an_ensemble_tells_what_its_members_were_fitted_on() -> None:
    X, y = make_table()
    ensemble = make_ensemble().fit(X, y)
    fitted_on = np.delete(X, ensemble.validation_indices_, axis=0)
    np.testing.assert_array_equal(ensemble.training_digests_, np.unique(row_digests(fitted_on)))
    new, _ = make_table(seed=1)
    frozen = [("old", FrozenEstimator(ensemble))]
    outer = make_voting(frozen, rule="average").fit(new, y)
    np.testing.assert_array_equal(outer.training_digests_, ensemble.training_digests_)


def test_processes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = make_table()
    # Of classes that processes can import: those of a test module they cannot.
    one, two = make_ensemble(), make_ensemble(n_jobs=2)
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    one.fit(X, y), two.fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert [name for name, _ in two.members_] == ["lr", "nb", "tree"]
    assert two.fit_times_.keys() == {"lr", "nb", "tree"}


def test_a_frozen_member_that_was_not_fitted_is_refused() -> None:
    with pytest.raises(NotFittedError):
        make_voting([("lr", FrozenEstimator(LogisticRegression()))]).fit(*make_table())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            ["sad", "angry"],
            r"Member 'old' knows 2 classes and the ensemble 3: .* lacks \['happy'\]",
        ),
        (["sad", "angry", "happy", "bored"], r"knows 4 classes .* also knows \['bored'\]"),
    ],
)
def test_a_member_of_other_classes_is_an_error_with_counts(labels: list[str], message: str) -> None:
    X, y = make_table()
    old = FrozenEstimator(GaussianNB().fit(X, np.resize(labels, len(X))))
    with pytest.raises(ValueError, match=message):
        make_voting([("new", Untrainable()), ("old", old)]).fit(X, y)


def test_a_member_that_never_says_its_classes_is_refused() -> None:
    class Silent(Spy):
        def fit(self, *args: Any, **keywords: Any) -> Any:
            super().fit(*args, **keywords)
            del self.classes_
            return self

    with pytest.raises(ValueError, match="'silent' has no classes_"):
        make_voting([("silent", Silent())]).fit(*make_table())


ANGRY_OR_SAD = np.tile([0.5, 0.4, 0.1, 0.0, 0.3, 0.7], (40, 1))


def _undecided(**parameters: Any) -> Any:
    members = [("first", Reader(0)), ("second", Reader(1))]
    ensemble = make_voting(members, rule="majority", validation_fraction=None, **parameters)
    return ensemble.fit(ANGRY_OR_SAD, np.resize(NAMES, 40))


def test_ties_go_to_the_highest_mean_probability_and_not_to_the_lowest_index() -> None:
    assert set(_undecided().predict(ANGRY_OR_SAD)) == {"sad"}


def test_ties_go_where_they_are_said_to_go() -> None:
    assert set(_undecided(ties="priority").predict(ANGRY_OR_SAD)) == {"angry"}
    swapped = np.roll(ANGRY_OR_SAD, 3, axis=1)
    assert set(_undecided(ties="priority").predict(swapped)) == {"sad"}
    ensemble = _undecided(ties="random", random_state=0)
    drawn = ensemble.predict(ANGRY_OR_SAD)
    assert 8 < (drawn == "sad").sum() < 32
    np.testing.assert_array_equal(drawn, ensemble.predict(ANGRY_OR_SAD))
    other = ensemble.set_params(random_state=1).predict(ANGRY_OR_SAD)
    assert (drawn != other).any()


def test_a_tie_may_be_left_open() -> None:
    ensemble = _undecided(ties="abstain")
    np.testing.assert_allclose(ensemble.predict_proba(ANGRY_OR_SAD)[0], [0.5, 0, 0.5])
    assert set(ensemble.predict(ANGRY_OR_SAD)) == {"abstain"}
    certain = np.tile([0.1, 0.1, 0.8, 0.2, 0.1, 0.7], (2, 1))
    assert ensemble.predict(certain).tolist() == ["sad", "sad"]
    assert ensemble.set_params(abstain_label="?").predict(ANGRY_OR_SAD[:1]).tolist() == ["?"]


def test_other_ties_and_rules_can_be_asked_of_predictions_at_hand() -> None:
    ensemble = _undecided(ties="abstain")
    stacked = ensemble.predict_member_proba(ANGRY_OR_SAD[:1])
    np.testing.assert_allclose(ensemble.combine(stacked, "average"), [[0.25, 0.35, 0.4]])
    assert ensemble.combine(stacked, ties="mean_probability").argmax() == 2
    assert ensemble.combine(stacked, ties="priority").argmax() == 0
    with pytest.raises(ValueError, match="without held-out data"):
        ensemble.combine(stacked, "weighted")


def test_a_sample_that_is_too_unsure_gets_no_label() -> None:
    X, y = make_opinions(300)
    ensemble = make_voting([("right", Reader())], random_state=0).fit(X, y)
    confidence = X.max(axis=1)
    labels = ensemble.predict(X, min_confidence=0.6)
    np.testing.assert_array_equal(labels == "abstain", confidence < 0.6)
    np.testing.assert_array_equal(labels[confidence >= 0.6], ensemble.predict(X)[confidence >= 0.6])
    codes = np.searchsorted(np.sort(NAMES), y)
    numbers = ensemble.fit(X, codes).predict(X, min_confidence=0.6)
    assert numbers.dtype == codes.dtype
    np.testing.assert_array_equal(numbers == -1, confidence < 0.6)
    with pytest.raises(ValueError, match="abstain_label=2 is one of the classes"):
        ensemble.set_params(abstain_label=2).predict(X, min_confidence=0.6)
