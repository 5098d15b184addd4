import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from experiments import leak
from fer_ensemble.datasets import PROTOCOLS, FaceDataset, load_faces, make_faces, write_folder


def test_known_and_unknown_faces_of_one_expression_are_compared():
    # Known faces are right in 90 %, others in 60 %; an expression all known does not count.
    truth = np.repeat([0, 1, 2], [1000, 1000, 500])
    known = np.where(truth == 2, True, np.arange(2500) % 4 == 0)
    turn = np.arange(2500) // 4 % 10
    right = np.where(truth == 2, False, turn < np.where(known, 9, 6))
    found = leak.measure_leak(truth, right, known)
    assert (found["n"], found["n_known"]) == (2500, 1000)
    assert found["difference"] == pytest.approx(0.3)
    low, high = found["interval"]
    # The error by hand: 2 expressions of equal weight, shares of 250 and 750 faces.
    error = 1.96 * np.sqrt((0.9 * 0.1 / 250 + 0.6 * 0.4 / 750) / 2)
    assert (low, high) == pytest.approx((0.3 - error, 0.3 + error), abs=0.003)


def test_expressions_that_tell_more_weigh_more():
    truth = np.repeat([0, 1], [400, 100])
    known = np.concatenate([np.arange(400) < 200, np.arange(100) < 90])
    right = np.where(truth == 0, known, False)
    weights = np.array([200 * 200 / 400, 90 * 10 / 100])
    assert leak.measure_leak(truth, right, known)["difference"] == pytest.approx(
        weights[0] / weights.sum()
    )


def test_nothing_is_compared_where_all_faces_are_known():
    found = leak.measure_leak(np.zeros(4), np.ones(4, bool), np.ones(4, bool))
    assert found == {"n": 4, "n_known": 4, "difference": None, "interval": None}


@pytest.fixture
def data(tmp_path):
    faces, labels, _ = make_faces(140, random_state=0)
    names = np.array([f"{i}.png" for i in range(140)], object)
    write_folder(FaceDataset(faces, labels, np.full(140, "train"), names), tmp_path / "data")
    return tmp_path / "data"


def _measure(data, tmp_path, y_test):
    np.savez(tmp_path / "resnet.balanced.npz", y_test=y_test, test=np.eye(7)[y_test])
    app = typer.Typer()
    app.command()(leak.main)
    options = ["--predictions", str(tmp_path), "--out", str(tmp_path / "leak.json")]
    return CliRunner().invoke(app, ["--data", str(data), *options])


def test_the_split_of_the_run_is_found_again(data, tmp_path):
    parts = PROTOCOLS["balanced"].split(load_faces(data), 0)
    outcome = _measure(data, tmp_path, parts.test.labels)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "leak.json").read_text())["resnet"]
    # Balanced to thousands of faces out of 140, nearly all are known.
    assert record["n"] == len(parts.test)
    assert record["n_known"] > 0.99 * record["n"]


def test_predictions_of_other_faces_are_refused(data, tmp_path):
    outcome = _measure(data, tmp_path, np.zeros(10, int))
    assert outcome.exit_code == 2
    assert "run resnet anew" in " ".join(outcome.output.split())
