"""What a voting ensemble asks of its members, and passes on to them."""

from typing import Any

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.datasets import row_digests
from fer_ensemble.ensemble import (
    fitting,
    learn_weights,
)
from tests.ensemble.stand_ins import (
    OwnPipeline,
    Spy,
    Untrainable,
    make_ensemble,
    make_table,
    make_voting,
)


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
    monkeypatch.setattr(fitting.joblib, "cpu_count", lambda: 4)
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
