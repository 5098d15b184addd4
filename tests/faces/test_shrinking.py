import numpy as np
import pytest

from fer_ensemble.faces.boxes import FaceBox
from fer_ensemble.faces.shrinking import LONGEST_SIDE, enlarge, shrink


def test_pictures_stay_where_their_smallest_face_is_just_found() -> None:
    image = np.zeros((480, 640), np.uint8)
    same, factor = shrink(image, min_face=20, smallest=24)
    assert same is image
    assert factor == 1


def test_large_pictures_shrink_to_the_longest_side() -> None:
    small, factor = shrink(np.zeros((1000, 4 * LONGEST_SIDE, 3), np.uint8), 20, 20)
    assert small.shape == (250, LONGEST_SIDE, 3)
    assert factor == 4


def test_pictures_shrink_until_the_smallest_face_is_just_found() -> None:
    small, factor = shrink(np.zeros((300, 400), np.uint8), 60, 20)
    assert small.shape == (100, 133)
    assert factor == pytest.approx(3)


def test_a_narrow_picture_keeps_a_pixel() -> None:
    assert shrink(np.zeros((1, 10_000), np.uint8), 20, 20)[0].shape == (1, LONGEST_SIDE)


def test_boxes_and_eyes_are_brought_back() -> None:
    box = FaceBox(1, 2, 3, 4, 0.5, ((1.5, 2), (3, 2)))
    assert enlarge(box, 2) == FaceBox(2, 4, 6, 8, 0.5, ((3, 4), (6, 4)))
    assert enlarge(FaceBox(1, 2, 3, 4, 0.5), 3).eyes is None
