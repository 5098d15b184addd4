"""A report about one small saved ensemble, measured once for all tests."""

import json
from copy import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

import fer_ensemble
from fer_ensemble import save_ensemble, write_report
from fer_ensemble.datasets import (
    PROTOCOLS,
    load_faces,
    synthetic_dataset,
    training_part,
    write_folder,
)
from fer_ensemble.ensemble import VotingEnsemble, measure_diversity, to_stacking, to_voting
from fer_ensemble.evaluation import compare_predictions
from fer_ensemble.features import HOG
from fer_ensemble.measuring import measure_model
from fer_ensemble.models import KerasClassifier, MemberPipeline
from fer_ensemble.report import find_trainings, gather_content
from fer_ensemble.report.pictures import Picture


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Train and test faces, of which one of each class also stands in train."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    train, test = (synthetic_dataset(n, random_state=i) for i, n in enumerate((140, 70)))
    for label in range(7):
        test.images[np.argmax(test.labels == label)] = train.images[train.labels == label][0]
    write_folder(train, folder / "train")
    write_folder(test, folder / "PublicTest")
    return folder


@pytest.fixture(scope="session")
def ensemble(faces):
    """A network that balances its training, and a member that is none."""
    network = KerasClassifier(
        network_params={"units": (4,)}, epochs=2, balance=25, patience=None, random_state=0
    )
    members = [("network", network), ("bayes", make_pipeline(HOG(), GaussianNB()))]
    return VotingEnsemble(members, random_state=0).fit(*faces)


@pytest.fixture(scope="session")
def model(ensemble, faces, tmp_path_factory):
    record = {"source": "faces", "class_counts": synthetic_dataset(140).class_counts()}
    folder = tmp_path_factory.mktemp("saved") / "model"
    return save_ensemble(ensemble, folder, data=record)


@pytest.fixture(scope="session")
def measured(model, data):
    return measure_model(model, data)


@pytest.fixture(scope="session")
def content(measured):
    return gather_content(measured, name="model", out="report.html")


def test_combining_is_compared_with_the_best_member(measured, content):
    truth, predicted = measured.part.faces.labels, measured.probabilities.argmax(axis=2)
    accuracies = (predicted == truth[:, None]).mean(axis=0)
    combining = content.combining
    assert combining.best_member == ["network", "bayes"][accuracies.argmax()]
    average = measured.combine("average").argmax(axis=1)
    expected = compare_predictions(truth, average, predicted[:, accuracies.argmax()])
    assert combining.gains["average"] == expected
    diversity = measure_diversity(
        measured.probabilities, truth, range(7), "weighted", weights=measured.ensemble.weights_
    )
    assert tuple(combining.contributions.values()) == diversity.contributions
    [pair] = combining.pairs
    assert pair.disagreement == diversity.disagreement[0, 1]
    assert combining.contribution_rule == "weighted"


def test_stacking_describes_members_under_the_plain_average(ensemble, data, tmp_path):
    stacked = save_ensemble(to_stacking(ensemble), tmp_path / "stacked")
    content = gather_content(measure_model(stacked, data), name="stacked", out="report.html")
    assert content.rule == "stacking"
    assert content.combining.contribution_rule == "average"
    assert {member.weight for member in content.members} == {None}


def test_calibrated_members_are_compared_as_they_are_combined(ensemble, data, tmp_path):
    calibrated = to_voting(ensemble, rule="average", calibrate=True)
    saved = save_ensemble(calibrated, tmp_path / "calibrated")
    content = gather_content(measure_model(saved, data), name="calibrated", out="report.html")
    whole = content.scores.accuracy
    without = content.combining.contributions["network"]
    alone = next(m.scores.accuracy for m in content.members if m.name == "bayes")
    assert without.difference == pytest.approx(whole - alone)


def test_trainings_are_those_of_the_networks_and_of_pipelines_that_end_in_one(ensemble):
    network = dict(ensemble.members_)["network"]
    members = [*ensemble.members_, ("hog", MemberPipeline([("classifier", network)]))]
    found = find_trainings(members)
    assert list(found) == ["network", "hog"]
    assert found["hog"].history == network.history_
    before, after = found["network"].balance
    assert list(after) == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert set(after.values()) == {25}
    assert sum(before.values()) == sum(network.class_counts_["before"].values())


def test_a_training_that_was_not_balanced_has_no_counts(ensemble):
    network = copy(dict(ensemble.members_)["network"])
    counts = network.class_counts_["before"]
    network.class_counts_ = {"before": counts, "after": dict(counts)}
    assert find_trainings([("network", network)])["network"].balance is None


