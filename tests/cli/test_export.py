"""``fer-ensemble export``: what it writes, what it says, what it refuses."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fer_ensemble import load_ensemble
from fer_ensemble.artifact import ExportedEnsemble
from fer_ensemble.cli.app import app
from fer_ensemble.cli.export import Precision
from fer_ensemble.datasets import synthetic_dataset, write_folder
from fer_ensemble.models import last_step
from fer_ensemble.models.onnx_export import PRECISIONS


def run(*words):
    return CliRunner().invoke(app, ["export", *map(str, words)])


def test_the_shipped_network_is_exported_in_eight_bits(tmp_path):
    result = run("fast", "--out", tmp_path / "quick", "--precision", "int8")
    assert result.exit_code == 0, result.output
    assert "fast_cnn.onnx: 1.0 MB" in result.stdout
    assert "On 512 drawn faces:" in result.stdout
    member = load_ensemble(tmp_path / "quick").members_[0][1]
    assert last_step(member).facts_["precision"] == "int8"
    manifest = json.loads((tmp_path / "quick" / "manifest.json").read_text())
    assert manifest["data"]["n_held_out"] == 2896  # what it was fitted on is still told
    ExportedEnsemble(tmp_path / "quick")


def test_ranges_can_be_learned_from_faces_of_the_users(tmp_path):
    write_folder(synthetic_dataset(60, random_state=0), tmp_path / "faces")
    options = ("--data", tmp_path / "faces", "--precision", "int8", "--out", tmp_path / "quick")
    result = run("fast", *options)
    assert result.exit_code == 0, result.output
    assert "faces of" in result.stdout
    assert "512" not in result.stdout


def test_what_stands_there_is_spared(tmp_path):
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "manifest.json").write_text("{}")
    result = run("fast", "--out", tmp_path / "quick")
    assert result.exit_code == 1
    assert "holds a saved ensemble already" in str(result.exception)
    assert run("fast", "--out", tmp_path / "quick", "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--precision", "int4"), "int4"),
        (("--format", "tflite"), "tflite"),
    ],
)
def test_other_forms_are_refused(words, message, tmp_path):
    result = run("fast", "--out", tmp_path / "quick", *words)
    assert result.exit_code == 2
    assert message in result.output


def test_no_ensemble_is_an_error_in_a_line():
    result = run("nowhere", "--out", "quick")
    assert result.exit_code == 1
    assert "nowhere does not exist" in str(result.exception)
    assert not Path("quick").exists()


def test_the_help_names_the_precisions_that_there_are():
    assert tuple(precision.value for precision in Precision) == PRECISIONS
