import cv2
import numpy as np
import pytest

from fer_ensemble.faces.haar import HaarDetector

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