def test_the_figures_are_those_of_the_ensemble(measured, content):
    assert content.scores.accuracy == measured.scores.rules["weighted"].accuracy
    assert content.new_scores.accuracy == measured.new_scores.rules["weighted"].accuracy
    assert content.scores.bootstrap_intervals
    assert (content.scores.n, content.new_scores.n, content.data.n_seen) == (70, 63, 7)
    assert content.names[0].startswith("PublicTest/")


def test_members_stand_with_what_they_cost(content, ensemble):
    network, bayes = content.members
    fitted = dict(ensemble.members_)["network"]
    assert network.parameters == sum(weights.size for weights in fitted.weights_)
    assert network.multiply_accumulates == 48 * 48 * 4 + 4 * 7
    assert network.training.history["loss"] == pytest.approx(fitted.history_["loss"])
    assert network.fit_seconds == ensemble.fit_times_["network"]
    assert network.weight + bayes.weight == pytest.approx(1)
    assert (bayes.parameters, bayes.multiply_accumulates, bayes.training) == (None, None, None)


def test_counts_are_given_by_part_and_before_and_after_balancing(content):
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
    monkeypatch.setattr("fer_ensemble.datasets.protocols.BALANCED_COUNTS", counts)
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


def test_the_recipe_knows_data_versions_and_hashes(model, content):
    recipe = content.recipe
    manifest = json.loads((model / "manifest.json").read_text())
    assert not recipe.refits  # made from Python
    assert recipe.commands == [
        "fer-ensemble report model faces --split public_test --out report.html"
    ]
    assert recipe.hashes["bayes.skops"] == manifest["members"][1]["stored"]["sha256"]
    assert recipe.versions["keras"][0] == manifest["versions"]["keras"]
    assert recipe.settings["fitted on"] == "faces"
    assert recipe.settings["measured on"] == "faces, split public_test, n = 70"
    assert json.loads(recipe.parameters["network"])["epochs"] == 2


def test_the_hash_of_the_faces_changes_with_them(measured, content):
    name = "SHA-256 of these faces and labels"
    fewer = replace(measured.part, faces=measured.part.faces.take(np.arange(69)))
    changed = gather_content(
        replace(measured, part=fewer, probabilities=measured.probabilities[:69], seen=None),
        name="model",
        out="report.html",
    )
    assert changed.recipe.settings[name] != content.recipe.settings[name]


def test_another_protocol_than_that_of_the_fit_stands_in_the_command(model, data):
    measured = measure_model(model, data, protocol="kaggle")
    content = gather_content(measured, name="model", out="a report.html")
    assert content.data.protocol == "kaggle"
    assert content.recipe.commands == [
        "fer-ensemble report model faces --protocol kaggle --split test --out 'a report.html'"
    ]


def test_the_page_and_its_figures_are_written(model, data, tmp_path):
    out, figures = tmp_path / "new" / "report.html", tmp_path / "figures"
    options = {"figures": figures, "n_mistakes": 2, "n_explained": 1}
    assert fer_ensemble.write_report(model, data, out, **options) == out
    page = out.read_text()
    assert "What spoke for them" in page
    assert "--explain 1" in page
    assert "Facial expression report: model" in page
    assert "faces, split public_test" in page
    assert page.count("data:image/png") == 3
    assert len(page) < 3_000_000
    drawn = {file.name for file in figures.iterdir()}
    assert {"rules.png", "training-network-loss.png", "balance-network.png"} <= drawn


def test_synthetic_faces_are_named_as_such(model, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "fer_ensemble.datasets.reading.synthetic_dataset", partial(synthetic_dataset, 70)
    )
    # Drawing takes most of the time, and no picture tells where its faces come from.
    monkeypatch.setattr(Picture, "to_uri", lambda picture: "data:,")
    out = tmp_path / "report.html"
    out.write_text("an older report, which is replaced")
    page = write_report(model, out=out, n_mistakes=1).read_text()
    assert "an older report" not in page
    assert page.count("data:image/png") == 1
    assert "say nothing of real faces" in page
    assert "protocol" not in page.partition("</header>")[0]


def test_a_folder_is_no_file_to_write_to(tmp_path):
    with pytest.raises(IsADirectoryError, match="name a file to write the report to"):
        write_report(tmp_path / "no model is looked for", out=tmp_path)
