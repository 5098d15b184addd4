import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from experiments import run
from experiments.options import write_record
from fer_ensemble.datasets import FaceDataset, make_faces, write_folder


@pytest.fixture
def data(tmp_path):
    faces, labels, _ = make_faces(140, random_state=0)
    names = np.array([f"{i}.png" for i in range(140)], object)
    whole = FaceDataset(faces, labels, np.full(140, "train"), names)
    for part, rows in (("train", np.arange(100)), ("PublicTest", np.arange(100, 140))):
        write_folder(whole.take(rows), tmp_path / "data" / part)
    return tmp_path / "data"


def _app(main):
    app = typer.Typer()
    app.command()(main)
    return app


def test_a_run_writes_its_figures(data, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "HERE", tmp_path)
    results = tmp_path / "results"
    outcome = CliRunner().invoke(
        _app(run.main),
        ["tiny_xception", "--data", str(data), "--time-budget", "2s", "--results", str(results)],
    )
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((results / "tiny_xception.official.json").read_text())
    assert record["n_train"] + record["n_held_out"] == 100
    assert record["all"]["n"] == 40
    assert record["time_budget"] == "2s"
    assert str(tmp_path) not in json.dumps(record)
    assert len(record["history"]["loss"]) >= 1
    kept = np.load(tmp_path / "predictions" / "tiny_xception.official.npz")
    right = (kept["test"].argmax(1) == kept["y_test"]).mean()
    assert right == pytest.approx(record["all"]["accuracy"])
    assert len(kept["held_out"]) == len(kept["held_out_rows"]) == record["n_held_out"]
    assert kept["test_without_copies"].sum() == record["without_copies"]["n"]
    assert not list((tmp_path / "unfinished").glob("*"))


def test_more_training_goes_on_from_the_last_weights(data, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "HERE", tmp_path)
    outcome = CliRunner().invoke(
        _app(run.main),
        [
            "dense_hog_more_balanced",
            "--data",
            str(data),
            "--time-budget",
            "1s",
            "--results",
            str(tmp_path),
        ],
    )
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "dense_hog_more_balanced.official.json").read_text())
    assert len(record["earlier_rounds"]) == 1


def test_three_classes_are_measured_as_three(data, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "HERE", tmp_path)
    outcome = CliRunner().invoke(
        _app(run.main),
        [
            "dense_hog_3_classes",
            "--data",
            str(data),
            "--time-budget",
            "1s",
            "--protocol",
            "published",
            "--results",
            str(tmp_path),
        ],
    )
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "dense_hog_3_classes.random.json").read_text())
    assert [entry["name"] for entry in record["all"]["per_class"]] == ["happy", "sad", "neutral"]


def test_an_unknown_protocol_is_refused(data):
    outcome = CliRunner().invoke(
        _app(run.main), ["resnet", "--data", str(data), "--protocol", "lenient"]
    )
    assert outcome.exit_code == 2


def test_a_record_is_written_into_a_new_folder(tmp_path):
    write_record(tmp_path / "results" / "a.json", {"n": 3})
    text = (tmp_path / "results" / "a.json").read_text()
    assert json.loads(text) == {"n": 3}
    assert text.endswith("}\n")
