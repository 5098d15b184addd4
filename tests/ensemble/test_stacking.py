"""Stacking without leakage, with members of every kind."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble
from fer_ensemble.splitting import row_digests

NAMES = np.array(["sad", "angry", "happy"])


class Witness(ClassifierMixin, BaseEstimator):
    """Is certain of the first class for what it has seen, and undecided about the rest."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Any:
        assert validation_data is None, "rows to be predicted must not decide when to stop"
        self.X_, self.sample_weight_ = X, sample_weight
        self.classes_ = np.unique(y)
        self.seen_ = {self._mark(row) for row in X}
        return self

    def _mark(self, row: Any) -> Any:
        return row.tobytes()

    def predict_proba(self, X: Any) -> Any:
        seen = np.array([self._mark(row) in self.seen_ for row in X])
        certain = np.eye(len(self.classes_))[0]
        return np.where(seen[:, np.newaxis], certain, np.full_like(certain, 1 / len(certain)))

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class GroupWitness(Witness):
    """Has seen a row if it has seen the group, whose number is in the first column."""

    def _mark(self, row: Any) -> Any:
        return row[0]


class Recorder(LogisticRegression):
    """Remembers what its fit was given."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        self.X_, self.y_, self.sample_weight_ = X, y, sample_weight
        return super().fit(X, y, sample_weight=sample_weight)


class Untrainable(Witness):
    """Stands where no member may be fitted yet."""

    def fit(self, *args: Any, **keywords: Any) -> Any:
        raise AssertionError("fitted too early")


def _table(n_samples: int = 150, seed: int = 0) -> tuple[Any, Any]:
    X, y = make_classification(
        n_samples, n_features=6, n_informative=4, n_classes=3, class_sep=1.5, random_state=seed
    )
    return X, NAMES[y]


def _members() -> list[tuple[str, Any]]:
    return [("lr", LogisticRegression(solver="newton-cholesky")), ("nb", GaussianNB())]


def _stacking(members: Any = None, **parameters: Any) -> Any:
    return StackingEnsemble(
        members or _members(), **{"random_state": 0, "n_splits": 3} | parameters
    )


def _columns(*chosen: int) -> Any:
    return ColumnTransformer([("own", "passthrough", list(chosen))])


# --- without leakage ----------------------------------------------------------------------


def test_no_member_predicts_what_it_has_seen() -> None:
    X, y = _table()
    ensemble = _stacking([("witness", Witness())]).fit(X, y)
    np.testing.assert_array_equal(ensemble.oof_probabilities_, 1 / 3)
    np.testing.assert_array_equal(ensemble.predict_member_proba(X), np.tile([1, 0, 0], (150, 1, 1)))


def test_no_member_predicts_a_copy_of_what_it_has_seen() -> None:
    X, y = _table()
    rows = np.random.default_rng(0).integers(150, size=600)
    ensemble = _stacking([("witness", Witness())]).fit(X[rows], y[rows])
    np.testing.assert_array_equal(ensemble.oof_probabilities_, 1 / 3)
    for original in np.unique(rows):
        assert len(set(ensemble.fold_ids_[rows == original])) == 1


def test_no_member_predicts_a_group_that_it_has_seen() -> None:
    X, y = _table()
    X[:, 0] = np.arange(150) // 5
    ensemble = _stacking([("witness", GroupWitness())])
    assert (ensemble.fit(X, y).oof_probabilities_ == 1).any()
    ensemble.fit(X, y, groups=X[:, 0])
    np.testing.assert_array_equal(ensemble.oof_probabilities_, 1 / 3)


def test_the_out_of_fold_table_is_what_models_of_the_other_folds_say() -> None:
    X, y = _table()
    ensemble = _stacking().fit(X, y)
    assert set(ensemble.fold_ids_) == {0, 1, 2}
    for fold in range(3):
        held = ensemble.fold_ids_ == fold
        for place, (_, member) in enumerate(_members()):
            expected = member.fit(X[~held], y[~held]).predict_proba(X[held])
            np.testing.assert_array_equal(ensemble.oof_probabilities_[held, place], expected)
    for place, (name, member) in enumerate(ensemble.members_):
        assert name == _members()[place][0]
        whole = _members()[place][1].fit(X, y)
        np.testing.assert_array_equal(member.predict_proba(X), whole.predict_proba(X))


def test_members_that_know_by_heart_what_nobody_can_know_do_not_fool_the_final_estimator() -> None:
    """Labels that say nothing, each sample four times: by heart, or by a copy, they are known."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)).repeat(4, axis=0), rng.integers(3, size=120).repeat(4)
    members = [("nn", KNeighborsClassifier(1)), ("tree", DecisionTreeClassifier(random_state=0))]
    ensemble = _stacking(members, passthrough=True, final_estimator=GaussianNB()).fit(X, y)
    assert (ensemble.predict_member_proba(X).argmax(axis=2) == y[:, np.newaxis]).mean() == 1
    assert (ensemble.oof_probabilities_.argmax(axis=2) == y[:, np.newaxis]).mean() < 0.45
    assert (_stacking(members).fit(X, y).final_estimator_.coef_ < 0.5).all()


