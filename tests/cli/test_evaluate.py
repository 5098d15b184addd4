"""Which faces are measured, the model card, and the votes of FER+, from the command line."""

import json

import numpy as np
import pytest

from fer_ensemble import load_ensemble
from fer_ensemble.artifact import read_manifest
from fer_ensemble.datasets import join_ferplus, load_faces, load_ferplus, synthetic_dataset
from fer_ensemble.datasets.ferplus import VOTES
from fer_ensemble.evaluation import evaluate_votes

QUICK = ["--members", "boosted_hog", "--set=boosted_hog.classifier__n_estimators=3", "--jobs", "1"]
OWN = [VOTES.index(f"{name}") for name in
       ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """FER2013 in small, as its original CSV, and the votes on it."""
    folder = tmp_path_factory.mktemp("data")
    faces = synthetic_dataset(280, random_state=0)
    usages = ["Training"] * 140 + ["PublicTest"] * 70 + ["PrivateTest"] * 70
    rng = np.random.default_rng(0)
    rows, votes = ["emotion,pixels,Usage"], [f"Usage,Image name,{','.join(VOTES)}"]
    for number, (image, label, usage) in enumerate(
        zip(faces.images, faces.labels, usages, strict=True)
    ):
        rows.append(f"{label},{' '.join(map(str, image.ravel()))},{usage}")
        counts = np.zeros(10, int)
        counts[OWN[label]] = 7
        counts[rng.integers(10)] += 3
        votes.append(f"{usage},fer{number:07d}.png,{','.join(map(str, counts))}")
    (folder / "fer2013.csv").write_text("\n".join(rows) + "\n")
    (folder / "fer2013new.csv").write_text("\n".join(votes) + "\n")
    return folder


@pytest.fixture
def fitted(run, data, tmp_path):
    """Fit with some options; the folder, and what was printed."""

    def fit(*options):
        model = tmp_path / "model"
        code, told, notes = run("fit", data / "fer2013.csv", "--out", model, *options, *QUICK)
        assert code == 0, notes
        return model, told, notes

    return fit


def evaluate(run, data, model, *options):
    figures = model.parent / "figures.json"
    arguments = ("--model", model, "--json", figures, *options)
    code, told, notes = run("evaluate", data / "fer2013.csv", *arguments)
    assert code == 0, notes
    return json.loads(figures.read_text()), " ".join(told.split())


def test_each_protocol_has_its_own_test_part(run, data, fitted):
    model, _, _ = fitted()
    figures, told = evaluate(run, data, model)
    assert (figures["n"], figures["split"]) == (70, "public_test")
    assert "fer2013.csv, split public_test, n = 70" in told
    assert "Split public_test is what the official protocol tests on; there are also" in told
    assert "private_test (70 faces): see --split." in told
    [first, *_] = figures["sets"]
    held = first["scores"]["all"]
    assert "Sets of labels (predict --coverage): fer2013.csv, split public_test, n = 70" in told
    assert f"0.8 {held['coverage']:.3f} {held['interval'][0]:.3f}–" in told
    figures, told = evaluate(run, data, model, "--protocol", "kaggle")
    assert (figures["n"], figures["split"]) == (140, "test")
    assert "Split test is what the kaggle protocol tests on." in told
    figures, told = evaluate(run, data, model, "--split", "private_test")
    assert (figures["n"], figures["split"]) == (70, "private_test")
    assert "protocol tests on" not in told


def test_figures_are_written_into_the_card_if_asked_for(run, data, fitted):
    model, _, _ = fitted()
    before = {file.name: file.read_bytes() for file in model.iterdir()}
    figures, told = evaluate(run, data, model)
    assert figures["subgroups"] is None
    assert "Groups of faces" not in told
    assert {file.name: file.read_bytes() for file in model.iterdir()} == before
    figures, told = evaluate(run, data, model, "--subgroups", "--card")
    (kept,) = read_manifest(model).data["figures"]
    own = figures["rules"]["weighted"]
    for name in ("n", "accuracy", "accuracy_interval", "per_class", "calibration_error"):
        assert kept["all"][name] == own[name]
    assert kept["without_copies"]["n"] == figures["without_copies"]["n"]
    assert (kept["protocol"], kept["test"]) == ("official", "split public_test")
    card = (model / "MODEL_CARD.md").read_text()
    low, high = own["accuracy_interval"]
    assert f"| all | 70 | {own['accuracy']:.3f} | {low:.3f}–{high:.3f} |" in card
    for part in figures["subgroups"]["conditions"]["brightness"]["groups"]:
        assert f"{part['group']}{'*' if part['small'] else ''} {part['n']}" in told
    assert "Best group above the worst" in told
    mask = next(row for row in figures["subgroups"]["altered"] if row["name"] == "mask")
    assert f"mask {mask['accuracy']:.3f}" in told
    assert f"| mask | {mask['accuracy']:.3f} |" in card
    load_ensemble(model)
    changed = {file.name for file in model.iterdir() if file.read_bytes() != before[file.name]}
    assert changed == {"manifest.json", "MODEL_CARD.md"}


def test_the_card_of_a_shipped_model_is_not_written_to(run):
    code, _, notes = run("evaluate", "--model", "fast", "--card")
    assert code == 2
    assert "comes with the package" in " ".join(notes.replace("│", " ").split())


def test_votes_are_a_second_reading(run, data, fitted):
    model, _, _ = fitted()
    path = data / "fer2013new.csv"
    figures, told = evaluate(run, data, model, "--ferplus", path)
    faces = load_faces(data / "fer2013.csv")
    votes = join_ferplus(faces, load_ferplus(path)).take(faces.split == "public_test")
    expected = evaluate_votes(
        votes.expressions,
        load_ensemble(model).predict_proba(faces.select("public_test").images),
        others=votes.others,
    )
    found = figures["ferplus"]["weighted"]
    assert (found["n_majority"], found["accuracy"]) == (expected.n_majority, expected.accuracy)
    assert found["cross_entropy"] == pytest.approx(expected.cross_entropy)
    assert set(figures["ferplus"]) == {"boosted_hog", "weighted"}
    assert f"n = {expected.n_majority} with a majority, {expected.n} with votes" in told
    assert f"{expected.cross_entropy:.3f}" in told
    assert figures["rules"]["weighted"]["n"] == 70  # beside the labels' own figures


def test_votes_can_be_trained_on(run, data, fitted):
    model, told, notes = fitted("--ferplus", data / "fer2013new.csv")
    record = read_manifest(model).data["ferplus"]
    assert record["source"] == "fer2013new.csv"
    assert record["n_rows"] > record["n_faces"] > 100
    line = f"Votes of FER+ on {record['n_faces']} of them, in {record['n_rows']} weighted rows"
    assert line in notes
    assert "labelled by the majority of FER+" in " ".join(told.split())
    ensemble = load_ensemble(model)
    faces = load_faces(data / "fer2013.csv")
    votes = join_ferplus(faces, load_ferplus(data / "fer2013new.csv"))
    n_held_out = len(ensemble.validation_labels_)
    assert n_held_out + record["n_faces"] <= 140
    assert n_held_out >= 10
    known = votes.majority[faces.split == "train"]
    assert set(ensemble.validation_labels_) <= set(known)
    assert "The labels are the votes in fer2013new.csv" in (model / "MODEL_CARD.md").read_text()
    evaluate(run, data, model)


def test_votes_need_their_own_faces(run, data, tmp_path):
    path = data / "fer2013new.csv"
    code, _, notes = run("fit", "--ferplus", path, "--out", tmp_path / "m", *QUICK)
    assert code == 1
    assert "votes on 280 faces, and there are 1,500 rows" in notes
    assert not (tmp_path / "m").exists()
