import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from experiments import framing
from fer_ensemble.faces import FaceBox, Framing


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


def test_boxes_are_judged_through_their_framing(pictures) -> None:
    originals, pasted = pictures
    detector = Shifted(pasted)
    detector.framing = Framing(0.1, -0.05, 1.25)
    figures = framing._measure(detector, pasted, Brightness().predict(originals), Brightness())
    assert figures["found"]["share"] == 1
    assert figures["agreement"]["share"] > 0.9


def test_a_detector_that_finds_nothing_is_told(pictures) -> None:
    class Blind:
        def detect(self, image: np.ndarray) -> list[FaceBox]:
            return []

    with pytest.raises(ValueError, match="Blind found none of 42 faces"):
        framing._fit(Blind(), pictures[1])


def test_the_command_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: tuple[np.ndarray, np.ndarray]
) -> None:
    from fer_ensemble.datasets import FaceDataset, ReadReport

    images, labels = faces
    split = np.where(np.arange(len(images)) % 2, "train", "public_test")
    names = np.array([str(i) for i in range(len(images))], object)
    dataset = FaceDataset(images, labels, split, names, ReadReport(source="drawn"))
    monkeypatch.setattr(framing, "load_faces", lambda path: dataset)
    monkeypatch.setattr(framing, "load_ensemble", lambda path: Brightness())
    monkeypatch.setattr(framing, "_time", lambda detector: {"wall": 1.0})
    monkeypatch.setattr(framing, "_find_all", lambda d, pictures: [p.box for p in pictures])
    app = typer.Typer()
    app.command()(framing.main)
    out = tmp_path / "framing.json"
    command = ["--data", "x", "--model", "m", "--detectors", "haar", "--faces", "21"]
    result = CliRunner().invoke(app, [*command, "--out", str(out)])
    assert result.exit_code == 0, result.output
    record = json.loads(out.read_text())
    assert record["faces"] == 21
    assert record["haar"]["training"]["scale"]["median"] == 1
    assert record["haar"]["public_test"]["found"]["n"] == 21
