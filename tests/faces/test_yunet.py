from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.faces.boxes import FaceBox
from fer_ensemble.faces.yunet import YuNetDetector


class Network:
    """Stands for OpenCV's: finds a face in the middle of any picture."""

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802 - OpenCV's name
        self.size = size

    def detect(self, image: np.ndarray) -> tuple[int, np.ndarray | None]:
        height, width = image.shape[:2]
        assert self.size == (width, height)
        assert image.shape[2] == 3
        if not image.any():
            return 1, None
        corner = [width / 4, height / 4, width / 2, height / 2]
        points = [30, 40, 60, 41, 45, 50, 35, 60, 55, 61]
        return 1, np.array([[*corner, *points, 0.75]], np.float32)


@pytest.fixture
def detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> YuNetDetector:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"weights")
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *a, **k: Network())
    return YuNetDetector(file)


def test_rows_become_boxes_with_eyes(detector: YuNetDetector) -> None:
    [box] = detector.detect(np.ones((80, 100, 3), np.uint8))
    assert box == FaceBox(25, 20, 50, 40, 0.75, ((30, 40), (60, 41)))
    assert detector.detect(np.ones((80, 100), np.uint8)) == [box]


def test_boxes_are_in_pixels_of_a_large_picture(detector: YuNetDetector) -> None:
    [box] = detector.detect(np.ones((2560, 2560), np.uint8))
    assert (box.x, box.width) == (640, 1280)
    assert box.eyes == ((60, 80), (120, 82))


def test_there_may_be_no_face(detector: YuNetDetector) -> None:
    assert detector.detect(np.zeros((80, 100), np.uint8)) == []


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(ValueError, match=r"net\.onnx: not a network"):
        YuNetDetector(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.onnx: no such file"):
        YuNetDetector(tmp_path / "none.onnx")
