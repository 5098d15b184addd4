import sys
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from fer_ensemble.faces.boxes import FaceBox
from fer_ensemble.faces.mtcnn import MTCNNDetector

ROW = [0, 10.5, 20, 30, 40, 0.9, 15, 35, 25, 18, 32, 30, 31, 40, 50, 51]


class Networks:
    """Stands for the package's: finds a face in pictures whose red is bright."""

    def detect_faces(self, image: np.ndarray, **options: Any) -> np.ndarray:
        assert image.ndim == 3
        assert options["min_face_size"] == 20  # the package fails quietly with others
        self.shape = image.shape
        return np.array([ROW] if image[..., 0].mean() > 100 else []).reshape(-1, 16)


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> MTCNNDetector:
    monkeypatch.setitem(sys.modules, "mtcnn", SimpleNamespace(MTCNN=Networks))
    return MTCNNDetector()


def test_rows_become_boxes_with_eyes(detector: MTCNNDetector) -> None:
    red = np.full((90, 120, 3), (0, 0, 255), np.uint8)
    [box] = detector.detect(red)
    assert box == FaceBox(10.5, 20, 30, 40, 0.9, ((15, 30), (35, 31)))
    assert detector.detect(red[..., ::-1]) == []


def test_gray_pictures_are_searched(detector: MTCNNDetector) -> None:
    assert len(detector.detect(np.full((90, 120), 255, np.uint8))) == 1


def test_large_faces_are_looked_for_in_a_smaller_picture(
    monkeypatch: pytest.MonkeyPatch, detector: MTCNNDetector
) -> None:
    detector.min_face = 40
    [box] = detector.detect(np.full((90, 120), 255, np.uint8))
    assert detector._networks.shape == (45, 60, 3)
    assert box == FaceBox(21, 40, 60, 80, 0.9, ((30, 60), (70, 62)))


def test_without_the_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mtcnn", None)
    with pytest.raises(ImportError, match=r"pip install 'fer-ensemble\[mtcnn\]'"):
        MTCNNDetector()


@pytest.mark.slow
def test_the_astronaut_s_face_and_eyes_are_found(photograph: np.ndarray) -> None:
    pytest.importorskip("mtcnn", reason="needs the package mtcnn: pip install mtcnn")
    large = cv2.resize(photograph, None, fx=2, fy=2)
    for image, scale, min_face in ((photograph, 1, 20), (large, 2, 80)):
        [box] = MTCNNDetector(min_face=min_face).detect(image)
        assert box.score > 0.9
        assert box.eyes is not None
        expected = np.multiply([(205, 101), (244, 103)], scale)
        np.testing.assert_allclose(box.eyes, expected, atol=4 * scale)
    assert MTCNNDetector().detect(np.zeros((40, 60), np.uint8)) == []
