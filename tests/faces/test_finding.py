from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ensemble.faces import FaceBox, FaceFinder, Frame, Framing, crop_face
from fer_ensemble.faces.finding import search_item
from fer_ensemble.faces.inputs import FileProblem, Item
from tests.faces.stand_ins import FixedBoxes


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


def test_a_finder_with_other_settings_shares_the_network_and_nothing_else(
    photograph: np.ndarray,
) -> None:
    finder = FaceFinder("auto")
    two = np.hstack([photograph, photograph])
    n_faces = len(finder.find(two))
    other = finder.adjusted(min_face=200, min_score=0.9, max_faces=1)
    assert n_faces >= 2
    assert other.find(two) == []
    assert len(finder.adjusted(max_faces=1).find(two)) == 1
    assert len(finder.find(two)) == n_faces
    assert (finder.n_searched, other.n_searched) == (2, 1)
    assert other._detector._session is finder._detector._session


@pytest.mark.parametrize(
    ("shape", "whole"),
    [((48, 48), 1), ((64, 40), 1), ((65, 40), 0), ((300, 300), 0), ((48, 48, 3), 0)],
)
def test_auto_takes_small_gray_pictures_for_faces_unseen(
    shape: tuple[int, ...], whole: int
) -> None:
    finder = FaceFinder("auto")
    finder.find(_noise(*shape))
    assert (finder.n_taken_whole, finder.n_searched) == (whole, 1 - whole)


@pytest.mark.parametrize("side", [72, 112, 224])
@pytest.mark.parametrize("gray", [True, False])
def test_auto_takes_what_a_face_fills_for_that_face(
    photograph: np.ndarray, side: int, gray: bool
) -> None:
    shown = cv2.cvtColor(photograph, cv2.COLOR_BGR2GRAY) if gray else photograph
    crop = cv2.resize(shown[55:175, 165:285], (side, side), interpolation=cv2.INTER_AREA)
    whole = cv2.resize(shown, (side, side), interpolation=cv2.INTER_AREA)
    beside = cv2.resize(shown[260:500, 0:240], (side, side), interpolation=cv2.INTER_AREA)
    finder = FaceFinder("auto")
    [found] = finder.find(crop)
    assert found.box is None
    assert finder.n_taken_whole == 1
    finder.find(whole)
    finder.find(beside)
    assert (finder.n_taken_whole, finder.n_searched) == (1, 2)


def test_a_large_square_gray_picture_of_several_people_is_searched(photograph: np.ndarray) -> None:
    group = cv2.cvtColor(np.tile(photograph[:400, 56:456], (3, 3, 1)), cv2.COLOR_BGR2GRAY)
    assert group.shape == (1200, 1200)
    finder = FaceFinder("auto")
    assert len(finder.find(group)) == 9
    assert finder.n_searched == 1


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_faces_of_turned_pictures_have_boxes_where_they_are(
    photograph: np.ndarray, quarters: int
) -> None:
    turned = np.ascontiguousarray(np.rot90(photograph, quarters))
    finder = FaceFinder("auto")
    [upright], _ = finder.search(photograph)
    [found], remark = finder.search(turned)
    turns = ("", "90° to the right", "180°", "90° to the left")
    assert remark == (f"found after turning the picture by {turns[quarters]}" if quarters else "")
    middle = np.array([found.box.x + found.box.width / 2, found.box.y + found.box.height / 2])
    column, row = 224, 126
    expected = ((column, row), (row, 511 - column), (511 - column, 511 - row), (511 - row, column))
    np.testing.assert_allclose(middle, expected[quarters], atol=8)
    assert np.abs(found.face.astype(int) - upright.face).mean() < 5


def test_a_turned_picture_is_found_by_a_detector_without_eyes_too(photograph: np.ndarray) -> None:
    finder = FaceFinder("haar")
    [upright], remark = finder.search(photograph)
    assert remark == ""
    [found], remark = finder.search(np.ascontiguousarray(np.rot90(photograph)))
    assert remark == "found after turning the picture by 90° to the right"
    assert abs(found.box.x - upright.box.y) < 8
    assert np.abs(found.face.astype(int) - upright.face).mean() < 25
    assert finder.find(np.ascontiguousarray(np.rot90(photograph))) == []


