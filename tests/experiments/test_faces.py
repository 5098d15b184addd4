"""What is measured of faces themselves: their landmarks, and how they are cut out of pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import framing, landmarks
from fer_ensemble.datasets import FaceDataset, ReadReport, load_faces
from fer_ensemble.faces import FaceBox, Framing
from fer_ensemble.features import load_landmark_regressor
from tests.experiments.stand_ins import invoke, words


@pytest.fixture
def points(data, tmp_path):
    """What the package finds in faces, as their points, in another order than the faces."""
    faces = load_faces(data)
    found = load_landmark_regressor().predict(faces.images)
    found[5] = np.nan
    order = np.random.default_rng(0).permutation(len(faces))
    names = np.array([name.rpartition("/")[2] for name in faces.names])
    np.savez(tmp_path / "points.npz", names=names[order], points=found[order])
    return tmp_path / "points.npz"


def test_points_are_joined_by_name_and_figures_written(data, points, tmp_path, monkeypatch):
    monkeypatch.setattr(landmarks, "REPETITIONS", 2)
    weights, out = tmp_path / "weights.npz", tmp_path / "figures.json"
    options = ["--data", data, "--points", points, "--weights", weights, "--out", out]
    outcome = invoke(landmarks.main, *options, "--epochs", 1)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(out.read_text())
    assert record["held_out"]["n"] + record["public_test"]["n"] > 40
    assert record["weights_bytes"] == weights.stat().st_size
    assert str(tmp_path) not in json.dumps(record)
    # The package's own weights made these points: joined rightly, they have no error.
    weights.write_bytes(landmarks.SHIPPED.read_bytes())
    assert invoke(landmarks.main, *options, "--no-train").exit_code == 0
    record = json.loads(out.read_text())
    assert record["public_test"]["mean_error"] < 1e-3
    assert record["speed"]["median_ms_per_face"] > 0


def test_faces_without_a_row_are_named(data, points, tmp_path):
    table = dict(np.load(points))
    np.savez(points, **{name: values[:-1] for name, values in table.items()})
    outcome = invoke(
        landmarks.main, "--data", data, "--points", points, "--out", tmp_path / "figures.json"
    )
    assert outcome.exit_code == 2
    assert "no row for 1 faces" in words(outcome)


class Brightness:
    """A classifier that looks at the middle of a face only."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return (X[:, 20:28, 20:28].mean(axis=(1, 2)) // 37).astype(int)


class Shifted:
    """A detector whose boxes are smaller than the faces and off their middles."""

    def __init__(self, pictures: list[framing.Pasted]) -> None:
        self._boxes = {id(image): box for image, box in pictures}

    def detect(self, image: np.ndarray) -> list[FaceBox]:
        true = self._boxes[id(image)]
        side = true.width * 0.8
        x, y = true.x + 0.1 * true.width - 0.1 * side, true.y + 0.1 * true.width + 0.05 * side
        far = FaceBox(true.x + 3 * side, true.y, side, side, score=9.0)
        return [far, FaceBox(x, y, side, side, score=1.0)]


@pytest.fixture
def pictures(faces: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, list[framing.Pasted]]:
    return framing._paste_some(faces[0], 42, framing.SCALES, np.random.default_rng(0))


def test_crops_of_the_true_squares_agree(pictures) -> None:
    originals, pasted = pictures
    labels = Brightness().predict(originals)
    figures = framing._measure_known_box(pasted, labels, Brightness())
    assert figures["share"] > 0.9
    assert figures["n"] == 42
    assert figures["by_scale"]["1.0"] == {**figures["by_scale"]["1.0"], "share": 1.0, "n": 6}


def test_the_relation_of_boxes_to_faces_is_recovered(pictures) -> None:
    figures = framing._fit(Shifted(pictures[1]), pictures[1])
    assert figures["n"] == 42
    for name, true in {"right": 0.1, "down": -0.05, "scale": 1.25}.items():
        assert figures[name]["median"] == pytest.approx(true, abs=0.001)


def test_boxes_are_measured_through_their_framing(pictures) -> None:
    originals, pasted = pictures
    detector = Shifted(pasted)
    detector.framing = Framing(0.1, -0.05, 1.25)
    figures = framing._measure(detector, pasted, Brightness().predict(originals), Brightness())
    assert figures["found"]["share"] == 1
    assert figures["agreement"]["share"] > 0.9


def test_a_detector_that_finds_nothing_is_an_error(pictures) -> None:
    class Blind:
        def detect(self, image: np.ndarray) -> list[FaceBox]:
            return []

    with pytest.raises(ValueError, match="Blind found none of 42 faces"):
        framing._fit(Blind(), pictures[1])


def test_framing_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: tuple[np.ndarray, np.ndarray]
) -> None:
    images, labels = faces
    split = np.where(np.arange(len(images)) % 2, "train", "public_test")
    names = np.array([str(i) for i in range(len(images))], object)
    dataset = FaceDataset(images, labels, split, names, ReadReport(source="drawn"))
    monkeypatch.setattr(framing, "read_faces", lambda path: dataset)
    monkeypatch.setattr(framing, "load_ensemble", lambda path: Brightness())
    monkeypatch.setattr(framing, "_time", lambda detector: {"wall": 1.0})
    monkeypatch.setattr(framing, "_find_all", lambda d, pictures: [p.box for p in pictures])
    out = tmp_path / "framing.json"
    command = ["--data", "x", "--model", "m", "--detectors", "haar", "--faces", "21"]
    result = invoke(framing.main, *command, "--out", out)
    assert result.exit_code == 0, result.output
    record = json.loads(out.read_text())
    assert record["faces"] == 21
    assert record["haar"]["training"]["scale"]["median"] == 1
    assert record["haar"]["public_test"]["found"]["n"] == 21
