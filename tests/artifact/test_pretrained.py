"""Pretrained ensembles: the whole one, or the quick network beside it."""

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
from fer_ensemble import load_pretrained, save_ensemble
from fer_ensemble.artifact import ArtifactError, load_model, pretrained, resolve_model
from fer_ensemble.artifact.compact import compact_ensemble, compact_member
from fer_ensemble.artifact.member_files import dump_member
from fer_ensemble.ensemble import StackingEnsemble, VotingEnsemble, to_stacking
from fer_ensemble.features import HOG
from fer_ensemble.models import BoostedTreesClassifier, KerasClassifier, MemberPipeline
from fer_ensemble.onnx_graph import OnnxGraph
from fer_ensemble.splitting import row_digests

MOST_BYTES = 20_000_000


@pytest.fixture(scope="module")
def ensemble(faces):
    members = [
        ("bayes", make_pipeline(HOG(), GaussianNB())),
        ("linear", make_pipeline(HOG(), LogisticRegression(C=0.01))),
    ]
    return VotingEnsemble(members, calibrate=True, random_state=0).fit(*faces)


@pytest.fixture(scope="module")
def alone(faces):
    member = make_pipeline(HOG(), LogisticRegression(C=0.01))
    return VotingEnsemble([("linear", member)], rule="average", calibrate=True, random_state=0).fit(
        *faces
    )


@pytest.fixture(scope="module")
def packed(ensemble, alone, tmp_path_factory):
    """Two ensembles as packing lays them out."""
    folder = tmp_path_factory.mktemp("packed") / "pretrained"
    save_ensemble(compact_ensemble(ensemble), folder)
    save_ensemble(compact_ensemble(alone), folder / "fast")
    return folder


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


def test_fast_is_the_network_beside_the_ensemble(alone, shipped, more_faces):
    fast = load_pretrained("fast")
    assert [name for name, _ in fast.members_] == ["linear"]
    assert np.array_equal(fast.predict_proba(more_faces[0]), alone.predict_proba(more_faces[0]))


def test_each_reads_its_own_files_alone(packed, tmp_path):
    shutil.copytree(packed, tmp_path / "copy")
    (tmp_path / "copy" / "bayes.skops").unlink()
    assert load_pretrained("fast", folder=tmp_path / "copy").fit_times_.keys() == {"linear"}
    with pytest.raises(ArtifactError, match=r"bayes\.skops is missing"):
        load_pretrained(folder=tmp_path / "copy")
    (tmp_path / "copy" / "fast" / "linear.skops").write_bytes(b"altered")
    with pytest.raises(ArtifactError, match="altered"):
        load_pretrained("fast", folder=tmp_path / "copy")


@pytest.mark.parametrize("name", ["ensemble", "fast"])
def test_both_know_copies_of_their_training_faces(shipped, faces, name):
    seen = np.isin(row_digests(faces[0]), load_pretrained(name).training_digests_)
    assert 100 < seen.sum() < len(faces[0])  # but for the held-out ones


def test_without_weights_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "SHIPPED", tmp_path)
    for load in (load_pretrained, lambda: load_model("fast"), lambda: resolve_model(None)):
        with pytest.raises(ArtifactError, match=r"no pretrained weights .*'fer-ensemble fit"):
            load()


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="no pretrained model 'slow'"):
        load_pretrained("slow")


def test_a_folder_without_a_quick_network_is_told(ensemble, tmp_path):
    folder = save_ensemble(ensemble, tmp_path / "plain")
    with pytest.raises(ArtifactError, match="fast"):
        load_pretrained("fast", folder=folder)


def test_a_small_stacking_predicts_the_same_and_has_nothing_to_learn_from(faces, tmp_path):
    members = [("bayes", make_pipeline(HOG(), GaussianNB()))]
    ensemble = StackingEnsemble(members, n_splits=2).fit(*faces)
    save_ensemble(compact_ensemble(ensemble), tmp_path)
    small = load_pretrained(folder=tmp_path)
    assert small.held_out is None
    assert ensemble.held_out is not None
    assert np.array_equal(small.predict_proba(faces[0]), ensemble.predict_proba(faces[0]))
    assert np.array_equal(small.training_digests_, ensemble.training_digests_)
    with pytest.raises(ValueError, match="not kept"):
        small.save_out_of_fold(tmp_path / "table.npz")
    with pytest.raises(ValueError, match="held out"):
        to_stacking(small)


def test_names_stand_for_the_shipped_models_and_paths_for_folders(shipped, ensemble, tmp_path):
    assert resolve_model(None) == resolve_model("ensemble") == shipped
    assert resolve_model("fast") == shipped / "fast"
    assert resolve_model("./fast") == resolve_model(Path("fast")) == Path("fast")
    assert [name for name, _ in load_model("fast").members_] == ["linear"]
    assert len(load_model(None).members_) == len(load_model("ensemble").members_) == 2
    folder = save_ensemble(ensemble, tmp_path / "fast")
    assert load_model(folder).validation_probabilities_ is not None


def test_the_package_comes_with_weights_of_at_most_20_mb(faces):
    if not (pretrained.SHIPPED / "manifest.json").is_file():
        pytest.skip("no weights are packed: run python -m experiments.pretrained.pack")
    files = [file for file in pretrained.SHIPPED.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES
    for name, least in (("ensemble", 2), ("fast", 1)):
        model = load_pretrained(name)
        assert len(model.members_) >= least
        assert model.predict_proba(faces[0][:2]).shape == (2, 7)
        assert len(model.training_digests_) > 20_000


@pytest.fixture
def network(faces, eager):
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


@pytest.mark.parametrize("file", ["boosted_hog_landmarks.onnx", "fast/fast_cnn.onnx"])
def test_answers_do_not_depend_on_the_number_of_processors(file, faces, monkeypatch):
    content = (resolve_model(None) / file).read_bytes()
    answers = []
    for processors in (1, 2, 5):
        monkeypatch.setattr("fer_ensemble.onnx_graph.count_processors", lambda n=processors: n)
        graph = OnnxGraph(content)
        chance = np.random.default_rng(0)
        samples = chance.random((64, *graph.sample_shape), dtype=np.float32)
        answers.append(graph.run(faces[0][:64] if graph.takes_faces else samples))
    np.testing.assert_array_equal(answers[1], answers[0])
    np.testing.assert_array_equal(answers[2], answers[0])
