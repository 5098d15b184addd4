"""Pictures of classes show the figures that they are given."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.evaluation.plots import plot_class_scores, plot_confusion

CLASSES = ["happy", "sad"]
TRUE = ["happy", "sad", "sad", "sad"]
GOOD = evaluate_predictions(TRUE, ["happy", "sad", "sad", "happy"], classes=CLASSES)
BAD = evaluate_predictions(TRUE, ["sad", "sad", "happy", "happy"], classes=CLASSES)


def texts(items):
    return [item.get_text() for item in items]


def test_a_confusion_matrix_has_true_classes_in_rows_and_numbers_in_its_cells():
    ax = plot_confusion(GOOD.confusion, CLASSES)
    assert texts(ax.texts) == ["1", "0", "1", "2"]
    # The wrong one stands below and to the left: truth "sad", prediction "happy".
    assert ax.texts[2].get_position() == (0, 1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    assert texts(ax.get_xticklabels()) == texts(ax.get_yticklabels()) == CLASSES


def test_cells_are_shaded_and_may_be_told_by_the_shares_of_the_true_class():
    ax = plot_confusion(GOOD.confusion, CLASSES, rates=True)
    assert texts(ax.texts) == ["100 %", "0 %", "33 %", "67 %"]
    for rates in (True, False):
        shades = plot_confusion(GOOD.confusion, CLASSES, rates=rates).images[0].get_array()
        np.testing.assert_allclose(shades, [[1, 0], [1 / 3, 2 / 3]])


def test_numbers_can_be_read_on_their_cells():
    ax = plot_confusion([[100, 0, 0], [59, 41, 0], [61, 0, 39]], ["a", "b", "c"])
    image = ax.images[0]
    for text in ax.texts:
        column, row = text.get_position()
        cell = np.dot(
            image.cmap(image.norm(image.get_array()[row, column]))[:3], (0.21, 0.72, 0.07)
        )
        assert abs(cell - np.dot(to_rgb(text.get_color()), (0.21, 0.72, 0.07))) > 0.4


def test_a_confusion_matrix_of_another_size_is_told():
    with pytest.raises(ValueError, match=r"\(2, 2\) for 2 class_names, not \(3, 3\)"):
        plot_confusion(np.eye(3), CLASSES)


def test_class_scores_stand_side_by_side():
    ax = plot_class_scores({"good": GOOD.per_class, "bad": BAD.per_class}, "recall")
    good, bad = ax.containers
    assert [bar.get_height() for bar in good] == pytest.approx([1, 2 / 3])
    assert [bar.get_height() for bar in bad] == pytest.approx([0, 1 / 3])
    assert good[0].get_x() + good[0].get_width() == pytest.approx(bad[0].get_x())
    assert texts(ax.get_legend().get_texts()) == ["good", "bad"]
    assert texts(ax.get_xticklabels()) == CLASSES
    assert ax.get_ylabel() == "recall"


def test_class_scores_that_cannot_be_laid_side_by_side_are_told():
    with pytest.raises(ValueError, match="one of f1, precision, recall, not 'support'"):
        plot_class_scores({"good": GOOD.per_class}, "support")
    with pytest.raises(ValueError, match="1 to 6 systems to draw, not 0"):
        plot_class_scores({})
    with pytest.raises(ValueError, match="the same classes"):
        plot_class_scores({"good": GOOD.per_class, "less": GOOD.per_class[:1]})
