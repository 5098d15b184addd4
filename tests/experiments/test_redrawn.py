import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from experiments import redrawn
from experiments.systems import Ensemble
from fer_ensemble.artifact.states import dump_member
from fer_ensemble.datasets import PROTOCOLS, FaceDataset, load_faces, make_faces, write_folder
from fer_ensemble.models import create_member


def divide(system, faces, protocol, seed):
    return PROTOCOLS[protocol].split(faces, seed, target=40, test_size=0.25)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redrawn")
    faces, labels, _ = make_faces(140, random_state=0)
    names = np.array([f"{i}.png" for i in range(140)], object)
    write_folder(FaceDataset(faces, labels, np.full(140, "train"), names), folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def run(data):
    """Leave behind what a run of a member leaves behind."""
    parts = divide(None, load_faces(data), "balanced", 0)
    member = create_member("boosted_hog", random_state=0, classifier__n_estimators=20)
    member.fit(parts.train.images, parts.train.labels)
    folder = data.parent
    (folder / "boosted_hog.balanced.skops").write_bytes(dump_member("boosted_hog", member))
    test, y_test = member.predict_proba(parts.test.images), parts.test.labels
    np.savez(
        folder / "boosted_hog.balanced.npz",
        test=test, y_test=y_test, held_out=test, y_held_out=y_test,
    )  # fmt: skip
    return folder, member


def call(folder, data, monkeypatch, of=divide):
    ensemble = Ensemble("one", "Of one", ("boosted_hog",), "balanced")
    monkeypatch.setattr(redrawn, "divide", of)
    monkeypatch.setattr(redrawn, "all_ensembles", lambda: [ensemble])
    app = typer.Typer()
    app.command()(redrawn.main)
    options = ["--predictions", folder, "--fitted", folder, "--out", folder / "redrawn.json"]
    return CliRunner().invoke(app, ["--data", str(data), *map(str, options)])


def test_another_draw_holds_each_class_in_proportion_and_tells_who_was_trained_on(data):
    parts = divide(None, load_faces(data), "balanced", 0)
    images, labels, trained_on = redrawn.draw_again(parts, 1)
    assert np.bincount(labels).tolist() == [10] * 7
    known = {image.tobytes() for image in parts.train.images}
    assert 0.6 < trained_on.mean() < 0.9
    assert all(image.tobytes() in known for image in images[trained_on])
    np.testing.assert_array_equal(redrawn.draw_again(parts, 1)[0], images)


def test_members_and_ensembles_are_measured_on_the_new_draw(run, data, monkeypatch):
    folder, member = run
    outcome = call(folder, data, monkeypatch)
    assert outcome.exit_code == 0, outcome.output
    found = json.loads((folder / "redrawn.json").read_text())
    parts = divide(None, load_faces(data), "balanced", 0)
    images, labels, trained_on = redrawn.draw_again(parts, 1)
    figures = found["systems"]["boosted_hog"]
    assert figures["n_trained_on"] == trained_on.sum()
    assert figures["accuracy"] == (member.predict(images) == labels).mean()
    assert figures["interval"][0] < figures["accuracy"] <= figures["interval"][1]
    assert found["ensembles"]["one"]["average"]["accuracy"] == figures["accuracy"]


def test_a_run_on_other_faces_is_refused(run, data, monkeypatch):
    folder, _ = run

    def of_another_seed(system, faces, protocol, seed):
        return divide(system, faces, protocol, seed + 1)

    outcome = call(folder, data, monkeypatch, of=of_another_seed)
    assert outcome.exit_code == 2
    assert "run boosted_hog anew" in " ".join(outcome.output.split())
