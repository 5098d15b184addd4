import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.faces import blazeface
from fer_ensemble.faces.blazeface import BlazeFaceDetector, blend
from fer_ensemble.faces.boxes import tilt

EYES = np.array([(205, 101), (244, 103)])


@pytest.fixture(scope="module")
def detector() -> BlazeFaceDetector:
    return BlazeFaceDetector()


def test_the_astronaut_s_face_is_found_once_with_its_eyes(
    detector: BlazeFaceDetector, photograph: np.ndarray
) -> None:
    for image in (photograph, cv2.cvtColor(photograph, cv2.COLOR_BGR2GRAY)):
        [box] = detector.detect(image)
        assert box.score > 0.75
        np.testing.assert_allclose(box.eyes, EYES, atol=5)


@pytest.mark.parametrize("degrees", [-45, -30, -20, 20, 30, 45])
def test_tilted_faces_are_found_and_so_is_their_tilt(
    detector: BlazeFaceDetector, photograph: np.ndarray, degrees: float
) -> None:
    turn = cv2.getRotationMatrix2D((224, 126), -degrees, 1)
    turned = cv2.warpAffine(photograph, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    [box, *others] = detector.detect(turned)
    assert not any(other.score > 0.7 for other in others)
    assert np.degrees(tilt(box.eyes)) == pytest.approx(degrees + 2, abs=5)


def test_faces_are_found_in_little_light_and_behind_a_mask(
    detector: BlazeFaceDetector, photograph: np.ndarray
) -> None:
    dark = (photograph * 0.1).astype(np.uint8)
    masked = photograph.copy()
    masked[138:185, 180:265] = (200, 180, 160)
    for image in (dark, masked):
        box = detector.detect(image)[0]
        np.testing.assert_allclose(box.eyes, EYES, atol=8)


def test_the_same_pixels_give_the_same_boxes_beside_others(
    detector: BlazeFaceDetector, photograph: np.ndarray
) -> None:
    [alone] = detector.detect(photograph)
    assert detector.detect(photograph.copy()) == [alone]


def test_proposals_of_one_face_become_their_weighted_mean() -> None:
    rows = np.zeros((3, 16))
    rows[:, :4] = [(50, 50, 20, 20), (52, 50, 20, 24), (90, 50, 20, 20)]
    rows[:, 4:8] = [(45, 48, 55, 48), (49, 48, 59, 48), (85, 48, 95, 48)]
    first, second = blend(rows, np.array([0.6, 0.2, 0.5]))
    assert (first.x, first.y, first.width, first.height) == pytest.approx((40.5, 39.5, 20, 21))
    assert np.array(first.eyes) == pytest.approx(np.array([(46, 48), (56, 48)]))
    assert (first.score, second.score) == (0.6, 0.5)
    assert blend(rows[:0], np.array([])) == []


def test_the_network_is_the_one_that_was_converted_and_another_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = blazeface.GRAPH.read_bytes()
    assert hashlib.sha256(content).hexdigest() == blazeface.SHA256
    monkeypatch.setattr(blazeface, "GRAPH", tmp_path / "blazeface.onnx")
    blazeface.GRAPH.write_bytes(content[:-1] + b"!")
    with pytest.raises(ValueError, match="damaged: install fer-ensemble again"):
        BlazeFaceDetector().detect(np.zeros((100, 100), np.uint8))
