from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from fer_ensemble.faces.boxes import FaceBox, Framing
from fer_ensemble.faces.finding import FaceFinder
from fer_ensemble.faces.framing import crop_face


class Told:
    """A detector that gives the same boxes for every picture."""

    def __init__(self, *boxes: FaceBox) -> None:
        self.boxes = list(boxes)

    def detect(self, image: np.ndarray) -> list[FaceBox]:
        return self.boxes


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_the_astronaut_is_found(photograph: np.ndarray) -> None:
    finder = FaceFinder("auto")
    [found] = finder.find(photograph)
    assert found.face.shape == (48, 48)
    assert found.face.dtype == np.uint8
    assert found.box is not None
    assert 80 < found.box.width < 130
    assert (finder.n_searched, finder.n_taken_whole) == (1, 0)


@pytest.mark.parametrize(
    ("shape", "whole"),
    [((48, 48), 1), ((300, 300), 1), ((100, 40), 1), ((101, 40), 0), ((48, 48, 3), 0)],
)
def test_auto_takes_small_or_square_gray_pictures_for_faces(
    shape: tuple[int, ...], whole: int
) -> None:
    finder = FaceFinder("auto")
    finder.find(_noise(*shape))
    assert (finder.n_taken_whole, finder.n_searched) == (whole, 1 - whole)


def test_auto_sees_that_a_colour_picture_is_gray() -> None:
    gray = _noise(60, 60)
    [found] = FaceFinder().find(np.repeat(gray[..., None], 3, axis=2))
    np.testing.assert_array_equal(found.face, FaceFinder("skip").find(gray)[0].face)


def test_skip_takes_every_picture_for_a_face(photograph: np.ndarray) -> None:
    finder = FaceFinder("skip", size=64)
    [found] = finder.find(photograph)
    assert found.face.shape == (64, 64)
    assert found.box is None
    assert finder.n_taken_whole == 1


def test_named_detectors_search_small_gray_pictures_too() -> None:
    finder = FaceFinder("haar")
    assert finder.find(_noise(48, 48)) == []
    assert (finder.n_taken_whole, finder.n_searched) == (0, 1)


def test_the_surest_face_comes_first_then_the_leftmost() -> None:
    boxes = [
        FaceBox(50, 0, 30, 30, score=1.0),
        FaceBox(0, 40, 30, 30, score=1.0),
        FaceBox(0, 10, 30, 30, score=1.0),
        FaceBox(60, 60, 30, 30, score=2.0),
    ]
    found = FaceFinder(Told(*boxes)).find(_noise(100, 100))
    assert [face.box for face in found] == [boxes[3], boxes[2], boxes[1], boxes[0]]


def test_small_faces_are_left_out() -> None:
    boxes = [FaceBox(0, 0, 40, 40, score=1.0), FaceBox(50, 50, 40, 39, score=2.0)]
    [found] = FaceFinder(Told(*boxes), min_face=40).find(_noise(100, 100))
    assert found.box is boxes[0]


def test_the_detector_s_framing_and_the_eyes_shape_the_crop() -> None:
    box = FaceBox(30, 30, 40, 40, 1.0, ((40, 45), (60, 50)))
    detector = Told(box)
    detector.framing = Framing(0.1, 0.0, 1.2)
    image = _noise(100, 100)
    for align in (True, False):
        [found] = FaceFinder(detector, align=align).find(image)
        expected = crop_face(image, box, align=align, framing=detector.framing)
        np.testing.assert_array_equal(found.face, expected)


def test_threads_share_a_finder(photograph: np.ndarray) -> None:
    finder = FaceFinder("haar")
    small = cv2.resize(photograph, (200, 200), interpolation=cv2.INTER_AREA)
    [alone] = finder.find(small)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(finder.find, [small] * 12))
    assert all(found.box == alone.box for [found] in together)
    assert finder.n_searched == 13


def test_an_unknown_detector_is_told() -> None:
    with pytest.raises(ValueError, match=r"no detector 'retina'.*haar.*mtcnn.*auto"):
        FaceFinder("retina")
