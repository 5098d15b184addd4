"""What changed faces do to the packed ensembles, and to other ways to combine their members."""

import json

import numpy as np
import pytest

from experiments import robustness, views
from experiments.views import CLEAN, EVERY_VIEW, View, predict_views
from fer_ensemble import load_pretrained, save_ensemble
from fer_ensemble.artifact import read_manifest
from fer_ensemble.datasets import EMOTIONS, make_faces
from tests.experiments.stand_ins import invoke, write_faces


class Brightness:
    """Knows a face by its mean gray alone, and counts how often it is asked."""

    classes_ = np.arange(7)

    def __init__(self, sign=1):
        self.sign, self.n_asked = sign, 0

    def predict_proba(self, faces):
        self.n_asked += len(faces)
        scores = self.sign * faces.mean(axis=(1, 2))[:, np.newaxis] / 255 * np.arange(7)
        return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def pictures():
    return make_faces(30, random_state=0).images


TWO_VIEWS = (CLEAN, View("brighter", 3))


def test_views_are_predicted_once(pictures, tmp_path):
    first, again = Brightness(), Brightness()
    found = predict_views(first, pictures, TWO_VIEWS, tmp_path / "kept" / "a.npz")
    assert found.shape == (2, 30, 7)
    np.testing.assert_allclose(found[0], first.predict_proba(pictures), rtol=1e-6)
    assert (found[1, :, 6] > found[0, :, 6]).all()
    np.testing.assert_array_equal(
        predict_views(again, pictures, TWO_VIEWS, tmp_path / "kept" / "a.npz"), found
    )
    assert again.n_asked < 30


def test_what_was_kept_when_stopped_goes_on(pictures, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(views, "shift_faces", stop)
        with pytest.raises(KeyboardInterrupt):
            predict_views(Brightness(), pictures, TWO_VIEWS, tmp_path / "a.npz")
    later = Brightness()
    assert predict_views(later, pictures, TWO_VIEWS, tmp_path / "a.npz").shape == (2, 30, 7)
    assert 30 <= later.n_asked < 60


@pytest.mark.parametrize("change", ["faces", "views", "classifier"])
def test_what_was_kept_of_something_else_is_not_taken(pictures, tmp_path, change):
    predict_views(Brightness(), pictures, TWO_VIEWS, tmp_path / "a.npz")
    other = Brightness(-1 if change == "classifier" else 1)
    faces = pictures[::-1] if change == "faces" else pictures
    asked = (CLEAN, View("darker", 3)) if change == "views" else TWO_VIEWS
    found = predict_views(other, faces, asked, tmp_path / "a.npz")
    assert other.n_asked >= 60
    np.testing.assert_allclose(found[1], other.predict_proba(asked[1].of(faces)), rtol=1e-6)


def known(y, skill, seed):
    random = np.random.default_rng(seed)
    scores = random.normal(size=(len(EVERY_VIEW), len(y), 7)) + skill * np.eye(7)[y]
    return np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)


def test_a_way_is_learned_on_the_faces_of_the_other_half():
    y = np.arange(70) % 7
    stacked = np.stack([known(y, 2.0, 1)], axis=2)
    seen = []

    def learn(stacked, y, weights):
        seen.append((stacked.shape[:2], weights.sum()))
        return lambda asked: asked[:, 0]

    way = robustness.Way(learn, 0.5)
    found = robustness._cross_fit(way, stacked, y, 0)
    np.testing.assert_array_equal(found, stacked[:, :, 0])
    assert seen == [((len(EVERY_VIEW), 35), pytest.approx(35))] * 2
    seen.clear()
    robustness._cross_fit(robustness.Way(learn), stacked, y, 0)
    assert [shape for shape, _ in seen] == [(1, 35)] * 2
    seen.clear()
    # Each shift in turn is left out, once in each half; nothing is left out for the clean faces.
    robustness._cross_fit(robustness.Way(learn, 0.5, 0.0, True), stacked, y, 0)
    assert sorted({shape[0] for shape, _ in seen}) == [len(EVERY_VIEW) - 3, len(EVERY_VIEW)]


def test_figures_are_those_of_clean_shifted_and_worst_views():
    y = np.array([0, 0, 1, 1])
    right, wrong = np.eye(7)[y], np.eye(7)[[1, 1, 0, 0]]
    found = np.stack([right] + [right] * (len(EVERY_VIEW) - 2) + [wrong])
    told = robustness._measure(found, y, 0)
    assert told["clean"]["accuracy"] == 1
    assert told["shifted"]["accuracy"] == pytest.approx(1 - 1 / (len(EVERY_VIEW) - 1))
    assert (told["worst"]["shift"], told["worst"]["strength"]) == ("photographed", 3)
    assert told["worst"]["accuracy"] == 0
    assert told["shifted"]["disgust_taken_for_angry"] == pytest.approx(1 / (len(EVERY_VIEW) - 1))
    assert EMOTIONS[1] == "disgust"


def test_the_command_measures_the_packed_ensembles(tmp_path):
    folder = tmp_path / "model"
    source = load_pretrained("fast")
    data = write_faces(tmp_path / "data", 70, 14)
    for place in (folder, folder / "fast"):
        save_ensemble(source, place)
    options = ["--model", folder, "--predictions", tmp_path, "--results", tmp_path]
    outcome = invoke(
        robustness.main, "--data", data, "--part", "public_test", "--faces", 7, "--card", *options
    )
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "robustness.public_test.json").read_text())
    assert (record["n"], record["n_shifts"]) == (7, 19)
    assert list(record["sides"]) == ["fast_cnn", "ensemble", "fast"]
    assert "fast: clean" in outcome.output
    assert read_manifest(folder).data["robustness"]["n"] == 7
    assert "### Changed faces: data, PublicTest, n = 7" in (folder / "MODEL_CARD.md").read_text()
    assert str(tmp_path) not in json.dumps(record)
