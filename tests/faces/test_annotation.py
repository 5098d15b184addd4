from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fer_ensemble.faces import annotate
from fer_ensemble.faces.annotation import READABLE_SIDE

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


def test_bars_of_classes_that_the_set_leaves_out_are_gray(picture: np.ndarray) -> None:
    found = {}
    for labels in (("happy",), ("happy", "sad")):
        face = _face(probabilities={"happy": 0.5, "sad": 0.5}, labels=labels)
        drawn = annotate(picture, [face])
        found[labels] = [
            (drawn == colour).all(axis=2).sum() for colour in ((128, 224, 64), (144, 144, 144))
        ]
    assert found["happy",][1] > 100
    assert found["happy", "sad"][1] < found["happy",][1] / 10
    assert found["happy", "sad"][0] > found["happy",][0] + 100


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
