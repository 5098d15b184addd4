"""Sets of labels: worked by hand, held against MAPIE, and covering what they promise."""

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from fer_ensemble.ensemble import SetRule, conformal_quantile, learn_set_rule, score_classes
from fer_ensemble.evaluation import evaluate_sets

ROW = np.array([[0.1, 0.5, 0.15, 0.25]])


def test_each_method_scores_a_face_as_worked_by_hand():
    """Ranks from the top: class 1 (0.5), 3 (0.25), 2 (0.15), 0 (0.1)."""
    first = -np.inf
    np.testing.assert_allclose(score_classes(ROW, "lac"), [[0.9, first, 0.85, 0.75]])
    np.testing.assert_allclose(
        score_classes(ROW, "lac", allow_empty=True), [[0.9, 0.5, 0.85, 0.75]]
    )
    np.testing.assert_allclose(score_classes(ROW, "aps"), [[0.9, first, 0.75, 0.5]])
    # Two ranks are free: the third is penalised once, the fourth twice.
    np.testing.assert_allclose(
        score_classes(ROW, "raps", penalty=0.2, n_free=2), [[1.3, first, 0.95, 0.5]]
    )


def test_the_quantile_counts_the_sample_that_is_still_to_come():
    scores = np.arange(1.0, 10.0)
    # Ten places for another sample among nine: the ninth score is reached in nine of them.
    assert conformal_quantile(scores, 0.9) == 9.0
    assert conformal_quantile(scores, 0.8) == 8.0
    assert conformal_quantile(scores, 0.91) == np.inf


def test_of_equally_probable_classes_the_first_belongs_to_the_set():
    rule = SetRule(np.full(3, -1.0), 0.9)
    assert rule([[0.2, 0.4, 0.4]]).tolist() == [[False, True, False]]


@pytest.fixture(scope="module")
def drawn():
    """Probabilities that are as sure as they are right, and labels drawn by them."""
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.full(5, 0.4), 4000)
    labels = np.array([rng.choice(5, p=row) for row in rows])
    return rows, labels


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
def test_sets_hold_the_truth_as_often_as_was_asked_for_and_are_never_empty(drawn, method):
    rows, labels = drawn
    rule = learn_set_rule(rows[:2000], labels[:2000], range(5), 0.9, method=method)
    found = evaluate_sets(labels[2000:], rule(rows[2000:]), range(5))
    assert found.all.coverage == pytest.approx(0.9, abs=0.02)
    assert found.sizes[0] == 0


def test_thresholds_for_each_class_cover_the_class_that_one_threshold_leaves_out(drawn):
    rows, labels = drawn
    # A classifier that is blind to the last class gives it half of what it should.
    blind = rows * [1, 1, 1, 1, 0.5]
    blind /= blind.sum(axis=1, keepdims=True)
    together = learn_set_rule(blind[:2000], labels[:2000], range(5), 0.9)
    apart = learn_set_rule(blind[:2000], labels[:2000], range(5), 0.9, class_conditional=True)
    assert (
        evaluate_sets(labels[2000:], together(blind[2000:]), range(5)).per_class[4].coverage < 0.86
    )
    for score in evaluate_sets(labels[2000:], apart(blind[2000:]), range(5)).per_class:
        assert score.coverage == pytest.approx(0.9, abs=0.04)


def test_a_class_with_too_few_samples_belongs_to_every_set():
    rows = np.tile([[0.9, 0.1]], (20, 1))
    labels = [0] * 15 + [1] * 5
    rule = learn_set_rule(rows, labels, [0, 1], 0.9, class_conditional=True)
    assert rule.thresholds[1] == np.inf
    assert rule([[1.0, 0.0]]).tolist() == [[True, True]]


@pytest.mark.parametrize(
    ("options", "said"),
    [({"coverage": 1.0}, "between 0 and 1"), ({"method": "top"}, "lac, aps, raps")],
)
def test_an_unusable_option_is_named(options, said):
    with pytest.raises(ValueError, match=said):
        learn_set_rule([[0.5, 0.5]], [0], [0, 1], **options)


class _Known(ClassifierMixin, BaseEstimator):
    """A classifier whose samples are their own probabilities."""

    def __init__(self, n_classes=5):
        self.n_classes = n_classes
        self.classes_ = np.arange(n_classes)

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return np.asarray(X)

    def predict(self, X):
        return np.asarray(X).argmax(axis=1)


class _AlwaysOne(np.random.RandomState):
    """Draws that take the whole probability of the true class off its score, as is done here."""

    def uniform(self, *args, size=None, **kwargs):
        return np.ones(size)


def _ask_mapie(drawn, method, coverage):
    rows, labels = drawn
    classifier = SplitConformalClassifier(
        _Known().fit(None, None),
        confidence_level=coverage,
        conformity_score=method,
        prefit=True,
        random_state=_AlwaysOne(0),
    )
    classifier.conformalize(rows[:500], labels[:500])
    return classifier, classifier.predict_set(rows[500:1500])[1][:, :, 0]


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("method", ["lac", "aps"])
def test_sets_are_those_of_mapie(drawn, method, coverage):
    """Of APS without draws: MAPIE takes a drawn share off each score, here always the whole."""
    rows, labels = drawn
    _, theirs = _ask_mapie(drawn, method, coverage)
    rule = learn_set_rule(
        rows[:500], labels[:500], range(5), coverage, method=method, allow_empty=True
    )
    np.testing.assert_array_equal(rule(rows[500:1500]), theirs)
    # The class that has to be in any set changes nothing but the sets that were empty.
    rule = learn_set_rule(rows[:500], labels[:500], range(5), coverage, method=method)
    np.testing.assert_array_equal(rule(rows[500:1500]) & theirs.any(axis=1, keepdims=True), theirs)


def test_penalised_sets_are_those_of_mapie_at_its_threshold(drawn):
    """MAPIE counts ranks from one where it learns and from zero where it predicts: so it is held
    to its own threshold, with one more free rank."""
    rows, _ = drawn
    classifier, theirs = _ask_mapie(drawn, "raps", 0.9)
    found = classifier._mapie_classifier.conformity_score_function_
    threshold, penalty = float(np.squeeze(found.quantiles_)), float(np.squeeze(found.lambda_star))
    n_free = int(np.squeeze(found.k_star)) + 1
    scores = score_classes(rows[500:1500], "raps", penalty=penalty, n_free=n_free)
    np.testing.assert_array_equal(scores <= threshold, theirs)
