import json

import numpy as np
import typer
from typer.testing import CliRunner

from experiments import landmark_members


def _run(folder):
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
    outcome = _run(tmp_path)
    assert outcome.exit_code == 0, outcome.output
    first = json.loads((tmp_path / "figures.json").read_text())[0]
    assert (first["accuracy"], first["its_accuracy"]) == (0.7, 0.5)
    assert first["interval"][0] < first["difference"] == 0.2 < first["interval"][1]
    assert first["n_only_a"] == 40
    _write(tmp_path, "dense_hog", 0.5, y[::-1])
    assert _run(tmp_path).exit_code == 2


def test_a_member_that_was_not_run_is_told(tmp_path):
    outcome = _run(tmp_path)
    assert outcome.exit_code == 2
    assert "experiments.run dense_hog_landmarks" in " ".join(
        outcome.output.replace("│", " ").split()
    )
