"""Fit under a protocol, and evaluate on the test faces that it set apart."""

import json

import numpy as np
import pytest

from fer_ensemble.artifact import read_manifest
from fer_ensemble.datasets import PROTOCOLS, load_faces, synthetic_dataset, write_folder

QUICK = ["--members", "boosted_hog", "--set=boosted_hog.classifier__n_estimators=3", "--jobs", "1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Train and test faces, of which every seventh test face also stands in train."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    train, test = (synthetic_dataset(n, random_state=i) for i, n in enumerate((140, 70)))
    for label in range(7):
        test.images[np.flatnonzero(test.labels == label)[0]] = train.images[train.labels == label][
            0
        ]
    write_folder(train, folder / "train")
    write_folder(test, folder / "PublicTest")
    return folder


@pytest.fixture
def fit_and_evaluate(run, data, tmp_path):
    """Fit under a protocol and evaluate; what both printed, and the figures."""

    def both(protocol, *options):
        model = tmp_path / protocol
        code, fitted, notes = run(
            "fit", data, "--out", model, "--protocol", protocol, *options, *QUICK
        )
        assert code == 0, notes
        figures = tmp_path / f"{protocol}.json"
        code, told, notes = run("evaluate", data, "--model", model, "--json", figures)
        assert code == 0, notes
        return fitted, told, json.loads(figures.read_text()), model

    return both


def test_official_figures_are_given_twice(fit_and_evaluate):
    _, told, figures, model = fit_and_evaluate("official")
    assert read_manifest(model).data["protocol"] == "official"
    assert "split public_test, n = 70" in told
    assert "without copies of training faces, n = 63" in " ".join(told.split())
    assert "7 of these 70 faces have an exact copy in the training data." in told
    assert (figures["n"], figures["without_copies"]["n"]) == (70, 63)
    assert figures["warning"] == ""
    assert set(figures["without_copies"]["members"]) == {"boosted_hog"}


def test_grouped_test_faces_are_those_that_were_set_apart(fit_and_evaluate, data):
    _, told, figures, model = fit_and_evaluate("grouped", "--test-size", "0.2", "--seed", "5")
    record = read_manifest(model).data
    parts = PROTOCOLS["grouped"].split(load_faces(data), 5, test_size=0.2)
    assert record["n_samples"] == len(parts.train)
    assert figures["n"] == figures["without_copies"]["n"] == len(parts.test)
    assert (figures["protocol"], figures["test"]) == ("grouped", parts.description)
    assert "0 of these" in told
    assert "without copies" not in told


def test_the_leaking_protocol_warns_wherever_its_figures_stand(fit_and_evaluate, monkeypatch):
    counts = dict.fromkeys(("disgust", "happy"), 60)
    monkeypatch.setattr("fer_ensemble.datasets.protocols.BALANCED_COUNTS", counts)
    fitted, told, figures, model = fit_and_evaluate("balanced")
    warning = PROTOCOLS["balanced"].warning
    for text in (fitted, told):
        assert warning in " ".join(text.split())
    assert figures["warning"] == warning
    assert figures["n"] == 27  # a tenth of 210 and of the copies that bring two classes to 60
    assert read_manifest(model).data["protocol"] == "balanced"


def test_mistakes_are_told_before_a_fit(run, data, tmp_path):
    for arguments, message in (
        (["--protocol", "lenient"], "There is no protocol 'lenient'"),
        (["--protocol", "random", "--split", "test"], "splits all faces anew"),
    ):
        code, _, notes = run("fit", data, "--out", tmp_path / "model", *arguments, *QUICK)
        assert code == 1
        assert message in notes
        assert "Fitting" not in notes
