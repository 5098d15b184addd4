"""What is made of the runs' predictions: combined, compared, and searched for leaks."""

import json

import numpy as np
import pytest

from experiments import combine, landmark_members, leak, redrawn, systems
from experiments.runs import divide, find_copies
from experiments.systems import System
from fer_ensemble.artifact.member_files import dump_member
from fer_ensemble.datasets import PROTOCOLS, load_faces
from fer_ensemble.models import create_member
from tests.experiments.stand_ins import invoke, words, write_predictions


def test_every_way_is_compared_with_the_best_member(tmp_path):
    write_predictions(tmp_path, ["dense_hog", "cnn_2_published"])
    outcome = invoke(combine.main, "two_members", "--predictions", tmp_path, "--results", tmp_path)
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


def test_members_of_other_faces_are_refused(tmp_path):
    write_predictions(tmp_path, ["dense_hog"], skill=(2,))
    write_predictions(tmp_path, ["cnn_2_published"], skill=(2,), seed=1)
    outcome = invoke(combine.main, "two_members", "--predictions", tmp_path)
    assert outcome.exit_code == 2
    assert "same faces" in outcome.output


def test_missing_runs_are_named(tmp_path):
    outcome = invoke(
        combine.main, "two_members", "--protocol", "published", "--predictions", tmp_path
    )
    assert outcome.exit_code == 2
    assert "experiments.run dense_hog" in words(outcome)


def test_an_unknown_ensemble_is_refused():
    outcome = invoke(combine.main, "pair")
    assert outcome.exit_code == 2
    assert "two_members" in outcome.output


def test_combined_figures_of_the_leaking_protocol_come_with_its_warning(tmp_path):
    write_predictions(tmp_path, ["dense_hog", "cnn_2_published"])
    for file in tmp_path.glob("*.npz"):
        file.rename(tmp_path / file.name.replace("official", "balanced"))
    folders = ["--predictions", tmp_path, "--results", tmp_path]
    outcome = invoke(combine.main, "two_members", "--protocol", "balanced", *folders)
    assert outcome.exit_code == 0, outcome.output
    assert "The balanced protocol leaks" in outcome.output


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


def test_expressions_with_many_faces_of_both_kinds_weigh_more():
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


def measure_leak_of(undivided, tmp_path, y_test):
    np.savez(tmp_path / "resnet.balanced.npz", y_test=y_test, test=np.eye(7)[y_test])
    options = ["--predictions", tmp_path, "--out", tmp_path / "leak.json"]
    return invoke(leak.main, "--data", undivided, *options)


def test_the_split_of_the_run_is_found_again(undivided, tmp_path):
    parts = PROTOCOLS["balanced"].split(load_faces(undivided), 0)
    outcome = measure_leak_of(undivided, tmp_path, parts.test.labels)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "leak.json").read_text())["resnet"]
    # Balanced to thousands of faces out of 140, nearly all are known.
    assert record["n"] == len(parts.test)
    assert record["n_known"] > 0.99 * record["n"]


def test_leaks_of_other_faces_are_refused(undivided, tmp_path):
    outcome = measure_leak_of(undivided, tmp_path, np.zeros(10, int))
    assert outcome.exit_code == 2
    assert "experiments.run resnet" in words(outcome)


DECLARED = """
row = 1
title = ""
member = "boosted_hog"
protocol = "balanced"
protocol_params = { target = 40, test_size = 0.25 }
"""
SYSTEM = System("small", 1, "", "boosted_hog", "balanced", {"target": 40, "test_size": 0.25})


@pytest.fixture(scope="module")
def balanced_run(undivided, tmp_path_factory):
    """Leave behind what a balanced run leaves behind."""
    folder = tmp_path_factory.mktemp("balanced")
    parts = divide(SYSTEM, load_faces(undivided), "balanced", 0)
    member = create_member("boosted_hog", random_state=0, n_jobs=1, classifier__n_estimators=5)
    member.fit(parts.train.images, parts.train.labels)
    (folder / "small.balanced.skops").write_bytes(dump_member("boosted_hog", member))
    test, y_test = member.predict_proba(parts.test.images), parts.test.labels
    np.savez(
        folder / "small.balanced.npz", test=test, y_test=y_test, held_out=test, y_held_out=y_test
    )
    return folder, member, parts


