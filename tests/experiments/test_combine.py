import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from experiments import combine


@pytest.fixture
def app():
    app = typer.Typer()
    app.command()(combine.main)
    return app


def write_predictions(folder, members, *, seed=0, skill=(2.5, 2.0), n=600):
    """Members that are right to a known degree, each with errors of its own."""
    random = np.random.default_rng(seed)
    y = {part: random.integers(0, 7, n) for part in ("held_out", "test")}
    for member, strength in zip(members, skill, strict=True):
        arrays = {}
        for part, labels in y.items():
            scores = random.normal(size=(n, 7)) + strength * np.eye(7)[labels]
            arrays[part] = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
            arrays[f"y_{part}"] = labels
        arrays["test_without_copies"] = np.arange(n) >= 50
        np.savez(folder / f"{member}.official.npz", **arrays)


def test_every_way_is_compared_with_the_best_member(app, tmp_path):
    write_predictions(tmp_path, ["dense_hog", "cnn_2_published"])
    outcome = CliRunner().invoke(
        app, ["two_members", "--predictions", str(tmp_path), "--results", str(tmp_path)]
    )
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "two_members.official.json").read_text())
    assert record["best_member"] == "dense_hog"
    assert {"average", "weighted", "majority", "greedy selection", "stacking"} <= set(
        record["combined"]
    )
    assert record["without_copies"]["n"] == 550
    assert record["without_copies"]["accuracy"].keys() == record["combined"].keys()
    weighted = record["combined"]["weighted"]
    best = record["members"]["dense_hog"]["accuracy"]
    assert weighted["gain"] == pytest.approx(weighted["accuracy"] - best)
    assert weighted["gain_interval"][0] > 0  # two strong, unlike members gain
    assert weighted["mcnemar_p"] < 0.05
    assert weighted["cost_of_noise"] < record["combined"]["average"]["cost_of_noise"] - 0.01


def test_members_of_other_faces_are_refused(app, tmp_path):
    write_predictions(tmp_path, ["dense_hog"], skill=(2,))
    write_predictions(tmp_path, ["cnn_2_published"], skill=(2,), seed=1)
    outcome = CliRunner().invoke(app, ["two_members", "--predictions", str(tmp_path)])
    assert outcome.exit_code == 2
    assert "same faces" in outcome.output


def test_missing_runs_are_named(app, tmp_path):
    outcome = CliRunner().invoke(
        app, ["two_members", "--protocol", "published", "--predictions", str(tmp_path)]
    )
    assert outcome.exit_code == 2
    assert "experiments.run dense_hog" in " ".join(outcome.output.split())


def test_an_unknown_ensemble_is_refused(app):
    outcome = CliRunner().invoke(app, ["pair"])
    assert outcome.exit_code == 2
    assert "two_members" in outcome.output


def test_combined_figures_of_the_leaking_protocol_come_with_its_warning(app, tmp_path):
    write_predictions(tmp_path, ["dense_hog", "cnn_2_published"])
    for file in tmp_path.glob("*.npz"):
        file.rename(tmp_path / file.name.replace("official", "balanced"))
    folders = ["--predictions", str(tmp_path), "--results", str(tmp_path)]
    outcome = CliRunner().invoke(app, ["two_members", "--protocol", "balanced", *folders])
    assert outcome.exit_code == 0, outcome.output
    assert "The balanced protocol leaks" in outcome.output
