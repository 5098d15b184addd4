"""The surest mistakes are found, and shown as they are."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from fer_ensemble.evaluation.report.mistakes import Mistake, find_mistakes, picture_uri

SURE, UNSURE, RIGHT = [0.1, 0.9], [0.4, 0.6], [0.8, 0.2]


def test_the_surest_come_first_and_of_equals_the_first_row():
    found = find_mistakes([0, 0, 0, 0], [UNSURE, RIGHT, SURE, SURE], [0, 1])
    assert [mistake.row for mistake in found] == [2, 3, 0]
    assert found[0] == Mistake(row=2, truth=0, predicted=1, confidence=0.9)


def test_no_more_are_found_than_asked_for():
    assert len(find_mistakes([0] * 5, [SURE] * 5, [0, 1], 2)) == 2
    assert find_mistakes([1], [SURE], [0, 1]) == []


def test_labels_of_text_are_places_among_the_classes():
    [found] = find_mistakes(["sad"], [RIGHT], ["happy", "sad"])
    assert (found.truth, found.predicted) == (1, 0)


def test_unknown_labels_are_refused():
    with pytest.raises(ValueError, match="y_true"):
        find_mistakes([5], [SURE], [0, 1])


def test_a_picture_is_in_its_address():
    face = np.arange(48 * 48, dtype=np.uint8).reshape(48, 48)
    kind, _, content = picture_uri(face).partition(",")
    assert kind == "data:image/png;base64"
    shown = Image.open(io.BytesIO(base64.b64decode(content)))
    np.testing.assert_array_equal(np.asarray(shown), face)
