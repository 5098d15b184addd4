"""What was learned beside the members survives saving and loading."""

import hashlib

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ArtifactError, read_manifest
from fer_ensemble.datasets import row_digests
from fer_ensemble.ensemble import RULES, StackingEnsemble, VotingEnsemble, to_voting
from tests.artifact.stand_ins import change_manifest, small_stacking, small_voting, table


def test_temperatures_survive(tmp_path):
    X, y = table()
    fitted = small_voting(calibrate=True, weighting="accuracy", ties="priority").fit(X, y)
    loaded = load_ensemble(save_ensemble(fitted, tmp_path / "model"))
    assert (loaded.calibrate, loaded.weighting, loaded.ties) == (True, "accuracy", "priority")
    for rule in RULES:
        saved, again = fitted.calibration_[rule], loaded.calibration_[rule]
        assert again.to_dict() == saved.to_dict()
        np.testing.assert_array_equal(
            loaded.set_params(rule=rule).predict_proba(X),
            fitted.set_params(rule=rule).predict_proba(X),
        )
    relearned = loaded.set_params(calibrate=False).learn_combination()
    assert relearned.calibration_ is None


def test_given_weights_survive(tmp_path):
    X, y = table()
    fitted = small_voting(weights=[1, 3]).fit(X, y)
    loaded = load_ensemble(save_ensemble(fitted, tmp_path / "model"))
    assert loaded.weights == [1, 3]
    np.testing.assert_array_equal(loaded.learn_combination().weights_, [0.25, 0.75])


def test_abstention_survives(tmp_path):
    X, y = table()
    fitted = small_voting(ties="abstain", abstain_label="sideways").fit(X, y)
    loaded = load_ensemble(save_ensemble(fitted, tmp_path / "model"))
    assert loaded.ties == "abstain"
    labels = loaded.predict(X, min_confidence=0.9)
    np.testing.assert_array_equal(labels, fitted.predict(X, min_confidence=0.9))
    assert set(labels) == {"up", "down", "sideways"}


def test_random_ties_fall_as_before_saving(tmp_path):
    X, y = table()
    certain = [
        ("always_up", GaussianNB(priors=[1e-30, 1])),
        ("always_down", GaussianNB(priors=[1, 1e-30])),
    ]
    fitted = VotingEnsemble(certain, rule="majority", ties="random", random_state=3).fit(X, y)
    loaded = load_ensemble(save_ensemble(fitted, tmp_path / "model"))
    assert set(fitted.predict(X)) == {"up", "down"}
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


def test_what_the_members_have_seen_is_kept(tmp_path):
    X, y = table()
    loaded = load_ensemble(save_ensemble(small_voting().fit(X, y), tmp_path / "model"))
    seen = np.delete(X, loaded.validation_indices_, axis=0)
    np.testing.assert_array_equal(loaded.training_digests_, np.unique(row_digests(seen)))
    with pytest.raises(ValueError, match="fitted on 1 of the 1 held-out samples"):
        to_voting(loaded, (seen[:1], y[:1]))


def test_stacking_survives(saved_stacking):
    X, y = table()
    fitted = small_stacking().fit(X, y)
    loaded = load_ensemble(saved_stacking)
    assert isinstance(loaded, StackingEnsemble)
    assert loaded.n_splits == 2
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    for name in ("oof_probabilities_", "oof_labels_", "fold_ids_", "training_digests_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(fitted, name))
    stacked = loaded.predict_member_proba(X)
    np.testing.assert_array_equal(loaded.combine(stacked), fitted.predict_proba(X))


def test_stacking_on_the_samples_too_survives(tmp_path):
    X, y = table()
    fitted = small_stacking(passthrough=True, final_estimator=GaussianNB()).fit(X, y)
    loaded = load_ensemble(save_ensemble(fitted, tmp_path / "model"))
    assert loaded.passthrough
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


def test_labels_of_data_frames_are_not_pickled(tmp_path):
    X, y = table()
    for fitted in (small_voting().fit(X, y.astype(object)), small_stacking().fit(X, y.astype("O"))):
        loaded = load_ensemble(save_ensemble(fitted, tmp_path / "model", overwrite=True))
        assert loaded.predict(X).tolist() == fitted.predict(X).tolist()


def test_manifest_tells_how_members_are_combined(saved, saved_stacking):
    voting = read_manifest(saved).ensemble
    assert voting["kind"] == "voting"
    assert voting["rule"] == "weighted"
    assert voting["validation_fraction"] == 0.1
    assert len(voting["weights"]) == 4
    assert read_manifest(saved).final_estimator is None
    assert read_manifest(saved_stacking).ensemble["kind"] == "stacking"
    assert read_manifest(saved_stacking).final_estimator.file.endswith(".skops")


def test_an_artifact_of_the_first_form_can_be_read(tmp_path):
    X, y = table()
    fitted = small_voting(rule="average").fit(X, y)
    directory = save_ensemble(fitted, tmp_path / "model")

    def make_old(content):
        kept = ("rule", "weights", "validation_fraction")
        content["ensemble"] = {name: content["ensemble"][name] for name in kept}
        del content["final_estimator"]

    change_manifest(directory, make_old)
    loaded = load_ensemble(directory)
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(loaded.weights_, fitted.weights_)
    assert (loaded.rule, loaded.weights, loaded.calibration_) == ("average", None, None)


def test_objects_among_the_arrays_are_refused(copy):
    np.savez(copy / "validation.npz", training_digests_=np.array([{}], dtype=object))
    digest = hashlib.sha256((copy / "validation.npz").read_bytes()).hexdigest()
    change_manifest(copy, lambda content: content["validation"].update(sha256=digest))
    with pytest.raises(ArtifactError, match="damaged"):
        load_ensemble(copy)
