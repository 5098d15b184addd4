"""The pipeline of a member: held-out data, weights, and the mirror."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from fer_ensemble.features import HOG
from fer_ensemble.models import BoostedTreesClassifier, MemberPipeline
from fer_ensemble.splitting import row_digests


class Spy(ClassifierMixin, BaseEstimator):
    """Notes what it was given."""

    def fit(self, X, y, sample_weight=None, validation_data=None):
        self.X_, self.y_, self.weight_, self.validation_ = X, y, sample_weight, validation_data
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        # The share of brightness in the left half: a mirror image has the other share.
        left = X[:, : X.shape[1] // 2].sum(axis=1) / X.sum(axis=1)
        return np.column_stack([left, 1 - left])


def columns(X):
    return X.mean(axis=1)


@pytest.fixture
def stack():
    rng = np.random.default_rng(0)
    return rng.integers(1, 256, (6, 4, 8), dtype=np.uint8), np.array([0, 1, 0, 1, 0, 1])


def make(**params):
    return MemberPipeline([("columns", FunctionTransformer(columns)), ("spy", Spy())], **params)


def test_held_out_data_and_weights_reach_the_classifier(stack):
    X, y = stack
    weight = np.arange(6.0)
    spy = make().fit(X, y, sample_weight=weight, validation_data=(X[:2], y[:2]))["spy"]
    np.testing.assert_array_equal(spy.X_, columns(X))
    np.testing.assert_array_equal(spy.weight_, weight)
    np.testing.assert_array_equal(spy.validation_[0], columns(X[:2]))
    np.testing.assert_array_equal(spy.validation_[1], y[:2])


def test_mirror_doubles_the_training_data_only(stack):
    X, y = stack
    weight = np.arange(6.0)
    pipeline = make(mirror=True).fit(X, y, sample_weight=weight, validation_data=(X[:2], y[:2]))
    spy = pipeline["spy"]
    np.testing.assert_array_equal(spy.X_, np.r_[columns(X), columns(X)[:, ::-1]])
    np.testing.assert_array_equal(spy.y_, np.r_[y, y])
    np.testing.assert_array_equal(spy.weight_, np.r_[weight, weight])
    assert len(spy.validation_[0]) == 2


def test_mirror_averages_the_probabilities_of_both_images(stack):
    X, y = stack
    np.testing.assert_allclose(make(mirror=True).fit(X, y).predict_proba(X), 0.5)
    plain = make().fit(X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), plain["spy"].predict_proba(columns(X)))
    np.testing.assert_array_equal(plain.predict(X), plain.predict_proba(X).argmax(axis=1))


def test_a_parameter_out_of_range_is_named(stack):
    with pytest.raises(ValueError, match="The 'mirror' parameter of MemberPipeline"):
        make(mirror="left").fit(*stack)


def test_clones_and_pickles_with_every_parameter(stack):
    X, y = stack
    pipeline = make(mirror=True)
    assert clone(pipeline).mirror is True
    assert pipeline.get_params()["mirror"] is True
    again = pickle.loads(pickle.dumps(pipeline.fit(X, y)))
    np.testing.assert_array_equal(again.predict_proba(X), pipeline.predict_proba(X))


@pytest.mark.parametrize("mirror", [False, True])
def test_it_keeps_digests_of_the_faces_given_not_of_what_was_made_of_them(stack, mirror):
    X, y = stack
    pipeline = make(mirror=mirror).fit(X[:4], y[:4], validation_data=(X[4:], y[4:]))
    np.testing.assert_array_equal(pipeline.training_digests_, np.unique(row_digests(X[:4])))
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.training_digests_, pipeline.training_digests_)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("at_fit", "at_prediction"), [("pandas", "default"), ("default", "pandas")]
)
def test_containers_that_scikit_learn_is_set_to_change_nothing(faces, at_fit, at_prediction):
    images, labels = faces
    hog = HOG(pixels_per_cell=(12, 12))
    trees = BoostedTreesClassifier(n_estimators=2, n_jobs=1, random_state=0)
    member = MemberPipeline([("hog", hog), ("scaler", StandardScaler()), ("c", trees)], mirror=True)
    expected = clone(member).fit(images, labels).predict_proba(images)
    with config_context(transform_output=at_fit):
        member.fit(images, labels)
    with config_context(transform_output=at_prediction):
        np.testing.assert_array_equal(member.predict_proba(images), expected)
        assert hog.transform(images).__class__.__name__ == (
            "DataFrame" if at_prediction == "pandas" else "ndarray"
        )
