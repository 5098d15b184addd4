from pathlib import Path

import cv2
import numpy as np

from fer_ensemble.faces.boxes import FaceBox
from fer_ensemble.faces.files import FileProblem
from fer_ensemble.faces.finding import FaceFinder
from fer_ensemble.faces.inputs import Item
from fer_ensemble.faces.sighting import look
from fer_ensemble.faces.video import Frame

FACE = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)


class TwoFaces:
    def detect(self, image: np.ndarray) -> list[FaceBox]:
        return [FaceBox(0, 0, 40, 40, score=0.5), FaceBox(10, 10, 30, 30, score=0.9)]


class Nobody:
    def detect(self, image: np.ndarray) -> list[FaceBox]:
        return []


class Broken:
    def detect(self, image: np.ndarray) -> list[FaceBox]:
        raise RuntimeError("out of\norder")


def test_a_picture_is_read_and_searched(tmp_path: Path) -> None:
    path = str(tmp_path / "face.png")
    cv2.imwrite(path, FACE)
    seen = look(Item(path), FaceFinder("skip"))
    assert (seen.path, seen.frame, seen.time, seen.status, seen.reason) == (
        path,
        None,
        None,
        "ok",
        "",
    )
    np.testing.assert_array_equal(seen.faces[0].face, FACE)
    assert [found.box.score for found in look(Item(path), FaceFinder(TwoFaces())).faces] == [
        0.9,
        0.5,
    ]


def test_a_frame_is_searched_and_kept_if_asked_for() -> None:
    item = Item("clip.mp4", Frame(12, 0.4, np.repeat(FACE[..., np.newaxis], 3, axis=2)))
    seen = look(item, FaceFinder(Nobody()), keep_frame=True)
    assert (seen.frame, seen.time, seen.status, seen.faces) == (12, 0.4, "no_face", [])
    assert seen.reason == "no face was found"
    copy = cv2.imdecode(np.frombuffer(seen.frame_copy, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.abs(copy.astype(float) - FACE).mean() < 10
    assert look(item, FaceFinder("skip")).frame_copy is None


def test_problems_are_told(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    seen = look(Item(str(tmp_path / "text.png")), FaceFinder("skip"))
    assert (seen.status, seen.faces) == ("unreadable", [])
    assert "not a picture" in seen.reason
    problem = FileProblem("empty", "the file is empty")
    seen = look(Item("clip.mp4", problem=problem), FaceFinder("skip"))
    assert (seen.frame, seen.status, seen.reason) == (None, "empty", "the file is empty")


def test_a_detector_that_fails_does_not_end_the_run() -> None:
    item = Item("clip.mp4", Frame(0, 0.0, np.zeros((60, 80, 3), np.uint8)))
    seen = look(item, FaceFinder(Broken()))
    assert (seen.frame, seen.status) == (0, "unreadable")
    assert seen.reason == "the search for faces failed (RuntimeError: out of order)"
