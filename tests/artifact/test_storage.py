"""Saved ensembles: the same answers after loading, and no code in them."""

import hashlib
import shutil
import zipfile

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ArtifactError, read_manifest
from fer_ensemble.datasets import EMOTIONS
from fer_ensemble.ensemble import VotingEnsemble
from tests.artifact.stand_ins import OwnClassifier, change_manifest, small_stacking, table


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
