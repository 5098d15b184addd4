"""Readings of a published HOG: compared on held-out faces, each once."""

import json

import numpy as np
import pytest

from experiments import hog_readings, table
from experiments.hog_readings import READINGS, Reading, convolutional_network, score, train
from experiments.systems import read_system
from experiments.tables.published import reading_rows, reading_summary, screened_rows
from fer_ensemble.datasets import load_faces
from tests.experiments.stand_ins import invoke


@pytest.fixture
def quick(monkeypatch):
    """Two readings, small kernel machines, and networks that are known to do equally well."""
    kept = {name: READINGS[name] for name in ("9, 8, 2", "8, 4, 2")}
    monkeypatch.setattr(hog_readings, "READINGS", kept)
    monkeypatch.setattr(hog_readings, "_N_COMPONENTS", 20)
    tested = []

    def train(features, network, fit, watched, test):
        assert not set(fit.names) & set(watched.names) | set(fit.names) & set(test.names)
        tested.append(test)
        return {"accuracy": 0.5, "allowed": network.epochs}

    monkeypatch.setattr(hog_readings, "train", train)
    return tested


def test_every_reading_is_measured_once(quick, data, tmp_path):
    out = tmp_path / "readings.json"
    options = ("--data", data, "--epochs", "3", "--fitted", tmp_path, "--out", out)
    outcome = invoke(hog_readings.main, *options)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(out.read_text())
    assert record["screened"].keys() == {"9, 8, 2", "8, 4, 2"}
    assert record["screened"]["8, 4, 2"]["n_features"] == 11 * 11 * 4 * 8
    assert [figures["allowed"] for figures in record["trained"].values()] == [3] * 3
    assert record["own split"].keys() <= record["trained"].keys()
    assert "drawn anew" not in record  # no member was fitted
    assert len(quick) == 4
    assert len(quick[3]) != len(quick[0])  # the last is tested on the authors' split
    assert invoke(hog_readings.main, *options).exit_code == 0
    assert len(quick) == 4


def test_a_network_learns_from_maps_of_features(data):
    faces = load_faces(data).select("train")
    rows = np.random.default_rng(0).permutation(100)
    fit, test = faces.take(rows[:80]), faces.take(rows[80:])
    figures = train(READINGS["8, 4, 2"].maps, convolutional_network(2, 0), fit, test, test)
    assert figures["n"] == 20
    assert figures["epochs"] == figures["allowed"] == 2


def test_maps_hold_the_features_where_they_are_in_the_face(undivided):
    faces = load_faces(undivided).images[:2]
    reading = READINGS["8, 4, 2"]
    maps = reading.maps(faces)
    assert maps.shape == (2, 11, 11, 32)
    np.testing.assert_array_equal(maps.reshape(2, -1), reading.features(faces))
    dark = faces.copy()
    dark[:, :20] = 0
    changed = (reading.maps(dark) != maps).any(axis=(0, 2, 3))
    assert changed[0]
    assert not changed[6:].any()


def test_faces_are_enlarged_first(undivided):
    faces = load_faces(undivided).images[:2]
    cells = READINGS["8, 4, 2"].hog
    assert Reading(cells, side=96).features(faces).shape == (2, 23 * 23 * 32)


def test_figures_are_those_the_authors_publish():
    y = np.arange(7).repeat(2)
    probabilities = np.eye(7)[np.where(np.arange(14) == 2, 3, y)]  # one face of disgust is missed
    figures = score(y, probabilities)
    assert figures["accuracy"] == pytest.approx(13 / 14)
    assert figures["recall"] == {"disgust": 0.5, "fear": 1.0}


FIGURES = {
    "n": 200,
    "accuracy": 0.5,
    "interval": [0.43, 0.57],
    "macro_f1": 0.456,
    "recall": {"disgust": 0.3, "fear": 0.2},
}
FOUND = {
    "screened": {
        "8, 6, 2": {**FIGURES, "n_features": 1568},
        "9, 8, 2": {**FIGURES, "n_features": 900, "accuracy": 0.51},
    },
    "trained": {"dense": {**FIGURES, "epochs": 7.0, "allowed": 30}},
    "own split": {"dense": {**FIGURES, "epochs": 8.0, "allowed": 30}},
    "drawn anew": {"dense_hog_published": FIGURES},
}


def test_readings_stand_below_what_was_published():
    assert screened_rows(FOUND) == [
        ("9, 8, 2", "900", "0.510 (0.430–0.570)"),
        ("8, 6, 2", "1,568", "0.500 (0.430–0.570)"),
    ]
    rows = reading_rows(FOUND, read_system("dense_hog_published"), {})
    assert rows[0] == ("published", "random, n = 3,589", "39", "0.656", "0.56", "0.09", "0.27")
    assert rows[1][1:] == (
        "held out of Training, n = 200",
        "7",
        "0.500 (0.430–0.570)",
        "0.46",
        "0.30",
        "0.20",
    )
    assert [row[1] for row in rows[2:]] == ["random, n = 200", "random, drawn anew, n = 200"]


def test_runs_stand_below_the_readings(make_record):
    runs = {
        (name, "random"): make_record(name, "random")
        for name in ("dense_hog_published", "baseline_cnn", "resnet")
    }
    for record in runs.values():
        for entry, name in zip(record["all"]["per_class"], ("disgust", "fear"), strict=True):
            entry["name"] = name
    rows = reading_rows({}, read_system("dense_hog_published"), runs)[1:]
    assert [row[0] for row in rows] == ["`dense_hog_published`", "`baseline_cnn`, on pixels"]
    assert rows[1][1:] == (
        "random, n = 200",
        "10",
        "0.700 (0.633–0.759)",
        "0.70",
        "0.80",
        "0.60",
    )


def test_it_is_said_whether_a_reading_reaches_what_was_published():
    system = read_system("dense_hog_published")
    assert "0.656 is not reached" in reading_summary(FOUND, system)
    better = {"own split": {"dense": {**FIGURES, "interval": [0.6, 0.7]}}}
    assert "0.656 is within reach" in reading_summary(better, system)
    assert reading_summary({}, system) == ""


def test_readings_are_told_once_there_are_some(tmp_path):
    assert "Which HOG" not in table.render_readme(tmp_path)
    (tmp_path / "hog_readings.json").write_text(json.dumps(FOUND))
    page = " ".join(table.render_readme(tmp_path).split())
    assert "held out of Training, n = 200: directions" in page
    assert "for 30 epochs at most" in page
