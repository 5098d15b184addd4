"""`ConformalClassifier`, and the answers of ensembles that it learns from."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from fer_ensemble.ensemble import (
    ConformalClassifier,
    HeldOut,
    StackingEnsemble,
    VotingEnsemble,
    answer_held_out,
)
from fer_ensemble.evaluation import evaluate_sets

MEMBERS = [("nb", GaussianNB()), ("nearest", KNeighborsClassifier(5))]


@pytest.fixture(scope="module")
def tables():
    X, y = make_classification(
        3000, 6, n_informative=4, n_redundant=0, n_classes=3, flip_y=0.1, random_state=0
    )
    names = np.array(["angry", "happy", "sad"])
    return (X[:1000], names[y[:1000]]), (X[1000:], names[y[1000:]])


def test_a_classifier_is_fitted_on_one_part_and_its_sets_learned_on_the_other(tables):
    (X, y), (others, truth) = tables
    # One neighbour knows each sample that it was fitted on: were these asked, all would be sure.
    classifier = ConformalClassifier(KNeighborsClassifier(3), random_state=0).fit(X, y)
    assert len(classifier.answers_.labels) == 200
    sets = classifier.predict_set(others, coverage=0.9)
    assert sets.shape == (2000, 3)
    assert evaluate_sets(truth, sets, classifier.classes_).all.coverage > 0.87


@pytest.mark.parametrize(
    "ensemble",
    [
        VotingEnsemble(MEMBERS, random_state=0, calibrate=True),
        StackingEnsemble(MEMBERS, random_state=0, n_splits=3),
    ],
)
def test_an_ensemble_gives_the_samples_that_it_held_out_itself(tables, ensemble):
    (X, y), (others, truth) = tables
    classifier = ConformalClassifier(ensemble).fit(X, y)
    assert len(classifier.answers_.labels) == len(classifier.estimator_.held_out.labels)
    found = evaluate_sets(truth, classifier.predict_set(others, 0.8), classifier.classes_)
    # Of 100 samples learned from, chance moves the coverage of others by 0.04.
    assert found.all.coverage == pytest.approx(0.8, abs=0.1)
    again = ConformalClassifier(classifier.estimator_).conformalize()
    np.testing.assert_array_equal(again.answers_.probabilities, classifier.answers_.probabilities)


def test_each_answer_is_combined_by_what_others_taught():
    """Of two constant members, the one that is right of all others has the weight of the fold."""
    n = 10
    sure = np.tile([[0.9, 0.1]], (n, 1))
    members = np.stack([sure, sure[:, ::-1]], axis=1)
    ensemble = VotingEnsemble(
        [("yes", FrozenEstimator(GaussianNB())), ("no", FrozenEstimator(GaussianNB()))],
        rule="weighted",
        weighting="greedy",
    )
    ensemble.members_, ensemble.classes_ = ensemble.members, np.array([0, 1])
    labels = np.array([0] * 8 + [1] * 2)
    ensemble.validation_probabilities_, ensemble.validation_labels_ = members, labels
    ensemble.validation_sample_weight_ = None
    ensemble.learn_combination()
    learned = []
    original = VotingEnsemble.learned_from

    class Watched(VotingEnsemble):
        def learned_from(self, held_out):
            learned.append(sorted(held_out.labels.tolist()))
            return original(self, held_out)

    ensemble.__class__ = Watched
    answers = answer_held_out(ensemble, n_folds=2)
    assert learned == [[0] * 4 + [1]] * 2  # never the fold that is answered
    np.testing.assert_allclose(answers.probabilities, sure)


def test_what_an_ensemble_has_learned_stays_as_it_is(tables):
    (X, y), _ = tables
    ensemble = VotingEnsemble(MEMBERS, random_state=0).fit(X, y)
    weights, held_out = ensemble.weights_.copy(), ensemble.held_out
    other = ensemble.learned_from(HeldOut(held_out.probabilities[:40], held_out.labels[:40]))
    np.testing.assert_array_equal(ensemble.weights_, weights)
    assert ensemble.held_out.probabilities is held_out.probabilities
    assert not np.array_equal(other.weights_, weights)


def test_a_fitted_classifier_takes_other_samples_and_refuses_those_that_it_has_seen(tables):
    (X, y), (others, truth) = tables
    fitted = VotingEnsemble(MEMBERS, rule="average", validation_fraction=None).fit(X, y)
    for classifier in (ConformalClassifier(fitted), ConformalClassifier(FrozenEstimator(fitted))):
        classifier.conformalize(others[:500], truth[:500])
        assert classifier.predict_set(others[500:]).any(axis=1).all()
        with pytest.raises(ValueError, match="held-out samples"):
            classifier.conformalize(X[:50], y[:50])
    with pytest.raises(ValueError, match="validation_fraction"):
        ConformalClassifier(fitted).conformalize()


def test_what_is_missing_is_named(tables):
    (X, y), _ = tables
    with pytest.raises(NotFittedError):
        ConformalClassifier(GaussianNB()).predict_set(X)
    with pytest.raises(NotFittedError):
        ConformalClassifier(GaussianNB()).conformalize(X, y)
    with pytest.raises(ValueError, match="keeps no held-out samples"):
        ConformalClassifier(GaussianNB().fit(X, y)).conformalize()
    with pytest.raises(ValueError, match="predict_proba"):
        ConformalClassifier(LinearSVC()).fit(X, y)
