"""``fer-ensemble export --hub``: a folder to be pushed as it is, whose card can be followed."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_ensemble import export_ensemble, predict_faces
from fer_ensemble.artifact import ArtifactError, ExportedEnsemble, read_manifest, resolve_model
from fer_ensemble.artifact.hub_folder import make_metadata, to_yaml
from fer_ensemble.datasets import make_faces, synthetic_dataset, write_folder
from tests.record_answers import RECORDED

EXPORTED = RECORDED / "exported_by_2af0a99"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders for the hub: of a model of the package, and of two of a user's."""
    place = tmp_path_factory.mktemp("hub")
    export_ensemble("fast", place / "fast", hub=True)
    for kind in ("voting", "stacking"):
        export_ensemble(EXPORTED / kind, place / kind, hub=True, license="My License 1")
    return place


def card_of(folder):
    yaml = pytest.importorskip("yaml")
    _, metadata, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(metadata), body


def test_the_folder_is_a_repository_and_an_ensemble(folders):
    names = {file.name for file in (folders / "fast").iterdir()}
    graphs = {"fast_cnn.onnx", "final__estimator.onnx"}
    beside = {"README.md", "config.json", ".gitattributes", "LICENSE"}
    assert names == graphs | beside | {"manifest.json", "validation.npz"}
    for graph in graphs:
        assert (folders / "fast" / graph).read_bytes() == (
            resolve_model("fast") / graph
        ).read_bytes()
    assert "*.onnx filter=lfs" in (folders / "fast" / ".gitattributes").read_text()
    faces = make_faces(3, random_state=0).images
    found, expected = (
        ExportedEnsemble(place).predict_proba(faces)
        for place in (folders / "fast", resolve_model("fast"))
    )
    np.testing.assert_array_equal(found, expected)


def test_figures_of_the_metadata_are_those_of_the_manifest(folders):
    metadata, body = card_of(folders / "fast")
    assert metadata["license"] == "mit"
    assert metadata["library_name"] == "fer-ensemble"
    assert metadata["pipeline_tag"] == "image-classification"
    assert metadata["datasets"] == ["fer2013"]
    (entry,) = metadata["model-index"]
    (kept,) = read_manifest(folders / "fast").data["figures"]
    told = [result["metrics"][0] for result in entry["results"]]
    for metric, figures in zip(told, (kept["all"], kept["without_copies"]), strict=True):
        assert metric["type"] == "accuracy"
        assert metric["value"] == round(figures["accuracy"], 4)
        assert f"(n = {figures['n']:,}, 95 % interval " in metric["name"]
    assert {result["dataset"]["split"] for result in entry["results"]} == {"public_test"}
    assert "## Not for" in body
    assert "#### Sets of labels" in body


def test_the_hubs_own_library_reads_the_card(folders):
    hub = pytest.importorskip("huggingface_hub")
    for folder in folders.iterdir():
        card = hub.ModelCard.load(folder / "README.md")
        assert card.data.to_dict() == hub.metadata_load(folder / "README.md")
        assert card.data.library_name == "fer-ensemble"
    results = hub.ModelCard.load(folders / "fast" / "README.md").data.eval_results
    assert [result.metric_type for result in results].count("accuracy") == 2


def test_config_names_classes_and_graphs(folders):
    config = json.loads((folders / "fast" / "config.json").read_text())
    assert config["id2label"]["3"] == "happy"
    assert config["label2id"]["happy"] == 3
    (member,) = config["members"]
    assert member["inputs"] == [{"name": "faces", "dtype": "uint8", "shape": ["n", 48, 48]}]
    assert config["final_estimator"]["inputs"][0]["name"] == "features"
    trees = json.loads((folders / "voting" / "config.json").read_text())["members"]
    assert {name for entry in trees for name in entry["features"]} == {"HOG", "Landmarks"}


def test_snippets_of_the_card_run_as_they_stand(folders, monkeypatch, tmp_path, capsys):
    place = shutil.copytree(folders / "fast", tmp_path / "downloaded")
    write_folder(synthetic_dataset(7, random_state=0), place / "photos")
    monkeypatch.chdir(place)
    blocks = re.findall(r"```(\w+)\n(.*?)```", (place / "README.md").read_text(), re.DOTALL)
    command, python, plain = (text for _, text in blocks)
    assert command.strip() == "fer-ensemble predict photos/ --model ."
    exec(python, {})
    assert capsys.readouterr().out.count(".png ") == 7
    names: dict = {}
    exec(plain, names)
    expected = ExportedEnsemble(place).predict_proba(names["faces"])
    np.testing.assert_allclose(names["probabilities"], expected, atol=1e-6)