def test_boxes_stay_in_the_picture_and_crops_do_not(photograph: np.ndarray) -> None:
    beyond = FaceBox(-30, 40, 80, 80, score=1.0)
    [found] = FaceFinder(FixedBoxes(beyond, FaceBox(300, 0, 50, 50, score=2.0))).find(
        _noise(100, 100)
    )
    assert found.box == FaceBox(0, 40, 50, 60, score=1.0)
    np.testing.assert_array_equal(found.face, crop_face(_noise(100, 100), beyond))


def test_a_least_score_and_a_number_of_faces_may_be_asked_for() -> None:
    boxes = [FaceBox(10 + 50 * i, 10, 30 + i, 30 + i, score=i / 10) for i in (3, 1, 2)]
    image = _noise(100, 300)
    found = FaceFinder(FixedBoxes(*boxes), min_score=0.2).find(image)
    assert [face.box for face in found] == [boxes[0], boxes[2]]
    found, remark = FaceFinder(FixedBoxes(*boxes), max_faces=1).search(image)
    assert [face.box for face in found] == [boxes[0]]
    assert remark == "2 smaller faces left out"


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
    found = FaceFinder(FixedBoxes(*boxes)).find(_noise(100, 100))
    assert [face.box for face in found] == [boxes[3], boxes[2], boxes[1], boxes[0]]


def test_small_faces_are_left_out() -> None:
    boxes = [FaceBox(0, 0, 40, 40, score=1.0), FaceBox(50, 50, 40, 39, score=2.0)]
    [found] = FaceFinder(FixedBoxes(*boxes), min_face=40).find(_noise(100, 100))
    assert found.box is boxes[0]


def test_the_detector_s_framing_and_the_eyes_shape_the_crop() -> None:
    box = FaceBox(30, 30, 40, 40, 1.0, ((40, 45), (60, 50)))
    detector = FixedBoxes(box)
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


def test_an_unknown_detector_is_an_error_that_names_the_others() -> None:
    with pytest.raises(ValueError, match=r"no detector 'retina'.*blazeface.*haar.*mtcnn.*auto"):
        FaceFinder("retina")


FACE = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)


class Broken:
    def detect(self, image: np.ndarray) -> list[FaceBox]:
        raise RuntimeError("out of\norder")


def test_a_picture_is_read_and_searched(tmp_path: Path) -> None:
    path = str(tmp_path / "face.png")
    cv2.imwrite(path, FACE)
    result = search_item(Item(path), FaceFinder("skip"))
    assert (result.path, result.frame, result.time, result.status, result.reason) == (
        path,
        None,
        None,
        "ok",
        "",
    )
    np.testing.assert_array_equal(result.faces[0].face, FACE)
    boxes = FixedBoxes(FaceBox(0, 0, 20, 20, score=0.5), FaceBox(25, 20, 22, 22, score=0.9))
    found = search_item(Item(path), FaceFinder(boxes)).faces
    assert [face.box.score for face in found] == [0.9, 0.5]


def test_a_frame_is_searched_and_kept_if_asked_for() -> None:
    item = Item("clip.mp4", Frame(12, 0.4, np.repeat(FACE[..., np.newaxis], 3, axis=2)))
    result = search_item(item, FaceFinder(FixedBoxes()), keep_frame=True)
    assert (result.frame, result.time, result.status, result.faces) == (12, 0.4, "no_face", [])
    assert result.reason == "no face was found"
    copy = cv2.imdecode(np.frombuffer(result.frame_copy, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.abs(copy.astype(float) - FACE).mean() < 10
    assert search_item(item, FaceFinder("skip")).frame_copy is None


def test_problems_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    result = search_item(Item(str(tmp_path / "text.png")), FaceFinder("skip"))
    assert (result.status, result.faces) == ("unreadable", [])
    assert "not a picture" in result.reason
    problem = FileProblem("empty", "the file is empty")
    result = search_item(Item("clip.mp4", problem=problem), FaceFinder("skip"))
    assert (result.frame, result.status, result.reason) == (None, "empty", "the file is empty")


def test_a_detector_that_fails_does_not_end_the_run() -> None:
    item = Item("clip.mp4", Frame(0, 0.0, np.zeros((60, 80, 3), np.uint8)))
    result = search_item(item, FaceFinder(Broken()))
    assert (result.frame, result.status) == (0, "unreadable")
    assert result.reason == "the search for faces failed (RuntimeError: out of order)"
