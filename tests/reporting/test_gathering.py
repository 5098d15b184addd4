"""A report tells what was measured of data and members."""

import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import save_ensemble
from fer_ensemble.datasets import PROTOCOLS, load_faces, training_part
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.measuring import measure_model
from fer_ensemble.reporting import gather_content


def test_the_figures_are_those_of_the_ensemble(measured, content):
    assert content.scores.accuracy == measured.scores.rules["weighted"].accuracy
    assert content.new_scores.accuracy == measured.new_scores.rules["weighted"].accuracy
    assert content.scores.bootstrap_intervals
    assert (content.scores.n, content.new_scores.n, content.data.n_seen) == (70, 63, 7)
    assert content.names[0].startswith("PublicTest/")


def test_members_are_told_with_what_they_cost(content, ensemble):
    network, bayes = content.members
    fitted = dict(ensemble.members_)["network"]
    assert network.parameters == sum(weights.size for weights in fitted.weights_)
    assert network.multiply_accumulates == 48 * 48 * 4 + 4 * 7
    assert network.history["loss"] == pytest.approx(fitted.history_["loss"])
    assert network.fit_seconds == ensemble.fit_times_["network"]
    assert network.weight + bayes.weight == pytest.approx(1)
    assert (bayes.parameters, bayes.multiply_accumulates, bayes.history) == (None, None, None)


def test_counts_are_told_by_part_and_before_and_after_balancing(content):
    counts = content.data.class_counts
    assert {part: sum(counts[part].values()) for part in counts} == {
        "training": 140,
        "held out": 14,
        "test": 70,
    }
    [(name, (before, after))] = content.data.balance.items()
    assert name == "network"
    assert set(after.values()) == {25}
    assert sum(before.values()) < 140


def test_the_leaking_protocol_warns_and_shows_the_balance(data, tmp_path, monkeypatch):
    counts = dict.fromkeys(("disgust", "happy"), 60)
    monkeypatch.setattr("fer_ensemble.datasets.dividing.BALANCED_COUNTS", counts)
    faces = load_faces(data)
    training, record = training_part(faces, "balanced")
    members = [("bayes", make_pipeline(HOG(), GaussianNB()))]
    fitted = VotingEnsemble(members, random_state=0).fit(training.images, training.labels)
    model = save_ensemble(fitted, tmp_path / "model", data=record)
    content = gather_content(measure_model(model, faces), name="model", out="report.html")
    assert content.data.warnings == [PROTOCOLS["balanced"].warning]
    before, after = content.data.balance["the whole set"]
    assert before == faces.class_counts()
    assert (after["disgust"], after["happy"], after["sad"]) == (60, 60, before["sad"])
    assert content.combining is None
