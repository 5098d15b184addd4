"""A picture is drawn into an address or a file."""

import base64
from dataclasses import replace
from functools import partial
from itertools import combinations

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from fer_ensemble.evaluation.plots import plot_weights
from fer_ensemble.report.pictures import STYLE, WIDTH, Picture, list_pictures


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


@pytest.fixture
def pictures(content):
    return {picture.name: picture for picture in list_pictures(content)}


def test_there_is_one_of_everything(pictures):
    assert list(pictures) == [
        "classes-training",
        "classes-test",
        "balance-cnn",
        "training-cnn-loss",
        "training-cnn-accuracy",
        "rules",
        "weights",
        "f1",
        "confusion-counts",
        "confusion-rates",
        "reliability",
        "coverage",
    ]


def test_the_words_hold_the_figures(content, pictures):
    assert "disgust 436" in pictures["classes-training"].alt
    assert "After: angry 8,000" in pictures["balance-cnn"].alt
    loss, accuracy = (pictures[f"training-cnn-{name}"].alt for name in ("loss", "accuracy"))
    assert "the loss on held-out faces goes from 1.9 to 1.4 at epoch 2" in loss
    assert "the accuracy on training faces goes from 0.2 to 0.4 at epoch 2" in accuracy
    assert f"cnn {content.scores.accuracy:.3f}" in pictures["rules"].alt
    assert "hog 0.14" in pictures["weights"].alt
    assert f"angry {100 * content.scores.confusion_rates[0, 0]:.0f} % right" in (
        pictures["confusion-rates"].alt
    )
    assert f"error {content.scores.calibration_error:.3f}" in pictures["reliability"].alt


def test_what_there_is_nothing_of_is_not_drawn(content):
    data = replace(content.data, class_counts={"test": {"happy": 1}}, balance={})
    member = replace(content.members[1], weight=None)
    alone = replace(content, data=data, members=[member], combining=None)
    names = [picture.name for picture in list_pictures(alone)]
    assert names[:2] == ["classes-test", "f1"]
    members = [replace(member, weight=None) for member in content.members]
    assert "weights" not in [p.name for p in list_pictures(replace(content, members=members))]


def test_names_are_names_of_files(content):
    data = replace(content.data, balance={"the whole set/all": content.data.balance["cnn"]})
    names = [picture.name for picture in list_pictures(replace(content, data=data))]
    assert "balance-the-whole-set-all" in names


def test_nothing_is_cut_off_and_no_numbers_run_into_each_other(pictures):
    for picture in pictures.values():
        with rc_context(STYLE):
            figure = Figure(figsize=(WIDTH, picture.height), layout="constrained")
            ax = picture.plot(ax=figure.add_subplot())
            figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in ax.texts]
        assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
        shown = [*boxes, *([ax.get_legend().get_window_extent()] if ax.get_legend() else [])]
        shown += [label.get_window_extent() for label in ax.get_yticklabels()]
        whole = figure.bbox
        assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 for box in shown), picture.name
