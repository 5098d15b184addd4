import cv2
import numpy as np
import pytest

from fer_ensemble.faces import FaceBox, Framing, crop_face
from fer_ensemble.faces.boxes import clip_box, enlarge, merge_boxes, turn_back


@pytest.fixture
def face() -> np.ndarray:
    """A smooth face-sized picture without symmetry."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)


def _pasted(face: np.ndarray, scale: float, x: int, y: int) -> tuple[np.ndarray, FaceBox]:
    side = round(48 * scale)
    picture = np.full((300, 400), 128, np.uint8)
    picture[y : y + side, x : x + side] = cv2.resize(
        face, (side, side), interpolation=cv2.INTER_CUBIC
    )
    return picture, FaceBox(x, y, side, side, score=1.0)


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


def test_a_face_at_its_own_size_comes_back_exactly(face: np.ndarray) -> None:
    np.testing.assert_array_equal(crop_face(*_pasted(face, 1, 30, 20)), face)


@pytest.mark.parametrize("scale", [0.8, 1.5, 2, 3.3, 5])
def test_an_enlarged_face_comes_back(face: np.ndarray, scale: float) -> None:
    crop = crop_face(*_pasted(face, scale, 31, 17))
    assert crop.dtype == np.uint8
    assert _difference(crop, face) < 4


def test_shrinking_by_whole_numbers_averages_areas() -> None:
    fine = np.random.default_rng(0).integers(0, 256, (144, 144), dtype=np.uint8)
    crop = crop_face(fine, FaceBox(0, 0, 144, 144, score=1.0))
    areas = cv2.resize(fine, (48, 48), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(crop, areas)


def test_growing_is_cubic(face: np.ndarray) -> None:
    small = cv2.resize(face, (24, 24), interpolation=cv2.INTER_AREA)
    crop = crop_face(small, FaceBox(0, 0, 24, 24, score=1.0))
    cubic = cv2.resize(small, (48, 48), interpolation=cv2.INTER_CUBIC)
    assert _difference(crop, cubic) < 2


def test_half_pixels_count() -> None:
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (100, 1))
    whole, half = (crop_face(ramp, FaceBox(x, 20, 48, 48, score=1.0)) for x in (20, 20.5))
    assert (half.astype(int) - whole == 1).all()


def test_colour_becomes_gray(face: np.ndarray) -> None:
    picture, box = _pasted(face, 2, 10, 10)
    colour = np.repeat(picture[..., None], 3, axis=2)
    np.testing.assert_array_equal(crop_face(colour, box), crop_face(picture, box))


def test_the_edge_is_repeated_outside_the_picture() -> None:
    picture = np.full((60, 60), 50, np.uint8)
    picture[:, :10] = 200
    crop = crop_face(picture, FaceBox(-20, 0, 40, 40, score=1.0))
    assert (crop[:, :30] >= 195).all()
    assert (crop[:, 40:] <= 55).all()


def test_framing_moves_and_scales_by_the_size_of_the_box(face: np.ndarray) -> None:
    picture, true = _pasted(face, 2, 100, 90)
    # A box of 60×60 whose middle lies left of the face's and above it.
    box = FaceBox(true.x + 48 - 30 - 12, true.y + 48 - 30 - 6, 60, 60, score=1.0)
    framing = Framing(right=0.2, down=0.1, scale=1.6)
    np.testing.assert_array_equal(
        crop_face(picture, box, framing=framing), crop_face(picture, true)
    )


def test_oblong_boxes_become_squares_of_their_area(face: np.ndarray) -> None:
    picture, true = _pasted(face, 2, 100, 90)
    box = FaceBox(true.x + 48 - 32, true.y + 48 - 72, 64, 144, score=1.0)
    np.testing.assert_array_equal(crop_face(picture, box), crop_face(picture, true))


@pytest.mark.parametrize("degrees", [-30, 20])
@pytest.mark.parametrize("framing", [Framing(), Framing(0.1, -0.2, 1.3)])
def test_turned_faces_are_turned_back(face: np.ndarray, degrees: float, framing: Framing) -> None:
    picture, box = _pasted(face, 3, 120, 70)
    box = FaceBox(box.x, box.y, box.width, box.height, 1.0, ((162, 130), (222, 130)))
    middle = (box.x + box.width / 2 - 0.5, box.y + box.height / 2 - 0.5)
    turn = cv2.getRotationMatrix2D(middle, degrees, 1)
    turned = cv2.warpAffine(picture, turn, (400, 300), borderMode=cv2.BORDER_REPLICATE)
    eyes = [tuple(turn @ (x - 0.5, y - 0.5, 1) + 0.5) for x, y in box.eyes]
    tilted = FaceBox(box.x, box.y, box.width, box.height, 1.0, (eyes[0], eyes[1]))
    upright = crop_face(picture, box, framing=framing)
    aligned = _difference(crop_face(turned, tilted, align=True, framing=framing), upright)
    assert 4 * aligned < _difference(crop_face(turned, tilted, framing=framing), upright)


def test_level_eyes_or_none_turn_nothing(face: np.ndarray) -> None:
    picture, box = _pasted(face, 2, 50, 60)
    level = FaceBox(box.x, box.y, box.width, box.height, 1.0, ((60, 80), (100, 80)))
    for aligned in (box, level):
        np.testing.assert_array_equal(
            crop_face(picture, aligned, align=True), crop_face(picture, box)
        )


def test_size_is_the_side_of_the_crop(face: np.ndarray) -> None:
    assert crop_face(*_pasted(face, 3, 0, 0), size=64).shape == (64, 64)


def test_boxes_much_larger_than_the_picture_cost_little() -> None:
    picture = np.full((50, 50), 9, np.uint8)
    assert (crop_face(picture, FaceBox(-1e6, -1e6, 2e6, 2e6, score=1.0)) == 9).all()


@pytest.mark.parametrize("size", [(0, 10), (10, -5), (float("nan"), 3), (float("inf"), 3)])
def test_boxes_without_area_are_refused(size: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="area"):
        crop_face(np.zeros((50, 50), np.uint8), FaceBox(0, 0, *size, score=1.0))


def test_boxes_beside_the_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        crop_face(np.zeros((50, 50), np.uint8), FaceBox(500, 0, 30, 30, score=1.0))


def test_boxes_and_eyes_are_brought_back() -> None:
    box = FaceBox(1, 2, 3, 4, 0.5, ((1.5, 2), (3, 2)))
    assert enlarge(box, 2) == FaceBox(2, 4, 6, 8, 0.5, ((3, 4), (6, 4)))
    assert enlarge(FaceBox(1, 2, 3, 4, 0.5), 3).eyes is None
    assert enlarge(box, 2, (10, 20)) == FaceBox(22, 44, 6, 8, 0.5, ((23, 44), (26, 44)))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_boxes_are_brought_back_from_turned_pictures(quarters: int) -> None:
    picture = np.zeros((40, 60), np.uint8)
    picture[10:15, 20:32] = 1
    picture[10, 20] = 2  # the first eye
    picture[10, 31] = 3
    turned = np.rot90(picture, quarters)
    rows, columns = np.nonzero(turned)
    eyes = [tuple(np.argwhere(turned == value)[0][::-1] + 0.5) for value in (2, 3)]
    box = FaceBox(
        columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1, 0.5, (eyes[0], eyes[1])
    )
    expected = FaceBox(20, 10, 12, 5, 0.5, ((20.5, 10.5), (31.5, 10.5)))
    assert turn_back(box, quarters, 40, 60) == expected


def test_what_of_a_box_is_outside_is_cut_off() -> None:
    inside = FaceBox(5, 5, 20, 20, 0.5)
    assert clip_box(inside, 40, 60) is inside
    assert clip_box(FaceBox(-30, 5, 50, 20, 0.5), 40, 60) == FaceBox(0, 5, 20, 20, 0.5)
    assert clip_box(FaceBox(50, 30, 50, 20, 0.5), 40, 60) == FaceBox(50, 30, 10, 10, 0.5)
    assert clip_box(FaceBox(60, 5, 20, 20, 0.5), 40, 60) is None
    assert clip_box(FaceBox(0, 0, float("nan"), 9, 0.5), 40, 60) is None


def test_boxes_that_double_surer_ones_are_left_out() -> None:
    face = FaceBox(10, 10, 40, 40, 0.9)
    inside, beside = FaceBox(20, 20, 15, 15, 0.8), FaceBox(45, 10, 40, 40, 0.7)
    around = FaceBox(0, 0, 60, 60, 0.3)
    assert merge_boxes([around, inside, beside, face]) == [face, beside]
    assert merge_boxes([]) == []