def test_the_final_estimator_trusts_the_member_that_knows() -> None:
    X, y = _table(600)
    X = np.hstack([X, np.random.default_rng(0).normal(size=(600, 2))])
    members = [
        ("honest", make_pipeline(_columns(0, 1, 2, 3, 4, 5), LogisticRegression())),
        ("by_heart", make_pipeline(_columns(6, 7), DecisionTreeClassifier(random_state=0))),
    ]
    train, test = slice(0, 400), slice(400, None)
    stacked = _stacking(members).fit(X[train], y[train]).predict_proba(X[test])
    alone = members[0][1].fit(X[train], y[train]).predict_proba(X[test])
    averaged = VotingEnsemble(members, rule="average").fit(X[train], y[train])
    assert log_loss(y[test], stacked) < log_loss(y[test], alone) + 0.03
    assert log_loss(y[test], averaged.predict_proba(X[test])) > log_loss(y[test], stacked) + 0.1


def test_stacking_in_another_ensemble_holds_its_own_rows_out() -> None:
    X, y = _table()
    inner = _stacking([("witness", Witness())])
    for outer in (VotingEnsemble([("stack", inner)]), _stacking([("stack", inner)])):
        member = outer.fit(X, y).members_[0][1]
        assert set(member.fold_ids_) == {0, 1, 2}


# --- classes and labels -------------------------------------------------------------------


def test_string_labels_stay() -> None:
    X, y = _table()
    ensemble = _stacking().fit(X, y)
    assert ensemble.classes_.tolist() == ["angry", "happy", "sad"]
    assert set(ensemble.predict(X)) <= set(NAMES)
    assert ensemble.score(X, y) > 0.7
    np.testing.assert_allclose(ensemble.predict_proba(X).sum(axis=1), 1)
    np.testing.assert_array_equal(ensemble.oof_labels_, y)


@pytest.mark.parametrize("own", [False, True], ids=["XGBClassifier", "BoostedTreesClassifier"])
def test_string_labels_stay_with_boosted_trees_at_the_end(own: bool) -> None:
    import xgboost

    from fer_ensemble.models import BoostedTreesClassifier

    X, y = _table()
    trees = BoostedTreesClassifier if own else xgboost.XGBClassifier
    ensemble = _stacking(final_estimator=trees(n_estimators=20, max_depth=2, n_jobs=1))
    assert ensemble.fit(X, y).score(X, y) > 0.7
    assert set(ensemble.predict(X)) <= set(NAMES)


def test_columns_are_put_in_the_order_of_the_classes() -> None:
    class Reversed(GaussianNB):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            super().fit(X, y, sample_weight)
            self.order_, self.classes_ = self.classes_, self.classes_[::-1]
            return self

        def predict_proba(self, X: Any) -> Any:
            self.classes_ = self.order_
            probabilities = super().predict_proba(X)
            self.classes_ = self.order_[::-1]
            return probabilities[:, ::-1]

    X, y = _table()
    ensemble = _stacking([("nb", GaussianNB()), ("reversed", Reversed())]).fit(X, y)
    table = ensemble.oof_probabilities_
    np.testing.assert_array_equal(table[:, 0], table[:, 1])
    stacked = ensemble.predict_member_proba(X)
    np.testing.assert_array_equal(stacked[:, 0], stacked[:, 1])


