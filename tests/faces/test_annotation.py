from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fer_ensemble.faces.annotation import READABLE_SIDE, annotate

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
        face = _face(probabilities={"happy": probability})
        green = (annotate(picture, [face])[:, 185:] == (128, 224, 64)).all(axis=2)
        lengths.append(green.sum(axis=1).max())
    assert 3.5 < lengths[1] / lengths[0] < 4.5


@pytest.mark.parametrize(("x", "y"), [(0, 0), (395, 265), (-20, -30), (200, 300)])
def test_faces_at_the_edges_are_drawn(picture: np.ndarray, x: float, y: float) -> None:
    drawn = annotate(picture, [_face(x=x, y=y)])
    assert drawn.shape == picture.shape
    assert (drawn == (128, 224, 64)).all(axis=2).sum() > 200


def test_small_gray_pictures_grow_until_text_fits() -> None:
    whole = _face(x=None, y=None, width=None, height=None)
    gray = np.full((48, 48), 90, np.uint8)
    drawn = annotate(gray, [whole])
    assert drawn.shape == (336, 336, 3)
    assert max(drawn.shape) >= READABLE_SIDE
    assert (drawn[40:200, [0, -1]] == (128, 224, 64)).all()


def test_without_faces_the_picture_stays(picture: np.ndarray) -> None:
    np.testing.assert_array_equal(annotate(picture, []), picture)
