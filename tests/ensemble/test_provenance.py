"""Samples that a frozen member was fitted on are known again."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.datasets import row_digests
from fer_ensemble.ensemble.provenance import check_unseen, seen_digests

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.arange(60) % 2


def _fitted(rows: slice) -> Any:
    member = GaussianNB().fit(X[rows], Y[rows])
    member.training_digests_ = np.unique(row_digests(X[rows]))
    return member


def test_rows_that_a_frozen_member_was_fitted_on_are_refused_with_count_and_numbers() -> None:
    members = [("new", GaussianNB()), ("old", FrozenEstimator(_fitted(slice(40))))]
    message = r"'old' was fitted on 8 of the 28 faces \(rows 0, 1, 2, 3, 4, …\).*Leave these rows"
    with pytest.raises(ValueError, match=message):
        check_unseen(members, X[32:], "faces")
    with pytest.raises(ValueError, match=r"1 of the 21 samples \(rows 0\)"):
        check_unseen(members, X[39:])
    check_unseen(members, X[40:])


def test_it_is_the_content_that_counts() -> None:
    members = [("old", FrozenEstimator(_fitted(slice(40))))]
    with pytest.raises(ValueError, match=r"\(rows 1\)"):
        check_unseen(members, np.stack([X[50], X[7]]).reshape(2, 3, 1))


def test_digests_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(FrozenEstimator(_fitted(slice(40)))))
    with pytest.raises(ValueError, match="fitted on 40 of the 60"):
        check_unseen([("old", again)], X)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda frozen: CalibratedClassifierCV(frozen),
        lambda frozen: make_pipeline(StandardScaler(), frozen),
    ],
    ids=["calibrated", "pipeline"],
)
def test_frozen_parts_of_members_are_looked_at(wrap: Any) -> None:
    members = [("part", wrap(FrozenEstimator(_fitted(slice(40)))))]
    with pytest.raises(ValueError, match="'part' was fitted on 40 of the 60"):
        check_unseen(members, X)
    check_unseen(members, X[40:])


def test_of_a_member_without_digests_nothing_is_known() -> None:
    check_unseen([("foreign", FrozenEstimator(GaussianNB().fit(X, Y)))], X)
    check_unseen([("unfitted", GaussianNB())], X)


def test_seen_are_the_samples_given_and_those_of_frozen_members() -> None:
    members = [("new", GaussianNB()), ("old", FrozenEstimator(_fitted(slice(40))))]
    np.testing.assert_array_equal(
        seen_digests(members, X[30:45], X[44:50]), np.unique(row_digests(X[:50]))
    )
    assert seen_digests([("new", GaussianNB())]).dtype == np.uint64
