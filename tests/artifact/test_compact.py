"""Compacted ensembles: the same answers in fewer bytes."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble.artifact.compact import compact_ensemble, compact_member
from fer_ensemble.artifact.members import dump_member
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.models import BoostedTreesClassifier, KerasClassifier, MemberPipeline


@pytest.fixture(scope="module")
def network(faces):
    return KerasClassifier("tiny_xception", epochs=2, random_state=0).fit(*faces)


def test_a_network_answers_the_same_from_half_the_bits(network, more_faces):
    small = compact_member(network)
    whole, halved = network.predict_proba(more_faces[0]), small.predict_proba(more_faces[0])
    assert np.abs(whole - halved).max() < 0.01
    assert (whole.argmax(1) == halved.argmax(1)).mean() > 0.99
    assert {weights.dtype for weights in network.weights_} == {np.dtype(np.float32)}
    assert hasattr(network, "training_digests_")
    assert not hasattr(small, "training_digests_")
    assert len(dump_member("small", small)) < 0.8 * len(dump_member("whole", network))


def test_vectors_and_weights_out_of_range_keep_their_precision():
    network = KerasClassifier()
    network.weights_ = [
        np.full((2, 2), 1e5, np.float32),
        np.full((2, 2), 0.1, np.float32),
        np.full(2, 1e-9, np.float32),
        np.empty((0, 2), np.float32),
    ]
    kept, halved, vector, empty = compact_member(network).weights_
    assert kept.dtype == vector.dtype == np.float32
    assert halved.dtype == empty.dtype == np.float16


def test_every_step_of_a_frozen_pipeline_is_compacted(faces):
    pipeline = MemberPipeline([("hog", HOG()), ("classifier", KerasClassifier(epochs=1))])
    small = compact_member(FrozenEstimator(pipeline.fit(*faces)))
    assert isinstance(small, MemberPipeline)
    assert not hasattr(small, "training_digests_")
    assert not hasattr(small.steps[-1][1], "training_digests_")
    assert small.steps[-1][1].weights_[0].dtype == np.float16


def test_trees_shrink_in_the_artifact(faces):
    trees = BoostedTreesClassifier(n_estimators=5, random_state=0, n_jobs=1)
    trees.fit(faces[0].reshape(len(faces[0]), -1)[:, ::10], faces[1])
    small = compact_member(trees)
    assert small.booster_ == trees.booster_
    assert len(dump_member("trees", small)) < len(trees.booster_) / 2


def test_an_ensemble_keeps_what_it_learned_and_nothing_to_learn_from(faces):
    members = [("bayes", make_pipeline(HOG(), GaussianNB()))]
    ensemble = VotingEnsemble(members, calibrate=True, random_state=0).fit(*faces)
    small = compact_ensemble(ensemble)
    assert small.validation_probabilities_ is small.validation_indices_ is None
    assert ensemble.validation_probabilities_ is not None
    assert np.array_equal(small.training_digests_, ensemble.training_digests_)
    for rule in ("weighted", "geometric"):
        expected = ensemble.set_params(rule=rule).predict_proba(faces[0])
        assert np.array_equal(small.set_params(rule=rule).predict_proba(faces[0]), expected)
    with pytest.raises(ValueError, match="held-out"):
        small.learn_combination()


def test_an_unfitted_ensemble_is_refused():
    with pytest.raises(NotFittedError):
        compact_ensemble(VotingEnsemble([("bayes", GaussianNB())]))
