"""Pretrained ensembles: loaded whole, or the cheapest member alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

import fer_ensemble
from fer_ensemble import load_ensemble, load_pretrained, save_ensemble
from fer_ensemble.artifact import ArtifactError, load_model, pretrained, resolve_model
from fer_ensemble.artifact.compact import compact_ensemble, compact_member
from fer_ensemble.artifact.pretrained import save_pretrained
from fer_ensemble.artifact.states import dump_member
from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble, apply_temperature
from fer_ensemble.ensemble import fit_temperature as learn_temperature
from fer_ensemble.features import HOG
from fer_ensemble.models import BoostedTreesClassifier, KerasClassifier, MemberPipeline
from fer_ensemble.splitting import row_digests

MOST_BYTES = 16_000_000


@pytest.fixture(scope="module")
def ensemble(faces):
    members = [
        ("bayes", make_pipeline(HOG(), GaussianNB())),
        ("linear", make_pipeline(HOG(), LogisticRegression(max_iter=200))),
    ]
    return VotingEnsemble(members, calibrate=True, random_state=0).fit(*faces)


@pytest.fixture(scope="module")
def packed(ensemble, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "pretrained"
    return save_pretrained(ensemble, folder, fast="linear", data={"protocol": "official"})


@pytest.fixture
def shipped(packed, monkeypatch):
    """The package, as if it had come with these weights."""
    monkeypatch.setattr(pretrained, "SHIPPED", packed)
    return packed


def test_the_ensemble_is_loaded_whole(ensemble, shipped, more_faces):
    loaded = load_pretrained()
    assert np.array_equal(
        loaded.predict_proba(more_faces[0]), ensemble.predict_proba(more_faces[0])
    )
    assert loaded.validation_probabilities_ is None
    assert fer_ensemble.load_pretrained is load_pretrained


def test_fast_is_one_member_with_its_own_temperature(ensemble, shipped, more_faces):
    fast = load_pretrained("fast")
    assert [name for name, _ in fast.members_] == ["linear"]
    probabilities = ensemble.predict_member_proba(more_faces[0])[:, 1]
    temperature = learn_temperature(
        ensemble.validation_probabilities_[:, 1], ensemble.validation_labels_, ensemble.classes_
    )
    assert temperature != 1
    expected = apply_temperature(probabilities, temperature)
    assert fast.predict_proba(more_faces[0]) == pytest.approx(expected, abs=1e-4)
    assert fast.predict(more_faces[0]).tolist() == probabilities.argmax(1).tolist()
    assert fast.classes_.tolist() == list(range(7))


def test_fast_reads_no_other_member(packed, tmp_path):
    shutil.copytree(packed, tmp_path / "copy")
    (tmp_path / "copy" / "bayes.skops").unlink()
    assert load_pretrained("fast", folder=tmp_path / "copy").fit_times_.keys() == {"linear"}
    with pytest.raises(ArtifactError, match=r"bayes\.skops is missing"):
        load_pretrained(folder=tmp_path / "copy")
    (tmp_path / "copy" / "linear.skops").write_bytes(b"altered")
    with pytest.raises(ArtifactError, match="altered"):
        load_pretrained("fast", folder=tmp_path / "copy")


@pytest.mark.parametrize("name", ["ensemble", "fast"])
def test_both_know_copies_of_their_training_faces(shipped, faces, name):
    seen = np.isin(row_digests(faces[0]), load_pretrained(name).training_digests_)
    assert 100 < seen.sum() < len(faces[0])  # but for the held-out ones


def test_every_rule_can_be_asked_of_fast(shipped, faces):
    fast = load_pretrained("fast")
    expected = fast.predict(faces[0])
    for rule in ("weighted", "majority", "geometric"):
        assert np.array_equal(fast.set_params(rule=rule).predict(faces[0]), expected)


def test_without_weights_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "SHIPPED", tmp_path)
    for load in (load_pretrained, lambda: load_model("fast"), lambda: resolve_model(None)):
        with pytest.raises(ArtifactError, match=r"no pretrained weights .*'fer-ensemble fit"):
            load()


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="no pretrained model 'slow'"):
        load_pretrained("slow")


def test_an_artifact_that_names_no_fast_member_is_told(ensemble, packed, tmp_path):
    folder = save_ensemble(ensemble, tmp_path / "plain")
    with pytest.raises(ArtifactError, match="which member is its fast one"):
        load_pretrained("fast", folder=folder)
    shutil.copytree(packed, tmp_path / "renamed")
    manifest = tmp_path / "renamed" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["data"]["fast"]["member"] = "nobody"
    manifest.write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match="which member is its fast one"):
        load_pretrained("fast", folder=tmp_path / "renamed")


def test_what_cannot_be_packed_is_refused(ensemble, faces, tmp_path):
    with pytest.raises(ValueError, match="no member 'cnn'"):
        save_pretrained(ensemble, tmp_path, fast="cnn", data={})
    plain = VotingEnsemble([("bayes", make_pipeline(HOG(), GaussianNB()))], rule="average")
    plain.set_params(validation_fraction=None).fit(*faces)
    with pytest.raises(ValueError, match="Nothing was held out"):
        save_pretrained(plain, tmp_path, fast="bayes", data={})


def test_a_stacking_is_no_pretrained_ensemble(faces, tmp_path):
    members = [("bayes", make_pipeline(HOG(), GaussianNB()))]
    folder = save_ensemble(StackingEnsemble(members, n_splits=2).fit(*faces), tmp_path / "stacked")
    with pytest.raises(ArtifactError, match="stacking"):
        load_pretrained(folder=folder)


def test_names_stand_for_the_shipped_models_and_paths_for_folders(shipped, ensemble, tmp_path):
    assert resolve_model(None) == resolve_model("fast") == resolve_model("ensemble") == shipped
    assert resolve_model("./fast") == resolve_model(Path("fast")) == Path("fast")
    assert [name for name, _ in load_model("fast").members_] == ["linear"]
    assert len(load_model(None).members_) == len(load_model("ensemble").members_) == 2
    folder = save_ensemble(ensemble, tmp_path / "fast")
    assert load_model(folder).validation_probabilities_ is not None


def test_the_package_comes_with_weights_of_at_most_16_mb(faces):
    if not (pretrained.SHIPPED / "manifest.json").is_file():
        pytest.skip("no weights are packed: run python -m experiments.pretrained.pack")
    files = list(pretrained.SHIPPED.iterdir())
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
    members = dict(load_ensemble(pretrained.SHIPPED).members_)
    kinds = {member.network for member in members.values() if hasattr(member, "network")}
    assert len(kinds) >= 2
    assert load_pretrained("fast").predict_proba(faces[0][:2]).shape == (2, 7)


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