def test_a_class_missing_from_a_fold_is_an_error_with_counts_and_before_any_fit() -> None:
    X, y = _table()
    y = y.astype("<U10")
    y[:2] = "rare"
    with pytest.raises(ValueError, match=r"n_splits=3 .*rare: 2, sad: \d+\."):
        _stacking([("none", Untrainable())]).fit(X, y)


def test_a_member_of_other_classes_is_an_error() -> None:
    X, y = _table()
    old = FrozenEstimator(GaussianNB().fit(X, np.resize(["sad", "angry"], 150)))
    with pytest.raises(ValueError, match=r"'old' knows 2 classes and the ensemble 3.*'happy'"):
        _stacking([("new", Untrainable()), ("old", old)]).fit(X, y, validation_data=_table(seed=1))


def test_one_class_is_not_enough() -> None:
    with pytest.raises(ValueError, match="one class"):
        _stacking().fit(_table()[0], ["sad"] * 150)


# --- the final estimator ------------------------------------------------------------------


def test_the_final_estimator_learns_from_clipped_logarithms() -> None:
    X, y = _table()
    ensemble = _stacking(final_estimator=Recorder()).fit(X, y)
    final = ensemble.final_estimator_
    expected = np.log(np.maximum(ensemble.oof_probabilities_, 1e-6)).reshape(150, -1)
    np.testing.assert_array_equal(final.X_, expected)
    np.testing.assert_array_equal(ensemble.classes_[final.y_], y)
    logarithms = np.log(np.maximum(ensemble.predict_member_proba(X), 1e-6)).reshape(150, -1)
    np.testing.assert_array_equal(ensemble.predict_proba(X), final.predict_proba(logarithms))


def test_with_passthrough_it_sees_the_flattened_samples_too() -> None:
    X, y = _table()
    blocks = X.reshape(150, 2, 3)
    flatten = FunctionTransformer(lambda Z: Z.reshape(len(Z), -1))
    members = [("nb", make_pipeline(flatten, GaussianNB()))]
    ensemble = _stacking(members, passthrough=True, final_estimator=Recorder()).fit(blocks, y)
    np.testing.assert_array_equal(ensemble.final_estimator_.X_[:, 3:], X)
    assert ensemble.predict(blocks).shape == (150,)


@pytest.mark.parametrize(
    ("final_estimator", "error", "message"),
    [
        (GaussianNB, TypeError, "must be a classifier object"),
        ("lr", TypeError, "must be a classifier object"),
        (RidgeClassifier(), ValueError, r"\(RidgeClassifier\) has no predict_proba"),
    ],
)
def test_final_estimators_that_are_none_are_refused_before_any_fit(
    final_estimator: Any, error: Any, message: str
) -> None:
    ensemble = _stacking([("none", Untrainable())], final_estimator=final_estimator)
    with pytest.raises(error, match=message):
        ensemble.fit(*_table())


# --- members fitted before ----------------------------------------------------------------


def _frozen(X: Any, y: Any) -> Any:
    member = GaussianNB().fit(X, y)
    member.training_digests_ = np.unique(row_digests(X))
    return FrozenEstimator(member)


def test_frozen_members_are_not_put_on_folds() -> None:
    X, y = _table()
    members = [("new", Untrainable()), ("old", _frozen(X, y))]
    with pytest.raises(ValueError, match=r"frozen: old\. .*give fit validation_data"):
        _stacking(members).fit(X, y)


