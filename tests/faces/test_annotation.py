import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from fer_ensemble.faces import FaceBox, FaceFinder, annotate, predict_files
from fer_ensemble.faces.annotation import READABLE_SIDE, write_copies
from tests.faces.stand_ins import FixedBoxes, write_clip

PROBABILITIES = {"angry": 0.0, "happy": 0.9, "überrascht": 0.1}


def _face(**attributes: Any) -> SimpleNamespace:
    values = {
        "x": 100.0,
        "y": 120.0,
        "width": 80.0,
        "height": 90.0,
        "label": "happy",
        "confidence": 0.9,
        "probabilities": PROBABILITIES,
    }
    return SimpleNamespace(**(values | attributes))


@pytest.fixture
def picture() -> np.ndarray:
    return np.full((360, 480, 3), (10, 120, 60), np.uint8)


def test_the_box_is_drawn_on_a_copy(picture: np.ndarray) -> None:
    before = picture.copy()
    drawn = annotate(picture, [_face(label=None, confidence=None, probabilities=None)])
    assert drawn.shape == picture.shape
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(picture, before)
    rows, columns = np.nonzero((drawn != picture).any(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (120, 210, 100, 180)
    assert (drawn[140:190, 120:160] == picture[140:190, 120:160]).all()


def test_the_label_stands_above_the_box(picture: np.ndarray) -> None:
    without = annotate(picture, [_face(label=None, probabilities=None)])
    drawn = annotate(picture, [_face(probabilities=None)])
    rows, _ = np.nonzero((drawn != without).any(axis=2))
    assert 95 < rows.min() < 120
    assert rows.max() <= 122


def test_bars_are_as_long_as_their_probabilities(picture: np.ndarray) -> None:
    lengths = []
    for probability in (0.2, 0.8):
        face = _face(probabilities={"happy": probability, "sad": 0.0, "fear": 0.0, "angry": 0.0})
        green = (annotate(picture, [face])[:, 185:] == (128, 224, 64)).all(axis=2)
        lengths.append(green.sum(axis=1).max())
    assert 3.5 < lengths[1] / lengths[0] < 4.5


@pytest.mark.parametrize(("x", "y"), [(0, 0), (395, 265), (-20, -30), (200, 300)])
def test_faces_at_the_edges_are_drawn(picture: np.ndarray, x: float, y: float) -> None:
    drawn = annotate(picture, [_face(x=x, y=y)])
    assert drawn.shape == picture.shape
    assert (drawn == (128, 224, 64)).all(axis=2).sum() > 200


def test_small_gray_pictures_grow_until_text_fits() -> None:
    gray = np.full((48, 48), 90, np.uint8)
    drawn = annotate(gray, [_face(x=None, y=None, width=None, height=None)])
    assert drawn.shape == (336, 336, 3)
    assert max(drawn.shape) >= READABLE_SIDE
    assert (drawn[40:200, [0, -1]] == (128, 224, 64)).all()
    assert 0.02 < (drawn[4:-4, 4:-4] != 90).any(axis=2).mean() < 0.15


def _covered(picture: np.ndarray, faces: list[SimpleNamespace]) -> list[float]:
    """Share of each face whose pixels labels have changed, inside of the frame."""
    before = annotate(picture, [SimpleNamespace(**(vars(face) | NOTHING)) for face in faces])
    drawn = annotate(picture, faces)[: len(before)]
    changed = (drawn != before).any(axis=2)
    return [
        float(changed[int(f.y) : int(f.y + f.height), int(f.x) : int(f.x + f.width)].mean())
        for f in faces
    ]


NOTHING = {"label": None, "confidence": None, "probabilities": None}


@pytest.mark.parametrize("side", [25, 60, 140])
def test_labels_cover_no_face_of_a_group(picture: np.ndarray, side: int) -> None:
    step = round(side * 1.1)
    faces = [
        _face(x=x, y=y, width=side, height=side)
        for y in range(0, 360 - side, step)
        for x in range(0, 480 - side, step)
    ]
    assert max(_covered(picture, faces)) <= 0.16
    drawn = annotate(picture, faces)
    assert len(drawn) > 360  # there is a legend


def test_faces_side_by_side_share_the_room_around_them(picture: np.ndarray) -> None:
    faces = [_face(x=20.0), _face(x=250.0, y=130.0)]
    assert max(_covered(picture, faces)) < 0.02  # a letter's edge
    assert annotate(picture, faces).shape == picture.shape


def test_without_faces_the_picture_stays(picture: np.ndarray) -> None:
    np.testing.assert_array_equal(annotate(picture, []), picture)


ONE_FACE = FixedBoxes(FaceBox(100, 100, 200, 200, score=1.0))


class Sure:
    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return np.tile([0.9, 0.1], (len(X), 1))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, below another, with a picture and a clip of two frames."""
    work = tmp_path / "work"
    (work / "photos").mkdir(parents=True)
    picture = np.full((400, 500, 3), 128, np.uint8)
    for path in (work / "photos" / "a.png", tmp_path / "up.png"):
        cv2.imwrite(str(path), picture)
    write_clip(work / "clip.avi", [picture] * 2)
    monkeypatch.chdir(work)
    return work


def _annotate(*paths: str | Path, detector: object = ONE_FACE) -> None:
    finder = FaceFinder(detector)
    batches = predict_files(
        Sure(), paths, class_names=("happy", "sad"), finder=finder, annotate_to="seen"
    )
    list(batches)


def _listed(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*g"))


def test_pictures_and_frames_have_their_places_in_the_folder(folder: Path) -> None:
    _annotate("photos/a.png", "clip.avi", "../up.png", "./photos/../photos/a.png")
    assert _listed(folder / "seen") == [
        "__/up.png.jpg",
        "clip.avi/000000.jpg",
        "clip.avi/000001.jpg",
        "photos/__/photos/a.png.jpg",
        "photos/a.png.jpg",
    ]


def test_an_absolute_path_stays_in_the_folder(folder: Path) -> None:
    _annotate(folder / "photos" / "a.png")
    [copy] = _listed(folder / "seen")
    assert copy.endswith("work/photos/a.png.jpg")


@pytest.mark.parametrize("name", ["photos/a.png", "clip.avi"])
def test_a_copy_shows_the_face_and_keeps_the_rest(folder: Path, name: str) -> None:
    _annotate(name)
    copy = cv2.imread(str(folder / "seen" / _listed(folder / "seen")[0])).astype(int)
    assert copy.shape == (400, 500, 3)
    drawn = np.abs(copy - 128).max(axis=2) > 40
    assert drawn[90:310, 90:310].any()
    assert not drawn[:60].any()
    assert not drawn[:, :60].any()


def test_a_picture_without_a_face_is_copied_and_what_cannot_be_read_is_not(folder: Path) -> None:
    (folder / "text.png").write_text("no picture")
    _annotate("photos/a.png", "text.png", "lost.png", detector=FixedBoxes())
    assert _listed(folder / "seen") == ["photos/a.png.jpg"]


def test_a_folder_that_cannot_be_made_is_an_error(folder: Path) -> None:
    (folder / "seen").touch()
    with pytest.raises(OSError, match="seen"):
        _annotate("photos/a.png")


def test_nothing_is_made_for_no_pictures(folder: Path) -> None:
    write_copies("seen", [])
    assert "seen" not in os.listdir()
