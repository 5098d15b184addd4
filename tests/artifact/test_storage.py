"""Saved ensembles: the same answers after loading, and no code in them."""

import hashlib
import importlib.metadata
import json
import os
import shutil
import zipfile
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ArtifactError, installed_version, read_manifest
from fer_ensemble.artifact.states import EnsembleState, describe_state, restore_state
from fer_ensemble.datasets import EMOTIONS
from fer_ensemble.ensemble import RULES, StackingEnsemble, VotingEnsemble, to_stacking, to_voting
from fer_ensemble.splitting import row_digests
from tests.artifact.stand_ins import (
    OwnClassifier,
    change_manifest,
    small_stacking,
    small_voting,
    table,
)


def test_loaded_ensemble_answers_as_the_saved_one(ensemble, saved, faces):
    images, _ = faces
    loaded = load_ensemble(saved)
    np.testing.assert_array_equal(
        loaded.predict_member_proba(images), ensemble.predict_member_proba(images)
    )
    for rule in ("average", "weighted", "majority"):
        np.testing.assert_array_equal(
            loaded.set_params(rule=rule).predict_proba(images),
            ensemble.set_params(rule=rule).predict_proba(images),
        )
    ensemble.set_params(rule="weighted")


def test_held_out_probabilities_are_kept(ensemble, saved):
    loaded = load_ensemble(saved)
    for name in ("validation_indices_", "validation_labels_", "validation_probabilities_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(ensemble, name))
    assert loaded.validation_sample_weight_ is None
    assert loaded.fit_times_ == ensemble.fit_times_


def test_manifest_tells_what_is_inside(saved):
    manifest = read_manifest(saved)
    assert manifest.class_names == list(EMOTIONS)
    assert manifest.preprocessing == {"size": 48, "color": "gray", "dtype": "uint8"}
    assert [entry.name for entry in manifest.members] == [
        "dense_hog",
        "boosted_hog",
        "cnn_2",
        "bayes",
    ]
    assert manifest.members[2].parameters["network"] == "cnn_2"
    assert manifest.members[0].parameters["hog__orientations"] == 8
    assert manifest.data == {"n": 7}
    assert set(manifest.versions) >= {"python", "keras", "xgboost", "scikit-learn"}


def test_no_pickle_anywhere(saved, saved_stacking):
    for file in [*saved.iterdir(), *saved_stacking.iterdir()]:
        assert file.suffix in (".json", ".md", ".npz", ".skops")
        if file.suffix in (".skops", ".npz"):
            names = zipfile.ZipFile(file).namelist()
            assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
            for name in names:
                if name.endswith(".npy"):
                    with zipfile.ZipFile(file).open(name) as stream:
                        np.lib.format.read_magic(stream)
                        _, _, dtype = np.lib.format.read_array_header_1_0(stream)
                        assert not dtype.hasobject


def test_string_labels_survive(tmp_path):
    X, y = table()
    fitted = VotingEnsemble([("lr", LogisticRegression())], rule="average").fit(X, y)
    loaded = load_ensemble(save_ensemble(fitted, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert read_manifest(tmp_path / "model").class_names == ["down", "up"]


def test_foreign_types_are_refused_in_both_directions(copy, tmp_path):
    import skops.io

    foreign = VotingEnsemble([("own", OwnClassifier())], rule="average", validation_fraction=None)
    foreign.fit(np.zeros((4, 2)), [0, 1, 0, 1])
    with pytest.raises(ArtifactError, match=r"'own' cannot be saved.*OwnClassifier"):
        save_ensemble(foreign, tmp_path / "foreign")
    assert not (tmp_path / "foreign").exists()
    content = skops.io.dumps(OwnClassifier())
    (copy / "bayes.skops").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_manifest(copy, lambda manifest: manifest["members"][3]["stored"].update(sha256=digest))
    with pytest.raises(ArtifactError, match=r"'bayes' cannot be loaded.*OwnClassifier"):
        load_ensemble(copy)


def test_a_final_estimator_of_a_foreign_type_is_not_saved(tmp_path):
    X, y = table()
    fitted = small_stacking(final_estimator=OwnClassifier()).fit(X, y)
    with pytest.raises(ArtifactError, match=r"'final_estimator' cannot be saved.*OwnClassifier"):
        save_ensemble(fitted, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_saving_twice_needs_overwrite(ensemble, copy):
    with pytest.raises(ArtifactError, match="holds a saved ensemble already"):
        save_ensemble(ensemble, copy)
    (copy / "former.skops").touch()
    save_ensemble(ensemble, copy, overwrite=True)
    assert sorted(file.name for file in copy.iterdir()) == [
        "MODEL_CARD.md",
        "bayes.skops",
        "boosted_hog.skops",
        "cnn_2.skops",
        "dense_hog.skops",
        "manifest.json",
        "validation.npz",
    ]


def test_nothing_is_left_of_another_kind_of_ensemble(saved_stacking, tmp_path):
    directory = shutil.copytree(saved_stacking, tmp_path / "model")
    X, y = table()
    voting = VotingEnsemble([("lr", LogisticRegression())], rule="max", validation_fraction=None)
    save_ensemble(voting.fit(X, y), directory, overwrite=True)
    # Of the arrays, what the member was fitted on is left.
    assert sorted(file.name for file in directory.iterdir()) == [
        "MODEL_CARD.md",
        "lr.skops",
        "manifest.json",
        "validation.npz",
    ]
    assert load_ensemble(directory).validation_probabilities_ is None


def test_names_that_are_no_file_names_are_refused(tmp_path):
    X, y = np.arange(8.0).reshape(-1, 1), [0, 1] * 4
    members = [("../lr", LogisticRegression())]
    fitted = VotingEnsemble(members, rule="average", validation_fraction=None).fit(X, y)
    with pytest.raises(ArtifactError, match="can't name a file"):
        save_ensemble(fitted, tmp_path / "model")
    assert not list(tmp_path.glob("*.skops"))


def test_unfitted_ensemble_is_not_saved(tmp_path):
    with pytest.raises(NotFittedError):
        save_ensemble(VotingEnsemble([("lr", LogisticRegression())]), tmp_path / "model")


@pytest.mark.parametrize("name", ["cnn_2.skops", "validation.npz"])
def test_altered_truncated_and_missing_files(copy, name):
    file = copy / name
    content = file.read_bytes()
    altered = bytearray(content)
    altered[len(altered) // 2] ^= 1
    file.write_bytes(altered)
    with pytest.raises(ArtifactError, match=f"{name} is not what its manifest says"):
        load_ensemble(copy)
    file.write_bytes(content[:-10])
    with pytest.raises(ArtifactError, match=f"{name} is not what its manifest says"):
        load_ensemble(copy)
    file.unlink()
    with pytest.raises(ArtifactError, match=f"{name} is missing"):
        load_ensemble(copy)


def test_hash_is_checked_before_anything_is_parsed(copy, monkeypatch):
    (copy / "dense_hog.skops").write_bytes(b"anything")

    def never(*args, **kwargs):
        raise AssertionError("parsed before it was verified")

    monkeypatch.setattr("fer_ensemble.artifact.storage.load_member", never)
    with pytest.raises(ArtifactError, match="is not what its manifest says"):
        load_ensemble(copy)


def test_the_hash_of_the_final_estimator_is_checked(saved_stacking, tmp_path):
    directory = shutil.copytree(saved_stacking, tmp_path / "model")
    file = directory / read_manifest(directory).final_estimator.file
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="is not what its manifest says"):
        load_ensemble(directory)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/b", "..", ""])
def test_files_outside_the_artifact_are_refused(copy, name):
    change_manifest(copy, lambda content: content["members"][0]["stored"].update(file=name))
    with pytest.raises(ArtifactError, match="outside it"):
        load_ensemble(copy)


def test_a_full_disk_spares_what_stands_there(saved_stacking, tmp_path, monkeypatch):
    directory = shutil.copytree(saved_stacking, tmp_path / "model")
    X, y = table()
    files = {file.name: file.read_bytes() for file in directory.iterdir()}
    written = []

    def fill_up(descriptor):
        written.append(descriptor)
        if len(written) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(OSError, match="No space left"):
        save_ensemble(small_voting().fit(X, y), directory, overwrite=True)
    assert {file.name: file.read_bytes() for file in directory.iterdir()} == files


def test_a_kill_among_the_renames_leaves_no_mixed_ensemble(saved_stacking, tmp_path, monkeypatch):
    directory = shutil.copytree(saved_stacking, tmp_path / "model")
    X, y = table()
    rename, renamed = Path.replace, []

    def die(partial, target):
        renamed.append(target)
        if len(renamed) == 2:
            raise KeyboardInterrupt
        return rename(partial, target)

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        save_ensemble(small_voting().fit(X, y), directory, overwrite=True)
    with pytest.raises(ArtifactError, match="holds no saved ensemble"):
        load_ensemble(directory)


def test_missing_artifact(tmp_path):
    with pytest.raises(ArtifactError, match=r"does not exist.*fer-ensemble fit DATA --out"):
        load_ensemble(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="holds no saved ensemble"):
        load_ensemble(tmp_path)


def test_newer_format_asks_for_an_upgrade(copy):
    change_manifest(copy, lambda content: content.update(schema_version=99, unheard="of"))
    with pytest.raises(ArtifactError, match=r"format version 99.*upgrade fer-ensemble"):
        load_ensemble(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.pop("members"),
        lambda content: content.update(format="something else"),
        lambda content: content["members"][0].pop("stored"),
        lambda content: content.update(members=7),
        lambda content: content.update(schema_version="one"),
        lambda content: content["ensemble"].pop("rule"),
    ],
)
def test_damaged_manifest(copy, change):
    change_manifest(copy, change)
    with pytest.raises(ArtifactError, match="is damaged"):
        load_ensemble(copy)


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_manifest_that_is_no_json(copy, text):
    (copy / "manifest.json").write_bytes(text)
    with pytest.raises(ArtifactError, match=r"is damaged|cannot be read"):
        load_ensemble(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["ensemble"].update(kind="choir"), "no kind of ensemble 'choir'"),
        (lambda content: content.update(final_estimator=None), "no final estimator"),
        (lambda content: content["ensemble"].pop("n_splits"), "n_splits"),
        (lambda content: content.update(ensemble=None), "damaged"),
    ],
)
def test_damaged_stacking(saved_stacking, tmp_path, change, message):
    directory = shutil.copytree(saved_stacking, tmp_path / "model")
    change_manifest(directory, change)
    with pytest.raises(ArtifactError, match=message):
        load_ensemble(directory)


X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
MEMBERS = [("lr", LogisticRegression()), ("nb", GaussianNB())]


def _voting(**parameters: Any) -> Any:
    return VotingEnsemble(MEMBERS, **{"random_state": 0, **parameters}).fit(X, Y)


def _again(fitted: Any) -> Any:
    """Return what comes of it on the way through JSON."""
    state = describe_state(fitted)
    parameters = json.loads(json.dumps(state.parameters))
    restored = restore_state(fitted.members_, state._replace(parameters=parameters))
    restored.classes_ = fitted.classes_
    return restored


def test_a_voting_ensemble_is_what_it_was() -> None:
    fitted = _voting(calibrate=True, weights=[1, 2], rule="median", ties="random")
    again = _again(fitted)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    for name, value in fitted.get_params(deep=False).items():
        assert name == "members" or again.get_params()[name] == value, name
    for name in ("labels_", "probabilities_", "indices_", "sample_weight_"):
        np.testing.assert_array_equal(
            getattr(again, f"validation_{name}"), getattr(fitted, f"validation_{name}")
        )


def test_weights_of_held_out_samples_are_kept() -> None:
    weights = np.linspace(0.1, 2, 60)
    fitted = VotingEnsemble(MEMBERS, random_state=0).fit(X, Y, sample_weight=weights)
    again = _again(fitted)
    np.testing.assert_array_equal(
        again.validation_sample_weight_, weights[fitted.validation_indices_]
    )
    np.testing.assert_array_equal(again.learn_combination().weights_, fitted.weights_)


def test_a_stacking_ensemble_is_what_it_was() -> None:
    for fitted in (
        StackingEnsemble(MEMBERS, n_splits=2, random_state=0).fit(X, Y),
        to_stacking(_voting(validation_fraction=0.5)),
    ):
        again = _again(fitted)
        np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
        np.testing.assert_array_equal(again.oof_labels_, fitted.oof_labels_)
        assert (again.fold_ids_ is None) == (fitted.fold_ids_ is None)


def test_scalars_of_numpy_become_numbers_and_generators_nothing() -> None:
    fitted = _voting(
        validation_fraction=np.float32(0.5),
        abstain_label=np.int64(7),
        calibrate=np.True_,
        random_state=np.random.RandomState(0),
    )
    parameters = describe_state(fitted).parameters
    assert parameters["validation_fraction"] == 0.5
    assert parameters["abstain_label"] == 7
    assert parameters["calibrate"] is True
    assert parameters["random_state"] is None
    assert _again(fitted).predict(X, min_confidence=0.9).max() == 7


def test_labels_of_type_object_become_text() -> None:
    names = np.array(["down", "up"], dtype=object)[Y]
    fitted = VotingEnsemble(MEMBERS, random_state=0).fit(X, names)
    arrays = describe_state(fitted).arrays
    assert not any(array.dtype.hasobject for array in arrays.values())
    assert set(arrays["validation_labels_"]) == {"down", "up"}


def test_of_an_artifact_without_digests_nothing_is_known_to_have_been_seen() -> None:
    fitted = _voting()
    state = describe_state(fitted)
    del state.arrays["training_digests_"]
    assert not hasattr(restore_state(fitted.members_, state), "training_digests_")


@pytest.mark.parametrize("kind", ["choir", None, 1])
def test_there_is_no_other_kind(kind: Any) -> None:
    with pytest.raises(ValueError, match="no kind of ensemble"):
        restore_state(MEMBERS, EnsembleState({"kind": kind}, {}))


def test_stacking_needs_its_final_estimator() -> None:
    state = EnsembleState({"kind": "stacking", "n_splits": 2, "passthrough": False}, {})
    with pytest.raises(ValueError, match="no final estimator"):
        restore_state(MEMBERS, state)


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


def test_a_library_that_is_not_installed_is_no_error():
    assert installed_version("no-such-library") == "not installed"
    assert installed_version("numpy") == np.__version__


@pytest.mark.parametrize("name", ["xgboost", "xgboost-cpu"])
def test_xgboost_is_found_under_either_of_its_names(monkeypatch, name):
    def version(library):
        if library != name:
            raise PackageNotFoundError(library)
        return "3.2.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert installed_version("xgboost") == "3.2.0"
    assert installed_version("keras") == "not installed"
