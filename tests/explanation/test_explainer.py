"""Explanations of faces: what they hold, how they are drawn, and where their pictures go."""

import json

import cv2
import numpy as np
import pytest

from fer_ensemble import explain
from fer_ensemble.datasets import make_faces
from fer_ensemble.explanation import (
    ExplainedCopies,
    Explanation,
    FaceExplainer,
    MemberVoice,
    TraitVoice,
)
from fer_ensemble.faces import FaceBox, FaceFinder, predict_files
from tests.faces.stand_ins import FixedBoxes, write_clip

RED, BLUE = (214, 69, 33), (33, 102, 214)


class Watching:
    """Happy, the surer the brighter the upper left corner is; else sad."""

    classes_ = ("happy", "sad")

    def predict_proba(self, X):
        p = 0.1 + 0.8 * X[:, :8, :8].mean(axis=(1, 2)) / 255
        return np.stack([p, 1 - p], axis=1)


@pytest.fixture
def face():
    half = np.zeros((48, 48), np.uint8)
    half[:8, :8] = 250
    return half


def count(picture, colour, part=slice(None)):
    return int((np.abs(picture[:, part, ::-1].astype(int) - colour).max(axis=2) < 12).sum())


def test_the_most_probable_label_is_explained_or_the_one_that_is_asked_for(face):
    explainer = FaceExplainer(Watching(), ["happy", "sad"])
    happy, sad = explainer.explain(face), explainer.explain(face, "sad")
    assert (happy.label, sad.label) == ("happy", "sad")
    assert happy.probability == pytest.approx(0.1 + 0.8 * 250 / 255)
    assert sum(happy.probabilities.values()) == pytest.approx(1)
    np.testing.assert_allclose(happy.map, -sad.map, atol=1e-5)
    assert happy.map[3, 3] > 1
    assert happy.map[3, 3] > 0.9 * happy.map.max()
    assert np.abs(happy.map[16:]).max() == 0
    assert (happy.members, happy.landmarks) == ((), ())
    with pytest.raises(ValueError, match="choose one of happy, sad"):
        explainer.explain(face, "angry")


def test_a_picture_shows_the_map_and_the_bars(face):
    explanation = Explanation(
        label="happy",
        probability=0.9,
        probabilities={"happy": 0.9, "sad": 0.1},
        face=face,
        map=np.pad(np.ones((12, 12), np.float32), (0, 36)),
        members=(MemberVoice("cnn", 0.8, 0.5, 2.0), MemberVoice("a" * 80, 0.1, 0.95, -1.0)),
        landmarks=(TraitVoice("mouth width", 0.7, 0.6, 0.8, 0.7),),
    )
    picture = explanation.draw()
    assert picture.dtype == np.uint8
    height, width, _ = picture.shape
    assert height < width < 1200
    bars = slice(width // 2 + 90, None)
    assert count(picture, RED, bars) > 2 * count(picture, BLUE, bars) > 200
    blank = Explanation("happy", 0.9, {"happy": 0.9}, face, np.zeros((48, 48), np.float32)).draw()
    assert count(blank, RED, slice(320, 620)) < 200  # the key alone


def test_values_are_ready_for_json(face):
    found = FaceExplainer(Watching(), ["happy", "sad"]).explain(face)
    told = json.loads(json.dumps(found.to_dict()))
    assert told["label"] == "happy"
    assert np.shape(told["map"]) == (48, 48)
    assert told["map"][3][3] == pytest.approx(float(found.map[3, 3]), abs=1e-4)


def test_each_face_of_a_picture_is_explained_in_order(face):
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[:, :200] = 255
    boxes = FixedBoxes(FaceBox(50, 150, 80, 80, score=1.0), FaceBox(270, 150, 79, 79, score=1.0))
    bright, dark = explain(picture, Watching(), detector=boxes)
    assert bright.probabilities["happy"] > dark.probabilities["happy"] + 0.5
    assert [found.label for found in explain(np.stack([face, face]), Watching())] == ["happy"] * 2
    assert explain(picture, Watching(), detector=FixedBoxes()) == []


def test_what_cannot_be_read_is_told(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"a\.png"):
        explain(tmp_path / "a.png", Watching())


def test_the_package_explains_its_own_quick_model():
    [found] = explain(make_faces(1, random_state=0).images, "fast", label="sad")
    assert found.label == "sad"
    assert [voice.name for voice in found.members] == ["fast_cnn"]
    assert np.abs(found.map).max() > 0.01


def test_pictures_are_named_by_their_inputs_and_the_numbers_of_faces(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = np.full((400, 500, 3), 128, np.uint8)
    cv2.imwrite("a.png", picture)
    write_clip(tmp_path / "clip.avi", [picture] * 2)
    boxes = FixedBoxes(FaceBox(0, 50, 150, 150, score=1.0), FaceBox(220, 50, 150, 150, score=1.0))
    copies = ExplainedCopies("why", Watching(), ["happy", "sad"])
    inputs = ["a.png", "clip.avi", "lost.png"]
    batches = predict_files(
        Watching(),
        inputs,
        class_names=["happy", "sad"],
        finder=FaceFinder(boxes),
        min_confidence=0.99,  # unsure faces are explained, too
        explain=copies.add,
    )
    assert sum(map(len, batches)) == 7
    why = tmp_path / "why"
    files = sorted(path.relative_to(why).as_posix() for path in why.rglob("*.png"))
    assert files == [
        "a.png.0.png",
        "a.png.1.png",
        "clip.avi/000000.0.png",
        "clip.avi/000000.1.png",
        "clip.avi/000001.0.png",
        "clip.avi/000001.1.png",
    ]
    assert cv2.imread("why/a.png.0.png").shape[1] > 800
