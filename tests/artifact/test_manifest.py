"""Manifests that are missing, damaged, or of a later version."""

import shutil

import pytest

from fer_ensemble import load_ensemble
from fer_ensemble.artifact import ArtifactError
from tests.artifact.stand_ins import change_manifest


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