@pytest.fixture
def draw_again(balanced_run, undivided, tmp_path, monkeypatch):
    """Measure the run again, and an ensemble of it alone."""
    (tmp_path / "small.toml").write_text(DECLARED)
    (tmp_path / "ensembles").mkdir()
    (tmp_path / "ensembles" / "one.toml").write_text(
        'title = ""\nmembers = ["small"]\nprotocol = "balanced"'
    )
    monkeypatch.setattr(systems, "SYSTEMS", tmp_path)
    monkeypatch.setattr(systems, "ENSEMBLES", tmp_path / "ensembles")
    folder = balanced_run[0]
    options = ["--predictions", folder, "--fitted", folder, "--out", tmp_path / "redrawn.json"]
    return lambda *more: invoke(redrawn.main, "--data", undivided, *options, *more)


def test_another_draw_holds_each_class_in_proportion_and_says_who_was_trained_on(balanced_run):
    parts = balanced_run[2]
    images, labels, trained_on = redrawn.draw_again(parts, 1)
    assert np.bincount(labels).tolist() == [10] * 7
    known = {image.tobytes() for image in parts.train.images}
    assert 0.6 < trained_on.mean() < 0.9
    assert all(image.tobytes() in known for image in images[trained_on])
    np.testing.assert_array_equal(redrawn.draw_again(parts, 1)[0], images)


def test_members_and_ensembles_are_measured_on_the_new_draw(balanced_run, draw_again, tmp_path):
    outcome = draw_again()
    assert outcome.exit_code == 0, outcome.output
    found = json.loads((tmp_path / "redrawn.json").read_text())
    _, member, parts = balanced_run
    images, labels, trained_on = redrawn.draw_again(parts, 1)
    figures = found["systems"]["small"]
    assert figures["n_trained_on"] == trained_on.sum()
    assert figures["accuracy"] == (member.predict(images) == labels).mean()
    assert figures["interval"][0] < figures["accuracy"] <= figures["interval"][1]
    assert found["ensembles"]["one"]["average"]["accuracy"] == figures["accuracy"]


def test_a_run_of_another_seed_is_not_drawn_again(draw_again):
    outcome = draw_again("--seed", 1)
    assert outcome.exit_code == 2
    assert "experiments.run small" in words(outcome)


def test_known_faces_are_found_where_copies_are_left_unchanged(undivided):
    faces = load_faces(undivided)
    changed, unchanged = (
        find_copies(divide(SYSTEM, faces, "balanced", 0, change_copies=change)).mean()
        for change in (True, False)
    )
    assert changed < 0.5 < unchanged


def compare_members(folder):
    options = ["--predictions", folder, "--out", folder / "figures.json"]
    return invoke(landmark_members.main, *options)


def write_shares(folder, member, share_right, y):
    predicted = np.where(np.arange(len(y)) < share_right * len(y), y, (y + 1) % 7)
    np.savez(folder / f"{member}.official.npz", y_test=y, test=np.eye(7)[predicted])


def test_members_are_compared_face_by_face(tmp_path):
    y = np.arange(200) % 7
    shares = {"dense_hog": 0.5, "boosted_hog": 0.4, "boosted_landmarks": 0.5}
    shares |= {"dense_hog_landmarks": 0.7, "boosted_hog_landmarks": 0.6}
    for member, share in shares.items():
        write_shares(tmp_path, member, share, y)
    outcome = compare_members(tmp_path)
    assert outcome.exit_code == 0, outcome.output
    first = json.loads((tmp_path / "figures.json").read_text())[0]
    assert (first["accuracy"], first["its_accuracy"]) == (0.7, 0.5)
    assert first["interval"][0] < first["difference"] == 0.2 < first["interval"][1]
    assert first["n_only_a"] == 40
    write_shares(tmp_path, "dense_hog", 0.5, y[::-1])
    assert compare_members(tmp_path).exit_code == 2


def test_a_member_that_was_not_run_is_named(tmp_path):
    outcome = compare_members(tmp_path)
    assert outcome.exit_code == 2
    assert "experiments.run dense_hog_landmarks" in words(outcome)
