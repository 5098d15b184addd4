import cv2
import numpy as np
import pytest

from fer_ensemble.faces import FaceBox, FaceFinder
from fer_ensemble.faces.scales import ScalingDetector


class Dots(ScalingDetector):
    """Finds white squares of 20 to 90 pixels of what it is given."""

    smallest = 20
    whole_side = 100
    sure_score = 1

    def _search(self, image: np.ndarray, min_face: float) -> list[FaceBox]:
        self.largest = max(getattr(self, "largest", 0), max(image.shape[:2]))
        _, _, stats, _ = cv2.connectedComponentsWithStats((image > 127).astype(np.uint8))
        return [
            FaceBox(float(x), float(y), float(width), float(height), score=1.0)
            for x, y, width, height, _ in stats[1:]
            if 20 <= max(width, height) <= 90
        ]


def _dots(height: int, width: int, *corners: tuple[int, int], side: int) -> np.ndarray:
    image = np.zeros((height, width), np.uint8)
    for x, y in corners:
        image[y : y + side, x : x + side] = 255
    return image


@pytest.mark.parametrize("side", [25, 100, 600])
def test_faces_of_any_size_are_found_once_wherever_they_are(side: int) -> None:
    places = [(3, 5), (990, 900), (1400, 40), (2300, 1300)]
    image = _dots(2000, 3000, *places, side=side)
    detector = Dots(min_face=20)
    found = sorted((box.x, box.y) for box in detector.detect(image))
    np.testing.assert_allclose(found, sorted(places), atol=side / 20)
    assert detector.largest <= 1024


def test_the_smallest_face_that_is_asked_for_is_looked_for() -> None:
    image = _dots(1500, 4000, (1111, 700), side=30)
    assert len(Dots(min_face=30).detect(image)) == 1
    assert Dots().detect(image) == []
    assert Dots().smallest_face(1500, 4000) == 4000 * 20 / 1280
    assert Dots().smallest_face(480, 640) == 20


def test_a_limit_is_told() -> None:
    detector = Dots(min_face=20)
    assert detector.smallest_face(4000, 6000) == 20
    assert detector.smallest_face(20_000, 20_000) > 40
    finder = FaceFinder("blazeface")
    _, remark = finder.search(np.zeros((2000, 200), np.uint8))
    assert remark == "faces below 25 pixels were not looked for"
    _, remark = FaceFinder("blazeface", min_face=22).search(np.zeros((2000, 200), np.uint8))
    assert remark == ""


def test_six_small_faces_are_found_in_a_picture_of_24_million_pixels(
    photograph: np.ndarray,
) -> None:
    head = cv2.resize(photograph[0:270, 90:360], (220, 220), interpolation=cv2.INTER_AREA)
    picture = np.full((4000, 6000, 3), 127, np.uint8)
    places = [(100, 90), (2900, 30), (5700, 200), (1000, 3700), (3333, 2222), (5770, 3770)]
    for x, y in places:
        picture[y : y + 220, x : x + 220] = head
    found = FaceFinder("auto").find(picture)
    middles = sorted((f.box.x + f.box.width / 2, f.box.y + f.box.height / 2) for f in found)
    np.testing.assert_allclose(middles, [(x + 110, y + 102) for x, y in sorted(places)], atol=8)
