"""Weights reach the classifiers inside of pipelines, with metadata routing and without."""

import warnings
from functools import partial

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble
from fer_ensemble.models import BoostedTreesClassifier, MemberPipeline
from tests.ensemble.stand_ins import make_table

UNION = FeatureUnion([("standard", StandardScaler()), ("range", MinMaxScaler())])
TREES = BoostedTreesClassifier(n_estimators=2, n_jobs=1, random_state=0)
MEMBERS = {
    "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
    "nested": make_pipeline(StandardScaler(), make_pipeline(MinMaxScaler(), GaussianNB())),
    "union": make_pipeline(UNION, LogisticRegression()),
    "own": MemberPipeline([("scaler", StandardScaler()), ("classifier", TREES)]),
    "wrapped": CalibratedClassifierCV(make_pipeline(StandardScaler(), GaussianNB()), cv=2),
    "ensemble": VotingEnsemble(
        [("inner", make_pipeline(StandardScaler(), LogisticRegression()))], random_state=0
    ),
}


def fit(ensemble, *, routing, weight):
    X, y = make_table()
    with config_context(enable_metadata_routing=routing):
        return clone(ensemble).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("kind", [VotingEnsemble, partial(StackingEnsemble, n_splits=2)])
def test_weights_count_the_same_with_routing_and_without(kind, name):
    X, y = make_table()
    weight = np.arange(len(y)) % 5.0
    ensemble = kind([("member", MEMBERS[name])], random_state=0)
    # Outside of our hands: without routing, scikit-learn hands no weights on to a pipeline in it.
    if name == "wrapped":
        with warnings.catch_warnings(action="ignore"):
            plain = fit(ensemble, routing=False, weight=None)
    else:
        plain = fit(ensemble, routing=False, weight=weight)
    routed = fit(ensemble, routing=True, weight=weight)
    assert routed.sample_weight_members_ == ["member"]
    if name == "wrapped":
        assert not np.allclose(routed.predict_proba(X), plain.predict_proba(X))
    else:
        np.testing.assert_array_equal(routed.predict_proba(X), plain.predict_proba(X))
    unweighted = fit(ensemble, routing=True, weight=None)
    assert not np.allclose(routed.predict_member_proba(X), unweighted.predict_member_proba(X))


def test_a_final_estimator_in_a_pipeline_gets_weights_too():
    X, y = make_table()
    weight = np.arange(len(y)) % 5.0
    final = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    ensemble = StackingEnsemble([("nb", GaussianNB())], final_estimator=final, random_state=0)
    plain, routed = (fit(ensemble, routing=routing, weight=weight) for routing in (False, True))
    np.testing.assert_array_equal(routed.predict_proba(X), plain.predict_proba(X))


def test_requests_that_were_set_are_kept_and_none_is_left_behind():
    X, _ = make_table()
    weight = np.arange(len(X)) % 5.0
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        asked = make_pipeline(scaler, LogisticRegression().set_fit_request(sample_weight=False))
        other = LogisticRegression().set_score_request(sample_weight=True)
    member = make_pipeline(StandardScaler(), other)
    ensemble = VotingEnsemble([("asked", asked), ("member", member)], random_state=0)
    fitted = fit(ensemble, routing=True, weight=weight)
    means = [pipeline[0].mean_ for _, pipeline in fitted.members_]
    assert not np.allclose(*means)
    for step in [*member, *fitted.members_[1][1]]:
        request = step._get_metadata_request()
        assert request.fit.requests["sample_weight"] is None
    assert request.score.requests["sample_weight"]
    assert "_metadata_request" not in vars(fitted.members_[1][1][0])


@pytest.mark.parametrize("routing", [False, True])
def test_members_without_weights_are_named(routing):
    members = [("near", make_pipeline(StandardScaler(), KNeighborsClassifier()))]
    X, y = make_table()
    ensemble = VotingEnsemble([*members, ("nb", GaussianNB())], random_state=0)
    with config_context(enable_metadata_routing=routing):
        with pytest.warns(UserWarning, match="take none and are fitted without: near"):
            ensemble.fit(X, y, sample_weight=np.ones(len(y)))
        assert ensemble.sample_weight_members_ == ["nb"]
