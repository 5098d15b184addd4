"""Parameters that are set after a fit: they act, or the next prediction says that they cannot."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

from fer_ensemble.ensemble import StackingEnsemble
from tests.ensemble.stand_ins import make_ensemble, make_table


@pytest.mark.parametrize(
    "changes",
    [{"weights": [1, 0, 0]}, {"weighting": "greedy"}, {"calibrate": True}, {"weights": (1, 2, 3)}],
)
def test_what_is_learned_on_held_out_samples_acts_when_it_is_set_after_a_fit(changes):
    X, y = make_table()
    ensemble = make_ensemble().fit(X, y)
    members, before = ensemble.members_, ensemble.predict_proba(X)
    after = ensemble.set_params(**changes).predict_proba(X)
    assert not np.allclose(after, before)
    assert ensemble.members_ is members
    np.testing.assert_array_equal(after, make_ensemble(**changes).fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"calibrate": True}, "calibrate changed after the fit, but .* held-out samples"),
        ({"weights": [1, 2]}, "weights changed after the fit, but"),
        ({"weights": [1, 2, 3], "nb": GaussianNB()}, "only a fit heeds nb, set along with it"),
    ],
)
def test_what_cannot_act_after_a_fit_is_told_by_the_next_prediction(changes, message):
    X, y = make_table()
    ensemble = make_ensemble(rule="average", validation_fraction=None).fit(X, y)
    before = ensemble.get_params(deep=False)
    expected = ensemble.predict_proba(X)
    ensemble.set_params(**changes)
    for ask in (ensemble.predict_proba, ensemble.predict, ensemble.predict_member_proba):
        with pytest.raises(NotFittedError, match=message):
            ask(X)
    with pytest.raises(NotFittedError):
        check_is_fitted(ensemble)
    ensemble.set_params(**{name: before[name] for name in changes if name in before})
    if "nb" not in changes:
        np.testing.assert_array_equal(ensemble.predict_proba(X), expected)
    ensemble.set_params(rule="weighted", validation_fraction=0.3, calibrate=True).fit(X, y)
    assert ensemble.predict_proba(X).shape == expected.shape


def test_another_final_estimator_learns_at_once_from_what_was_kept():
    X, y = make_table()
    weight = np.arange(len(y)) % 4
    members = make_ensemble().members
    ensemble = StackingEnsemble(members, n_splits=2, random_state=0).fit(X, y, weight)
    first = ensemble.predict_proba(X)
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    changed = ensemble.set_params(final_estimator=tree).predict_proba(X)
    assert not np.allclose(changed, first)
    fresh = StackingEnsemble(members, final_estimator=tree, n_splits=2, random_state=0)
    np.testing.assert_array_equal(changed, fresh.fit(X, y, weight).predict_proba(X))
    deeper = ensemble.set_params(final_estimator__max_depth=5).predict_proba(X)
    assert not np.allclose(deeper, changed)
    ensemble.set_params(passthrough=True)
    with pytest.raises(NotFittedError, match=r"passthrough changed after the fit, but .*samples"):
        ensemble.predict(X)
    np.testing.assert_array_equal(ensemble.set_params(passthrough=False).predict_proba(X), deeper)
