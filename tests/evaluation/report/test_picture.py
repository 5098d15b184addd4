"""A picture is drawn into an address or a file."""

import base64
from functools import partial

import pytest
from PIL import Image

from fer_ensemble.evaluation.plots import plot_weights
from fer_ensemble.evaluation.report.picture import Picture


@pytest.fixture
def picture():
    plot = partial(plot_weights, {"cnn": 0.75, "hog": 0.25})
    return Picture("combining", "weights", "Weights", "Bars: cnn 0.75, hog 0.25.", plot, height=2)


def test_an_address_holds_a_drawing_that_is_always_the_same(picture):
    address = picture.to_uri()
    kind, _, drawing = address.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(drawing)
    assert picture.to_uri() == address


def test_files_are_fit_for_print(picture, tmp_path):
    with Image.open(picture.save(tmp_path)) as drawn:
        assert drawn.size[0] == 840
        assert drawn.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_drawing_leaves_the_users_settings_alone(picture):
    import matplotlib

    before = dict(matplotlib.rcParams)
    picture.to_uri()
    assert dict(matplotlib.rcParams) == before