def test_of_members_with_features_the_card_runs_what_any_runtime_can(folders, monkeypatch):
    monkeypatch.chdir(folders / "stacking")
    text = Path("README.md").read_text()
    assert "That is the member `network` alone." in text
    names: dict = {}
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    members = [entry["name"] for entry in names["config"]["members"]]
    asked = ExportedEnsemble(".").predict_member_proba(names["faces"])
    expected = asked[:, members.index("network")]
    np.testing.assert_allclose(names["probabilities"], expected, atol=1e-6)


def test_a_downloaded_folder_of_links_is_loaded_and_a_damaged_one_refused(folders, tmp_path):
    linked = tmp_path / "snapshot"  # as the hub's cache has it
    linked.mkdir()
    for file in (folders / "fast").iterdir():
        (linked / file.name).symlink_to(file)
    write_folder(synthetic_dataset(7, random_state=0), tmp_path / "photos")
    assert len(predict_faces([tmp_path / "photos"], linked)) == 7
    (linked / "fast_cnn.onnx").unlink()
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1905146\n"
    (linked / "fast_cnn.onnx").write_text(pointer)  # cloned without Git LFS
    with pytest.raises(ArtifactError, match="not what its manifest says"):
        ExportedEnsemble(linked)


def test_licenses(folders, tmp_path, run):
    other = card_of(folders / "voting")[0]
    assert (other["license"], other["license_name"]) == ("other", "my-license-1")
    known = make_metadata(read_manifest(EXPORTED / "voting"), "x", "Apache-2.0")
    assert known["license"] == "apache-2.0"
    code, _, err = run("export", EXPORTED / "voting", "--hub", tmp_path / "mine")
    assert code == 0
    assert "Its card names no license" in err
    assert "license" not in card_of(tmp_path / "mine")[0]
    assert "No license is stated" in (tmp_path / "mine" / "README.md").read_text()
    code, _, err = run("export", "fast", "--hub", tmp_path / "other", "--license", "mit")
    assert (code, "leave it out" in err) == (1, True)
    assert not (tmp_path / "other").exists()


def test_where_to_is_said_once(run, tmp_path):
    for words in ((), ("--out", tmp_path / "a", "--hub", tmp_path / "b")):
        code, _, err = run("export", "fast", *words)
        assert code == 2
        assert "--hub DIR" in " ".join(err.split())
    code, _, _ = run("export", "fast", "--out", tmp_path / "a", "--license", "mit")
    assert code == 2


def test_a_card_that_stands_there_is_spared(tmp_path):
    (tmp_path / ".gitattributes").write_text("*.onnx filter=lfs -text\n*.bin filter=lfs\n")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ArtifactError, match=r"has README\.md already"):
        export_ensemble("fast", tmp_path, hub=True)
    assert (tmp_path / "README.md").read_text() == "mine"
    export_ensemble("fast", tmp_path, hub=True, overwrite=True)
    assert (tmp_path / "README.md").read_text() != "mine"
    lines = (tmp_path / ".gitattributes").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["*.onnx", "*.bin", "*.npz"]


def test_figures_with_a_warning_and_of_drawn_faces_are_no_metadata():
    manifest = read_manifest(resolve_model("fast"))
    (entry,) = manifest.data["figures"]
    assert "model-index" in make_metadata(manifest, "x")
    for change in ({"warning": "It leaks."}, {"synthetic": True}):
        manifest.data["figures"] = [entry | change]
        assert "model-index" not in make_metadata(manifest, "x")


def test_yaml_is_what_was_meant():
    yaml = pytest.importorskip("yaml")
    value = {
        "a": ["no", "mit", "1.5", 'quote " and: colon', "Wütend – é 😀", ""],
        "b": {"c": [{"d": {"e": 1, "f": [1.5, "x"]}, "g": "y"}], "h": "2"},
    }
    assert yaml.safe_load(to_yaml(value)) == value
