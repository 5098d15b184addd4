"""Where the rule of prediction sets comes from: artifacts, exported or not, and classifiers."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from fer_ensemble import export_ensemble, load_ensemble, save_ensemble
from fer_ensemble.artifact import ArtifactError, load_set_rule, record_answers
from fer_ensemble.artifact.compact import compact_ensemble
from fer_ensemble.artifact.kept_answers import ANSWERS, take_answers
from fer_ensemble.artifact.manifest import read_manifest
from fer_ensemble.ensemble import Answers, ConformalClassifier, answer_held_out, learn_set_rule
from tests.artifact.stand_ins import small_stacking, small_voting, table


@pytest.mark.parametrize("make", [small_voting, small_stacking])
def test_an_artifact_gives_the_rule_of_the_ensemble_exported_or_not(make, tmp_path):
    ensemble = make().fit(*table())
    expected = load_set_rule(ensemble, 0.7).thresholds
    own = learn_set_rule(*answer_held_out(ensemble), ensemble.classes_, 0.7)
    np.testing.assert_array_equal(expected, own.thresholds)
    saved = save_ensemble(ensemble, tmp_path / "saved")
    np.testing.assert_allclose(load_set_rule(saved, 0.7).thresholds, expected)
    if make is small_voting:  # it learns anew whether it is exported or not
        return
    export_ensemble(saved, tmp_path / "exported")
    # Kept in single precision.
    rule = load_set_rule(tmp_path / "exported", 0.7)
    np.testing.assert_allclose(rule.thresholds, expected, atol=1e-6)
    # And what was exported is not lost when it is exported again.
    export_ensemble(tmp_path / "exported", tmp_path / "again")
    np.testing.assert_allclose(load_set_rule(tmp_path / "again", 0.7).thresholds, expected, 1e-6)


def test_answers_are_written_into_an_artifact_and_stay_in_a_small_one(tmp_path):
    ensemble = small_stacking().fit(*table())
    small = compact_ensemble(ensemble)
    saved = save_ensemble(small, tmp_path / "model")
    with pytest.raises(ArtifactError, match=r"held-out faces: nothing was held out .*Fit it again"):
        load_set_rule(saved)
    before = read_manifest(saved)
    small.answers_ = Answers(np.array([[0.9, 0.1]] * 9), np.array(["down"] * 9, dtype=object))
    record_answers(saved, small)
    assert read_manifest(saved).members == before.members
    rule = load_set_rule(saved, 0.9)
    assert rule.n_samples == 9
    loaded = load_ensemble(saved)
    assert loaded.answers_.labels.tolist() == ["down"] * 9
    assert compact_ensemble(loaded).answers_ is loaded.answers_


def test_a_conformal_classifier_brings_its_own_samples_and_another_is_refused():
    X, y = table()
    bayes = GaussianNB().fit(X[:30], y[:30])
    wrapped = ConformalClassifier(bayes).conformalize(X[30:], y[30:])
    assert (
        load_set_rule(wrapped, 0.8).thresholds.tolist() == wrapped.set_rule(0.8).thresholds.tolist()
    )
    with pytest.raises(ValueError, match=r"ConformalClassifier\(classifier\).conformalize"):
        load_set_rule(bayes)


def test_damaged_answers_are_named():
    arrays = {ANSWERS: np.full((3, 2), 0.5), "answered_labels_": np.zeros(2)}
    with pytest.raises(ValueError, match="not those of its classes and labels"):
        take_answers(arrays, 2)
