import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from experiments import landmark_members, landmarks
from fer_ensemble.datasets import FaceDataset, load_faces, make_faces, write_folder
from fer_ensemble.features import load_landmark_regressor


@pytest.fixture
def files(tmp_path):
    """Synthetic faces in folders, and what the package finds in them as their points."""
    faces, labels, _ = make_faces(140, random_state=0)
    names = np.array([f"{i}.png" for i in range(140)], object)
    whole = FaceDataset(faces, labels, np.full(140, "train"), names)
    for part, rows in (("train", np.arange(100)), ("PublicTest", np.arange(100, 140))):
        write_folder(whole.take(rows), tmp_path / "data" / part)
    written = load_faces(tmp_path / "data")
    points = load_landmark_regressor().predict(written.images)
    points[5] = np.nan
    # In another order than the faces.
    order = np.random.default_rng(0).permutation(140)
    file_names = np.array([name.rpartition("/")[2] for name in written.names])
    np.savez(tmp_path / "points.npz", names=file_names[order], points=points[order])
    return tmp_path / "data", tmp_path / "points.npz"


def _run(*arguments):
    app = typer.Typer()
    app.command()(landmarks.main)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_points_are_joined_by_name_and_figures_written(files, tmp_path, monkeypatch):
    monkeypatch.setattr(landmarks, "_REPETITIONS", 2)
    data, points = files
    weights, out = tmp_path / "weights.npz", tmp_path / "figures.json"
    options = ["--data", data, "--points", points, "--weights", weights, "--out", out]
    outcome = _run(*options, "--epochs", 1)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(out.read_text())
    assert record["held_out"]["n"] + record["public_test"]["n"] > 40
    assert record["weights_bytes"] == weights.stat().st_size
    assert str(tmp_path) not in json.dumps(record)
    # The package's own weights made these points: joined rightly, they have no error.
    weights.write_bytes(landmarks.SHIPPED.read_bytes())
    assert _run(*options, "--no-train").exit_code == 0
    record = json.loads(out.read_text())
    assert record["public_test"]["mean_error"] < 1e-3
    assert record["speed"]["median_ms_per_face"] > 0


def test_faces_without_a_row_are_told(files, tmp_path):
    data, points = files
    table = dict(np.load(points))
    np.savez(points, **{name: values[:-1] for name, values in table.items()})
    outcome = _run("--data", data, "--points", points, "--out", tmp_path / "figures.json")
    assert outcome.exit_code == 2
    assert "no row for 1 faces" in " ".join(outcome.output.replace("│", " ").split())


def _run_landmark_members(folder):
    app = typer.Typer()
    app.command()(landmark_members.main)
    options = ["--predictions", str(folder), "--out", str(folder / "figures.json")]
    return CliRunner().invoke(app, options)


def _write(folder, member, share_right, y):
    predicted = np.where(np.arange(len(y)) < share_right * len(y), y, (y + 1) % 7)
    np.savez(folder / f"{member}.official.npz", y_test=y, test=np.eye(7)[predicted])


def test_members_are_compared_face_by_face(tmp_path):
    y = np.arange(200) % 7
    shares = {"dense_hog": 0.5, "boosted_hog": 0.4, "boosted_landmarks": 0.5}
    shares |= {"dense_hog_landmarks": 0.7, "boosted_hog_landmarks": 0.6}
    for member, share in shares.items():
        _write(tmp_path, member, share, y)
    outcome = _run_landmark_members(tmp_path)
    assert outcome.exit_code == 0, outcome.output
    first = json.loads((tmp_path / "figures.json").read_text())[0]
    assert (first["accuracy"], first["its_accuracy"]) == (0.7, 0.5)
    assert first["interval"][0] < first["difference"] == 0.2 < first["interval"][1]
    assert first["n_only_a"] == 40
    _write(tmp_path, "dense_hog", 0.5, y[::-1])
    assert _run_landmark_members(tmp_path).exit_code == 2


def test_a_member_that_was_not_run_is_told(tmp_path):
    outcome = _run_landmark_members(tmp_path)
    assert outcome.exit_code == 2
    assert "experiments.run dense_hog_landmarks" in " ".join(
        outcome.output.replace("│", " ").split()
    )