def test_with_frozen_members_only_the_final_estimator_learns_from_validation_data() -> None:
    X, y = _table(300)
    old = _frozen(X[:150], y[:150])
    ensemble = _stacking([("old", old)]).fit(X[:150], y[:150], validation_data=(X[150:], y[150:]))
    np.testing.assert_array_equal(ensemble.oof_probabilities_[:, 0], old.predict_proba(X[150:]))
    np.testing.assert_array_equal(ensemble.oof_labels_, y[150:])
    assert ensemble.fold_ids_ is None
    assert ensemble.fit_times_ == {}
    assert ensemble.members_[0][1] is old
    assert ensemble.score(X[150:], y[150:]) > 0.6


def test_beside_frozen_members_others_are_fitted_on_the_training_data() -> None:
    X, y = _table(300)
    members = [("old", _frozen(X[:100], y[:100])), ("witness", Witness())]
    ensemble = _stacking(members).fit(X[:150], y[:150], validation_data=(X[150:], y[150:]))
    np.testing.assert_array_equal(ensemble.members_[1][1].X_, X[:150])
    np.testing.assert_array_equal(ensemble.oof_probabilities_[:, 1], 1 / 3)
    np.testing.assert_array_equal(ensemble.training_digests_, np.unique(row_digests(X)))


def test_a_frozen_member_that_has_seen_the_validation_data_is_refused() -> None:
    X, y = _table(300)
    members = [("new", Untrainable()), ("old", _frozen(X[:160], y[:160]))]
    message = (
        r"'old' was fitted on 10 of the 150 samples of validation_data \(rows 0, 1, 2, 3, 4, …"
    )
    with pytest.raises(ValueError, match=message):
        _stacking(members).fit(X[:150], y[:150], validation_data=(X[150:], y[150:]))


def test_a_frozen_part_that_has_seen_the_rows_of_the_folds_is_refused() -> None:
    X, y = _table()
    members = [("part", CalibratedClassifierCV(_frozen(X[:20], y[:20])))]
    with pytest.raises(ValueError, match="'part' was fitted on 20 of the 150 samples"):
        _stacking(members).fit(X, y)


def test_validation_data_must_not_hold_copies_of_what_members_are_fitted_on() -> None:
    X, y = _table(300)
    with pytest.raises(ValueError, match=r"holds copies of 1 of the 151 .*\(rows 0\)"):
        _stacking([("none", Untrainable())]).fit(
            X[:150], y[:150], validation_data=(X[149:], y[149:])
        )


def test_validation_data_needs_every_class() -> None:
    X, y = _table(300)
    few = y[150:] != "sad"
    with pytest.raises(ValueError, match=r"every class; it has angry: \d+, happy: \d+, sad: 0"):
        _stacking([("none", Untrainable())]).fit(
            X[:150], y[:150], validation_data=(X[150:][few], y[150:][few])
        )


def test_an_ensemble_tells_what_it_was_fitted_on() -> None:
    X, y = _table(300)
    inner = FrozenEstimator(_stacking().fit(X[:150], y[:150]))
    with pytest.raises(ValueError, match="'inner' was fitted on 50 of the 200"):
        _stacking([("inner", inner)]).fit(X, y, validation_data=(X[100:], y[100:]))


# --- sample weights -----------------------------------------------------------------------


def test_sample_weights_go_to_those_that_take_them_and_it_is_said_which() -> None:
    X, y = _table()
    sample_weight = np.random.default_rng(0).uniform(0.5, 2, size=150)
    members = [("witness", Witness()), ("nn", KNeighborsClassifier())]
    with pytest.warns(UserWarning, match=r"members take none .* nn\."):
        ensemble = _stacking(members, final_estimator=Recorder()).fit(X, y, sample_weight)
    assert ensemble.sample_weight_members_ == ["witness"]
    np.testing.assert_array_equal(ensemble.members_[0][1].sample_weight_, sample_weight)
    np.testing.assert_array_equal(ensemble.final_estimator_.sample_weight_, sample_weight)


def test_a_final_estimator_that_takes_no_weights_is_named() -> None:
    X, y = _table()
    with pytest.warns(UserWarning, match=r"final_estimator \(KNeighborsClassifier\) takes none"):
        _stacking(final_estimator=KNeighborsClassifier()).fit(X, y, np.ones(150))


