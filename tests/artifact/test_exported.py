"""Exported ensembles: the same answers from graphs alone, and nothing foreign in them."""

import json
import shutil
import subprocess
import sys
from copy import copy

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import BaggingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union

from fer_ensemble import export_ensemble, load_ensemble, save_ensemble
from fer_ensemble.artifact import (
    ArtifactError,
    ExportedEnsemble,
    load_predictor,
    read_manifest,
)
from fer_ensemble.artifact.manifest import sha256
from fer_ensemble.ensemble import RULES, VotingEnsemble, to_stacking
from fer_ensemble.exporting import convert_ensemble
from fer_ensemble.features import HOG, Landmarks
from fer_ensemble.models import OnnxClassifier, last_step
from fer_ensemble.onnx_graph import METADATA
from tests.artifact.stand_ins import change_manifest, small_stacking, small_voting, table

# Of probabilities, between single precision and itself.
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def exported(saved, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "model"
    export_ensemble(saved, folder)
    return folder


@pytest.fixture
def damaged(exported, tmp_path):
    """A copy of an exported ensemble that a test may damage."""
    return shutil.copytree(exported, tmp_path / "damaged")


def replace_graph(folder, name, change):
    """Change a graph, and let the manifest vouch for the change."""
    file = folder / f"{name}.onnx"
    graph = onnx.load(file)
    change(graph)
    file.write_bytes(graph.SerializeToString())

    def vouch(content):
        for member in content["members"]:
            if member["name"] == name:
                member["stored"]["sha256"] = sha256(file.read_bytes())

    change_manifest(folder, vouch)


def test_every_kind_of_member_answers_as_before(ensemble, exported, faces):
    images, _ = faces
    loaded = load_ensemble(exported)
    assert [name for name, _ in loaded.members_] == [name for name, _ in ensemble.members_]
    assert all(isinstance(last_step(member), OnnxClassifier) for _, member in loaded.members_)
    found, wanted = (x.predict_member_proba(images) for x in (loaded, ensemble))
    for i, (name, _) in enumerate(ensemble.members_):
        # Naive Bayes adds up the logarithms of 1,568 features, in single precision here.
        rounding = 10 * ROUNDING if name == "bayes" else ROUNDING
        np.testing.assert_allclose(found[:, i], wanted[:, i], atol=rounding, rtol=0)
    for rule in RULES:
        np.testing.assert_allclose(
            loaded.set_params(rule=rule).predict_proba(images),
            copy(ensemble).set_params(rule=rule).predict_proba(images),
            atol=10 * ROUNDING,
            rtol=0,
        )


def test_the_quick_predictor_answers_as_the_estimator_to_the_last_bit(exported, faces):
    images, _ = faces
    quick, loaded = load_predictor(exported), load_ensemble(exported)
    assert isinstance(quick, ExportedEnsemble)
    np.testing.assert_array_equal(quick.classes_, loaded.classes_)
    np.testing.assert_array_equal(
        quick.predict_member_proba(images), loaded.predict_member_proba(images)
    )
    np.testing.assert_array_equal(quick.predict_proba(images), loaded.predict_proba(images))


@pytest.mark.parametrize("rule", ["majority", "weighted", "geometric"])
@pytest.mark.parametrize("ties", ["mean_probability", "random", "abstain"])
def test_rules_ties_and_temperatures_are_those_of_the_ensemble(rule, ties, tmp_path):
    X, y = table()
    voting = small_voting(rule=rule, ties=ties, calibrate=True).fit(X, y)
    save_ensemble(voting, tmp_path / "saved")
    exported = export_ensemble(tmp_path / "saved", tmp_path / "exported")
    assert exported.n_faces == 0  # rows of a table are no faces
    quick = ExportedEnsemble(tmp_path / "exported")
    assert quick.ties == ties
    np.testing.assert_allclose(
        quick.predict_proba(X), voting.predict_proba(X), atol=10 * ROUNDING, rtol=0
    )


@pytest.mark.parametrize("passthrough", [False, True])
def test_a_stacking_keeps_its_final_estimator_and_text_as_labels(passthrough, tmp_path):
    X, y = table()
    stacking = small_stacking(passthrough=passthrough).fit(X, y)
    save_ensemble(stacking, tmp_path / "saved")
    export_ensemble(tmp_path / "saved", tmp_path / "exported")
    quick, loaded = ExportedEnsemble(tmp_path / "exported"), load_ensemble(tmp_path / "exported")
    assert loaded.classes_.tolist() == ["down", "up"]
    np.testing.assert_array_equal(loaded.predict(X), stacking.predict(X))
    np.testing.assert_allclose(
        quick.predict_proba(X), stacking.predict_proba(X), atol=10 * ROUNDING, rtol=0
    )
    np.testing.assert_array_equal(quick.predict_proba(X), loaded.predict_proba(X))


def test_features_side_by_side_stand_before_a_graph(more_faces, tmp_path):
    images, labels = more_faces
    features = make_union(HOG(pixels_per_cell=(12, 12)), Landmarks(("geometry", "points")))
    member = make_pipeline(features, LogisticRegression(max_iter=50))
    voting = VotingEnsemble([("both", member)], random_state=0).fit(images, labels)
    save_ensemble(voting, tmp_path / "saved")
    export_ensemble(tmp_path / "saved", tmp_path / "exported")
    described = read_manifest(tmp_path / "exported").members[0].exported
    assert [feature["name"] for feature in described["features"]] == ["HOG", "Landmarks"]
    answers = voting.predict_proba(images[:9])
    for loaded in (load_ensemble, ExportedEnsemble):
        found = loaded(tmp_path / "exported").predict_proba(images[:9])
        np.testing.assert_allclose(found, answers, atol=1e-4, rtol=0)


def test_an_exported_ensemble_predicts_without_the_heavy_libraries(exported, faces, tmp_path):
    np.save(tmp_path / "faces.npy", faces[0][:2])
    script = f"""
import sys, numpy as np
from fer_ensemble.artifact import load_predictor
load_predictor({str(exported)!r}).predict_proba(np.load("faces.npy"))
heavy = "sklearn scipy joblib skops keras tensorflow xgboost skimage pandas matplotlib onnx".split()
print([name for name in heavy if name in sys.modules])
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_what_is_known_of_a_network_is_kept(ensemble, exported):
    before, after = (dict(x.members_)["cnn_2"] for x in (ensemble, load_ensemble(exported)))
    assert after.history_ == before.history_
    assert after.class_counts_ == before.class_counts_
    assert (after.network, after.monitor) == ("cnn_2", before.monitor)
    assert after.facts_["n_parameters"] == sum(weights.size for weights in before.weights_)
    trees = last_step(dict(load_ensemble(exported).members_)["boosted_hog"])
    assert not hasattr(trees, "history_")
    card = (exported / "MODEL_CARD.md").read_text()
    assert "KerasClassifier in ONNX, float32 (`cnn_2`)" in card
    assert "HOG → BoostedTreesClassifier in ONNX" in card


def test_the_manifest_keeps_parameters(exported, saved):
    before, after = (json.loads((x / "manifest.json").read_text()) for x in (saved, exported))
    assert (before["schema_version"], after["schema_version"]) == (3, 3)
    assert all("exported" not in member for member in before["members"])
    parameters = [[m["parameters"] for m in content["members"]] for content in (before, after)]
    assert parameters[0] == parameters[1]


def test_an_exported_ensemble_can_be_combined_saved_and_exported_anew(exported, faces, tmp_path):
    images, _ = faces
    loaded = load_ensemble(exported)
    stacked = to_stacking(loaded)
    save_ensemble(stacked, tmp_path / "stacked")
    np.testing.assert_array_equal(
        load_ensemble(tmp_path / "stacked").predict_proba(images), stacked.predict_proba(images)
    )
    # Its final estimator is scikit-learn's still.
    assert not isinstance(load_predictor(tmp_path / "stacked"), ExportedEnsemble)
    with pytest.raises(ArtifactError, match="was not exported"):
        ExportedEnsemble(tmp_path / "stacked")
    export_ensemble(tmp_path / "stacked", tmp_path / "again", precision="int8")
    quick = load_predictor(tmp_path / "again")
    assert isinstance(quick, ExportedEnsemble)
    changes = np.abs(quick.predict_member_proba(images) - stacked.predict_member_proba(images))
    of_member = dict(zip(dict(stacked.members_), changes.transpose(1, 0, 2), strict=True))
    for name in ("boosted_hog", "bayes"):  # no networks
        assert of_member[name].max() < ROUNDING
    for name in ("cnn_2", "dense_hog"):
        assert 0 < of_member[name].mean() < 0.05


def test_saving_over_an_exported_ensemble_leaves_no_graph_behind(saved, exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "model")
    assert list(folder.glob("*.onnx"))
    save_ensemble(load_ensemble(saved), folder, overwrite=True)
    assert not list(folder.glob("*.onnx"))
    with pytest.raises(ArtifactError, match="already"):
        export_ensemble(saved, folder)


def test_an_exported_member_cannot_be_fitted_but_frozen(exported, faces):
    images, labels = faces
    loaded = load_ensemble(exported)
    network = dict(loaded.members_)["cnn_2"]
    with pytest.raises(TypeError, match=r"FrozenEstimator|to_keras"):
        clone(network).fit(images, labels)
    frozen = VotingEnsemble([("cnn_2", FrozenEstimator(network))], rule="average")
    frozen.fit(images, labels, validation_data=(images, labels))
    np.testing.assert_allclose(frozen.predict_proba(images), network.predict_proba(images))


@pytest.mark.parametrize("name", ["cnn_2", "dense_hog", "final__estimator"])
def test_an_altered_or_shortened_graph_is_refused(exported, tmp_path, name, saved):
    folder = shutil.copytree(exported, tmp_path / "model")
    if name == "final__estimator":
        export_ensemble("fast", folder, overwrite=True)
    file = folder / f"{name}.onnx"
    whole = file.read_bytes()
    for content in (whole[:-100], whole[:200], b"", whole[:-1] + bytes([whole[-1] ^ 1])):
        file.write_bytes(content)
        for load in (load_ensemble, load_predictor):
            with pytest.raises(ArtifactError, match="altered or cut short"):
                load(folder)
    file.unlink()
    with pytest.raises(ArtifactError, match="is missing"):
        load_predictor(folder)


def test_a_graph_that_the_manifest_vouches_for_may_be_damaged_still(damaged):
    file = damaged / "cnn_2.onnx"
    file.write_bytes(file.read_bytes()[:-1000])
    change_manifest(
        damaged,
        lambda content: content["members"][2]["stored"].update(sha256=sha256(file.read_bytes())),
    )
    for load in (load_ensemble, load_predictor):
        with pytest.raises(ArtifactError, match=r"cnn_2.*cannot be run by onnxruntime"):
            load(damaged)


def test_a_foreign_operator_is_refused(damaged):
    def add_operator(graph):
        graph.opset_import.append(helper.make_opsetid("evil.example", 1))
        last = graph.graph.node[-1]
        node = helper.make_node("Run", [last.input[0]], ["ran"], domain="evil.example")
        graph.graph.node.insert(len(graph.graph.node) - 1, node)
        last.input[0] = "ran"

    replace_graph(damaged, "cnn_2", add_operator)
    for load in (load_ensemble, load_predictor):
        with pytest.raises(ArtifactError, match=r"evil.example.*not a registered"):
            load(damaged)


@pytest.mark.parametrize("place", ["beside.bin", "../beside.bin", "/etc/hostname"])
def test_weights_outside_of_the_graph_are_never_read(damaged, monkeypatch, place):
    monkeypatch.chdir(damaged)
    for file in (damaged / "beside.bin", damaged.parent / "beside.bin"):
        file.write_bytes(bytes(2**20))

    def move_outside(graph):
        entry = next(x for x in graph.graph.initializer if x.name == "weights_0")
        entry.ClearField("raw_data")
        entry.data_location = TensorProto.EXTERNAL
        entry.external_data.add(key="location", value=place)

    replace_graph(damaged, "cnn_2", move_outside)
    for load in (load_ensemble, load_predictor):
        with pytest.raises(ArtifactError, match=r"cnn_2.*(?i:external data)"):
            load(damaged)


def test_a_graph_from_elsewhere_or_from_a_later_release_is_refused(damaged):
    def describe(graph, **changes):
        facts = json.loads(graph.metadata_props[0].value) | changes
        graph.metadata_props[0].value = json.dumps(facts)

    replace_graph(damaged, "cnn_2", lambda graph: describe(graph, version=99))
    with pytest.raises(ArtifactError, match=r"version 99.*upgrade"):
        load_predictor(damaged)
    replace_graph(damaged, "cnn_2", lambda graph: describe(graph, version=1, classes=[0, 1]))
    with pytest.raises(ArtifactError, match="probabilities of 2 classes"):
        load_predictor(damaged)
    replace_graph(damaged, "cnn_2", lambda graph: graph.ClearField("metadata_props"))
    with pytest.raises(ArtifactError, match="not made by 'fer-ensemble export'"):
        load_predictor(damaged)


def test_features_of_a_later_release_are_refused(damaged):
    change_manifest(
        damaged,
        lambda content: content["members"][0]["exported"]["features"][0].update(name="Gabor"),
    )
    for load in (load_ensemble, load_predictor):
        with pytest.raises(ArtifactError, match=r"no features 'Gabor'.*upgrade"):
            load(damaged)


def test_members_without_a_converter_are_named(more_faces):
    images, labels = more_faces
    fitted = VotingEnsemble([("none", make_pipeline(HOG(), NoModel()))], random_state=0)
    with pytest.raises(ValueError, match=r"'none': NoModel cannot be exported"):
        convert_ensemble(fitted.fit(images, labels))


def test_weights_of_features_are_not_lost_in_silence(more_faces):
    images, labels = more_faces
    features = FeatureUnion([("hog", HOG())], transformer_weights={"hog": 100})
    member = make_pipeline(features, LogisticRegression(max_iter=5))
    fitted = VotingEnsemble([("heavy", member)], random_state=0).fit(images, labels)
    with pytest.raises(ValueError, match=r"'heavy': .*cannot be exported"):
        convert_ensemble(fitted)


class NoModel(BaggingClassifier):
    """A classifier that skl2onnx does not know."""

    def fit(self, X, y, sample_weight=None):
        self.classes_, self.n_features_in_ = np.unique(y), X.shape[1]
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_landmarks_by_another_tool_are_no_part_of_an_export(exported, more_faces, tmp_path):
    class Elsewhere(BaseEstimator):
        def predict(self, X):
            return np.zeros((len(X), 68, 2), np.float32)

    images, labels = more_faces
    landmarks = Landmarks("points", regressor=FrozenEstimator(Elsewhere()))
    member = make_pipeline(landmarks, LogisticRegression(max_iter=9))
    fitted = VotingEnsemble([("own", member)], random_state=0).fit(images, labels)
    with pytest.raises(ArtifactError, match="'own' finds landmarks by a Elsewhere"):
        save_ensemble(convert_ensemble(fitted), tmp_path / "exported")


def test_metadata_is_where_other_languages_find_it(exported):
    graph = onnx.load(exported / "cnn_2.onnx")
    facts = json.loads(next(x.value for x in graph.metadata_props if x.key == METADATA))
    assert facts["classes"] == list(range(7))
    (entry,) = graph.graph.input
    assert entry.name == "faces"
    assert entry.type.tensor_type.elem_type == TensorProto.UINT8
    weights = [x for x in graph.graph.initializer if x.name.startswith("weights_")]
    assert all(numpy_helper.to_array(x).dtype.kind == "f" for x in weights)
