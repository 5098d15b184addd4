import sys
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from fer_ensemble.cli.predict import predict
from fer_ensemble.faces import DetectorError, FaceBox, FaceFinder, create_detector
from fer_ensemble.faces.detectors import DETECTORS, HaarDetector, MTCNNDetector, YuNetDetector


def test_haar_by_name() -> None:
    detector = create_detector("haar", min_face=33)
    assert isinstance(detector, HaarDetector)
    assert detector.min_face == 33


@pytest.mark.parametrize("name", ["", "Haar", "yunet", "haar:x", "skip", "auto"])
def test_unknown_names_are_an_error_that_lists_the_known(name: str) -> None:
    with pytest.raises(ValueError, match=rf"no detector '{name}': use blazeface, haar, mtcnn"):
        create_detector(name)


def test_yunet_takes_its_file_from_the_name() -> None:
    with pytest.raises(DetectorError, match=r"somewhere/net\.onnx: no such file"):
        create_detector("yunet:somewhere/net.onnx")


def test_the_help_names_every_detector() -> None:
    [option] = typing.get_type_hints(predict, include_extras=True)["detector"].__metadata__
    for name in DETECTORS:
        assert name in option.help


EYES = ((205, 101), (244, 103))


def _holds_eyes(box, scale: float = 1.0) -> bool:
    return all(
        box.x < x * scale < box.x + box.width and box.y < y * scale < box.y + box.height / 2
        for x, y in EYES
    )


def test_the_astronaut_s_face_is_found_once(photograph: np.ndarray) -> None:
    [box] = HaarDetector().detect(photograph)
    assert _holds_eyes(box)
    assert box.width == box.height
    assert box.score > 54
    assert box.eyes is None
    assert HaarDetector().detect(cv2.cvtColor(photograph, cv2.COLOR_BGR2GRAY)) == [box]


def test_boxes_are_in_pixels_of_a_large_picture(photograph: np.ndarray) -> None:
    large = cv2.resize(photograph, None, fx=4, fy=4)
    [box] = HaarDetector(min_face=200).detect(large)
    assert _holds_eyes(box, scale=4)


def test_faces_below_the_smallest_are_not_found(photograph: np.ndarray) -> None:
    assert HaarDetector(min_face=200).detect(photograph) == []


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (24, 24), (3, 3, 3)])
def test_nothing_is_found_where_nothing_fits(shape: tuple[int, ...]) -> None:
    assert HaarDetector().detect(np.zeros(shape, np.uint8)) == []


ROW = [0, 10.5, 20, 30, 40, 0.9, 15, 35, 25, 18, 32, 30, 31, 40, 50, 51]


class Networks:
    """Stands for the package's: finds a face in pictures whose red is bright."""

    def detect_faces(self, image: np.ndarray, **options: Any) -> np.ndarray:
        assert image.ndim == 3
        assert options["min_face_size"] == 20  # the package fails quietly with others
        self.shape = image.shape
        return np.array([ROW] if image[..., 0].mean() > 100 else []).reshape(-1, 16)


@pytest.fixture
def mtcnn(monkeypatch: pytest.MonkeyPatch) -> MTCNNDetector:
    monkeypatch.setitem(sys.modules, "mtcnn", SimpleNamespace(MTCNN=Networks))
    return MTCNNDetector()


def test_mtcnn_s_rows_become_boxes_with_eyes(mtcnn: MTCNNDetector) -> None:
    red = np.full((90, 120, 3), (0, 0, 255), np.uint8)
    [box] = mtcnn.detect(red)
    assert box == FaceBox(10.5, 20, 30, 40, 0.9, ((15, 30), (35, 31)))
    assert mtcnn.detect(red[..., ::-1]) == []


def test_mtcnn_searches_gray_pictures(mtcnn: MTCNNDetector) -> None:
    assert len(mtcnn.detect(np.full((90, 120), 255, np.uint8))) == 1


def test_mtcnn_looks_for_large_faces_in_a_smaller_picture(
    monkeypatch: pytest.MonkeyPatch, mtcnn: MTCNNDetector
) -> None:
    mtcnn.min_face = 40
    [box] = mtcnn.detect(np.full((90, 120), 255, np.uint8))
    assert mtcnn._networks.shape == (45, 60, 3)
    assert box == FaceBox(21, 40, 60, 80, 0.9, ((30, 60), (70, 62)))


def test_without_the_package_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mtcnn", None)
    with pytest.raises(ImportError, match=r"pip install '\.\[mtcnn\]'"):
        MTCNNDetector()


def test_an_opencv_without_cascades_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")
    monkeypatch.setattr(cv2, "__version__", "5.0.0")
    with pytest.raises(DetectorError, match=r"OpenCV 5.*'opencv-python-headless<5'.*blazeface"):
        FaceFinder("haar")
    FaceFinder("auto")


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
def yunet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> YuNetDetector:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"weights")
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *a, **k: Network())
    return YuNetDetector(file)


def test_yunet_s_rows_become_boxes_with_eyes(yunet: YuNetDetector) -> None:
    [box] = yunet.detect(np.ones((80, 100, 3), np.uint8))
    assert box == FaceBox(25, 20, 50, 40, 0.75, ((30, 40), (60, 41)))
    assert yunet.detect(np.ones((80, 100), np.uint8)) == [box]


def test_yunet_s_boxes_are_in_pixels_of_a_large_picture(yunet: YuNetDetector) -> None:
    yunet.min_face = 60
    [box] = yunet.detect(np.ones((2400, 2400), np.uint8))
    assert (box.x, box.width) == (600, 1200)
    assert box.eyes == ((90, 120), (180, 123))


def test_yunet_may_find_no_face(yunet: YuNetDetector) -> None:
    assert yunet.detect(np.zeros((80, 100), np.uint8)) == []


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(ValueError, match=r"net\.onnx: not a network"):
        YuNetDetector(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.onnx: no such file"):
        YuNetDetector(tmp_path / "none.onnx")