def test_a_weight_is_as_good_as_so_many_copies_in_any_order() -> None:
    X, y = _table(90)
    rng = np.random.default_rng(0)
    sample_weight = rng.integers(4, size=90)
    rows = rng.permutation(np.arange(90).repeat(sample_weight))
    for final_estimator in (GaussianNB(), None):
        weighted = _stacking(final_estimator=final_estimator).fit(X, y, sample_weight)
        repeated = _stacking(final_estimator=final_estimator).fit(X[rows], y[rows])
        np.testing.assert_allclose(
            weighted.predict_proba(X), repeated.predict_proba(X), rtol=0, atol=2e-3
        )
        np.testing.assert_array_equal(weighted.fold_ids_[rows], repeated.fold_ids_)


def test_samples_of_weight_zero_are_left_out() -> None:
    X, y = _table()
    sample_weight = np.ones(150)
    sample_weight[:50] = 0
    ensemble = _stacking().fit(X, y, sample_weight, groups=np.arange(150))
    without = _stacking().fit(X[50:], y[50:])
    np.testing.assert_array_equal(ensemble.fold_ids_, np.r_[[-1] * 50, without.fold_ids_])
    assert np.isnan(ensemble.oof_probabilities_[:50]).all()
    np.testing.assert_allclose(ensemble.predict_proba(X), without.predict_proba(X), atol=1e-6)


# --- views and forms of data --------------------------------------------------------------


def test_each_member_sees_its_own_view() -> None:
    X, y = _table()
    noise = np.random.default_rng(0).normal(size=(150, 3))
    faces = np.stack([X.reshape(150, 2, 3), np.stack([noise, noise], axis=1)], axis=3)
    sharp = FunctionTransformer(lambda Z: Z[..., 0].reshape(len(Z), -1))
    blurred = FunctionTransformer(lambda Z: Z[..., 1].mean(axis=1))
    members = [
        ("sharp", make_pipeline(sharp, StandardScaler(), LogisticRegression())),
        ("blurred", make_pipeline(blurred, GaussianNB())),
    ]
    ensemble = _stacking(members).fit(faces, y)
    assert ensemble.members_[0][1][-1].coef_.shape == (3, 6)
    assert ensemble.members_[1][1][-1].theta_.shape == (3, 3)
    assert ensemble.score(faces, y) > 0.7
    assert not hasattr(ensemble, "n_features_in_")


def test_members_choose_columns_of_a_data_frame_by_name() -> None:
    pd = pytest.importorskip("pandas")
    X, y = _table()
    frame = pd.DataFrame(X, columns=list("abcdef")).assign(word="ignored")
    view = ColumnTransformer([("own", "passthrough", ["a", "c", "d", "f"])])
    members = [("lr", make_pipeline(view, LogisticRegression()))]
    ensemble = _stacking(members).fit(frame, pd.Series(y, dtype=object))
    assert ensemble.feature_names_in_.tolist() == [*"abcdef", "word"]
    assert ensemble.score(frame, y) > 0.5


def test_sparse_samples_pass_through() -> None:
    from scipy import sparse

    X, y = _table()
    X[X < 0] = 0
    members, final = [("lr", LogisticRegression())], LogisticRegression(max_iter=1000)
    dense = _stacking(members, final_estimator=final, passthrough=True, n_splits=2)
    table = clone(dense).fit(sparse.csr_array(X), y)
    assert sparse.issparse(table._meta_features(table.oof_probabilities_, sparse.csr_array(X)))
    assert table.score(sparse.csr_array(X), y) > 0.6


# --- manners ------------------------------------------------------------------------------


def test_processes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = _table()
    # Of classes that processes can import: those of a test module they cannot.
    one, two = _stacking(), _stacking(n_jobs=2)
    monkeypatch.setattr("joblib.cpu_count", lambda: 4)
    one.fit(X, y), two.fit(X, y)
    np.testing.assert_array_equal(one.oof_probabilities_, two.oof_probabilities_)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert [name for name, _ in two.members_] == ["lr", "nb"]
    assert two.fit_times_.keys() == {"lr", "nb"}


