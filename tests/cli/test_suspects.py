"""From suspects to a page and decisions, and to a fit that follows them."""

import json

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

import fer_ensemble.suspects.doubting as doubting
from fer_ensemble.artifact import read_manifest
from fer_ensemble.artifact.manifest import MODEL_CARD
from fer_ensemble.datasets import EMOTIONS, read_decisions, synthetic_dataset, write_folder
from fer_ensemble.suspects import Opinion

QUICK = ["--members", "boosted_hog", "--jobs", "1"]
FEW = "--set=boosted_hog.classifier__n_estimators=2"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Train and test faces, with a blank picture and a copy of another label in train."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    train, test = (synthetic_dataset(n, random_state=i) for i, n in enumerate((70, 14)))
    train.images[0] = 128
    fear, happy = (np.flatnonzero(train.labels == label) for label in (2, 3))
    train.images[fear[0]] = train.images[happy[0]]
    write_folder(train, folder / "train")
    write_folder(test, folder / "test")
    return folder


def test_suspects_become_decisions_that_a_fit_follows(run, data, tmp_path, monkeypatch):
    # The quick models have tests of their own, and take seconds.
    monkeypatch.setattr(
        doubting,
        "quick_opinions",
        lambda images, seed: [Opinion("dummy", DummyClassifier(strategy="prior"), [images])],
    )
    page, decisions, figures = (tmp_path / name for name in ("s.html", "d.csv", "s.json"))
    code, told, notes = run(
        *("suspects", data, "--out", page, "--decisions", decisions, "--json", figures),
        *("--folds", "2", "--decide", "relabel", "--first", "2", "--most", "3"),
    )
    assert code == 0, notes
    assert "blank: all pixels are the same" in told
    assert "wrong: an estimate that is as good as the models" in " ".join(told.split())
    assert page.read_text().count('class="card"') == 3
    assert not list(tmp_path.glob("*.unfinished"))
    counts = json.loads(figures.read_text())
    assert counts["by_reason"]["blank"] == 1
    assert counts["by_reason"]["copies"] == 2
    first, second, *others = read_decisions(decisions).entries
    assert (first.decision, first.reason) == ("drop", "blank: all pixels are the same")
    assert second.decision in EMOTIONS
    assert {entry.decision for entry in others} == {""}

    model = tmp_path / "model"
    code, _, notes = run("fit", data, "--out", model, "--labels", decisions, *QUICK, FEW)
    assert code == 0, notes
    changed = int(second.decision != second.given)
    assert f"As decided in {decisions}: 1 face left out, {changed} relabelled" in notes
    assert "Training on 69 faces" in notes
    record = read_manifest(model).data
    assert record["decisions"] == {"source": "d.csv", "n_dropped": 1, "n_relabelled": changed}
    card = " ".join((model / MODEL_CARD).read_text().split())
    assert "By the decisions in d.csv, 1 of these faces was left out and" in card
    # Test faces are found again, and stay as they are.
    code, told, notes = run("evaluate", data, "--model", model)
    assert code == 0, notes
    assert "n = 14" in told


def test_decisions_on_other_data_stop_a_fit_before_it_begins(run, data, tmp_path):
    decisions = tmp_path / "d.csv"
    decisions.write_text("name,given,decision\ntrain/sad/none.png,sad,drop\n")
    code, _, notes = run("fit", data, "--out", tmp_path / "m", "--labels", decisions, *QUICK)
    assert code == 1
    assert "row 2: train/sad/none.png is none of the 84 faces" in " ".join(notes.split())
    assert not (tmp_path / "m").exists()


def test_votes_and_decisions_do_not_go_together(run, data, tmp_path):
    code, _, notes = run(
        *("fit", data, "--labels", tmp_path / "d.csv", "--ferplus", tmp_path / "v.csv", *QUICK)
    )
    assert code == 1
    assert "give one of both" in notes


def test_a_wrong_rule_is_told_before_the_data_are_read(run, tmp_path):
    code, _, notes = run("suspects", tmp_path / "none", "--decide", "delete")
    assert code == 1
    assert "no rule 'delete'" in notes


def test_an_interrupted_search_says_how_to_go_on(run, data, tmp_path, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(doubting, "out_of_fold", stop)
    code, _, notes = run("suspects", data, "--out", tmp_path / "s.html", "--folds", "2")
    assert code == 130
    assert f"{tmp_path / 's.html.unfinished'}. Continue with the same command" in " ".join(
        notes.split()
    )
