"""Saved ensembles: the same answers after loading, and refusals that say what to do."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import ArtifactError, read_manifest
from fer_ensemble.datasets import EMOTIONS
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.models import create_member


@pytest.fixture(scope="module")
def ensemble(more_faces):
    """One member of each kind, fitted just enough."""
    images, labels = more_faces
    members = [
        (
            "dense_hog",
            create_member(
                "dense_hog", classifier__epochs=2, classifier__network_params={"units": (16,)}
            ),
        ),
        ("boosted_hog", create_member("boosted_hog", classifier__n_estimators=3, n_jobs=1)),
        (
            "cnn_2",
            create_member(
                "cnn_2", epochs=1, network_params={"filters": [4, 4], "convolutions": [1, 1]}
            ),
        ),
        ("bayes", make_pipeline(HOG(), GaussianNB())),
    ]
    return VotingEnsemble(members, random_state=0).fit(images, labels)


@pytest.fixture(scope="module")
def saved(ensemble, tmp_path_factory):
    return save_ensemble(ensemble, tmp_path_factory.mktemp("artifacts") / "model", data={"n": 7})


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of the artifact that a test may damage."""
    return shutil.copytree(saved, tmp_path / "model")


def change_manifest(directory, change):
    file = directory / "manifest.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


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


def test_no_pickle_anywhere(saved):
    for file in saved.iterdir():
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
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = np.where(X[:, 0] > 0, "up", "down")
    fitted = VotingEnsemble([("lr", LogisticRegression())], rule="average").fit(X, y)
    loaded = load_ensemble(save_ensemble(fitted, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert read_manifest(tmp_path / "model").class_names == ["down", "up"]


def test_missing_artifact(tmp_path):
    with pytest.raises(ArtifactError, match=r"does not exist.*fer-ensemble fit DATA --out"):
        load_ensemble(tmp_path / "nowhere")
    with pytest.raises(ArtifactError, match="holds no saved ensemble"):
        load_ensemble(tmp_path)


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
    import skops.io

    (copy / "dense_hog.skops").write_bytes(b"anything")

    def never(*args, **kwargs):
        raise AssertionError("parsed before it was verified")

    monkeypatch.setattr(skops.io, "loads", never)
    with pytest.raises(ArtifactError, match="is not what its manifest says"):
        load_ensemble(copy)


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


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/b", "..", ""])
def test_files_outside_the_artifact_are_refused(copy, name):
    change_manifest(copy, lambda content: content["members"][0]["stored"].update(file=name))
    with pytest.raises(ArtifactError, match="outside it"):
        load_ensemble(copy)


def test_foreign_types_are_refused_in_both_directions(copy, tmp_path):
    import hashlib

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


def test_saving_twice_needs_overwrite(ensemble, copy):
    with pytest.raises(ArtifactError, match="holds a saved ensemble already"):
        save_ensemble(ensemble, copy)
    (copy / "former.skops").touch()
    save_ensemble(ensemble, copy, overwrite=True)
    assert sorted(file.name for file in copy.iterdir()) == [
        "bayes.skops",
        "boosted_hog.skops",
        "cnn_2.skops",
        "dense_hog.skops",
        "manifest.json",
        "validation.npz",
    ]


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


class OwnClassifier(ClassifierMixin, BaseEstimator):
    """A user's classifier, which no artifact may hold."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))