@pytest.mark.parametrize("labels", ["strings", "objects", "numbers"])
def test_the_out_of_fold_table_can_be_saved_and_read_without_pickle(
    labels: str, tmp_path: Any
) -> None:
    X, y = _table()
    y = {"strings": y, "objects": y.astype(object), "numbers": np.searchsorted(np.sort(NAMES), y)}[
        labels
    ]
    ensemble = _stacking().fit(X, y)
    path = ensemble.save_out_of_fold(tmp_path / "table.npz")
    with np.load(path, allow_pickle=False) as table:
        np.testing.assert_array_equal(table["probabilities"], ensemble.oof_probabilities_)
        np.testing.assert_array_equal(table["fold_ids"], ensemble.fold_ids_)
        assert table["labels"].tolist() == y.tolist()
        assert table["classes"].tolist() == ensemble.classes_.tolist()
        assert table["members"].tolist() == ["lr", "nb"]


def test_without_folds_the_table_has_none(tmp_path: Any) -> None:
    X, y = _table(300)
    ensemble = _stacking().fit(X[:150], y[:150], validation_data=(X[150:], y[150:]))
    with np.load(ensemble.save_out_of_fold(tmp_path / "table.npz"), allow_pickle=False) as table:
        assert "fold_ids" not in table
        assert table["probabilities"].shape == (150, 2, 3)


@pytest.mark.parametrize("n_splits", [1, 0, 2.5, None])
def test_a_number_of_folds_that_is_none_is_refused(n_splits: Any) -> None:
    with pytest.raises(ValueError, match="n_splits must be a whole number from 2 on"):
        _stacking(n_splits=n_splits).fit(*_table())


@pytest.mark.parametrize("length", [149, 151])
def test_groups_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        _stacking().fit(*_table(), groups=np.arange(length))


def test_an_interrupted_fit_is_none() -> None:
    X, y = _table()
    ensemble = _stacking().fit(X, y)
    with pytest.raises(AssertionError, match="too early"):
        ensemble.set_params(nb=Untrainable()).fit(X, y)
    assert [name for name, _ in ensemble.members_] == ["lr"]
    with pytest.raises(NotFittedError):
        ensemble.predict(X)
    with pytest.raises(NotFittedError):
        ensemble.save_out_of_fold("nowhere.npz")


def test_parameters_of_members_and_final_estimator_can_be_searched() -> None:
    X, y = _table()
    grid = {"lr__C": [0.1, 1.0], "final_estimator__var_smoothing": [1e-9, 1e-2]}
    search = GridSearchCV(_stacking(final_estimator=GaussianNB(), n_splits=2), grid, cv=2)
    assert np.isfinite(search.fit(X, y).cv_results_["mean_test_score"]).all()


def test_clones_and_pickles() -> None:
    X, y = _table()
    ensemble = _stacking(final_estimator=GaussianNB(), n_splits=2, passthrough=True).fit(X, y)
    copy = clone(ensemble)
    assert not hasattr(copy, "members_")
    assert copy.get_params()["n_splits"] == 2
    again = pickle.loads(pickle.dumps(ensemble))
    np.testing.assert_array_equal(again.predict_proba(X), ensemble.predict_proba(X))
    np.testing.assert_array_equal(again.training_digests_, np.unique(row_digests(X)))


def test_verbose_says_which_member_is_being_fitted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    _stacking().fit(*_table())
    assert not caplog.messages
    _stacking(verbose=1, n_splits=2).fit(*_table())
    assert caplog.messages.count("lr: fitting on 150 samples") == 1
    assert caplog.messages.count("lr: fitting on 75 samples") == 2


def test_a_sample_that_is_too_unsure_gets_no_label() -> None:
    X, y = _table()
    ensemble = _stacking().fit(X, y)
    confidence = ensemble.predict_proba(X).max(axis=1)
    labels = ensemble.predict(X, min_confidence=0.8)
    assert 0 < (confidence < 0.8).sum() < len(X)
    np.testing.assert_array_equal(labels == "abstain", confidence < 0.8)
    np.testing.assert_array_equal(labels[confidence >= 0.8], ensemble.predict(X)[confidence >= 0.8])
