"""Pictures of systems side by side show the figures that they are given."""

import numpy as np
import pytest

from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.evaluation.plots import plot_accuracies, plot_rules, plot_weights

CLASSES = ["happy", "sad"]
TRUE = ["happy", "sad", "sad", "sad"]
GOOD = evaluate_predictions(TRUE, ["happy", "sad", "sad", "happy"], classes=CLASSES)
BAD = evaluate_predictions(TRUE, ["sad", "sad", "happy", "happy"], classes=CLASSES)


def texts(items):
    return [item.get_text() for item in items]


def points(container):
    return container.lines[0].get_xydata().tolist()


def test_accuracies_are_points_on_their_intervals_from_top_to_bottom():
    ax = plot_accuracies({"good": GOOD, "bad": BAD})
    [drawn] = ax.containers
    assert points(drawn) == [[0.75, 0], [0.25, 1]]
    [bars] = drawn.lines[2]
    ends = [segment[:, 0].tolist() for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, [GOOD.accuracy_interval, BAD.accuracy_interval])
    assert texts(ax.get_yticklabels()) == ["good", "bad"]
    assert ax.yaxis_inverted()
    assert ax.get_xlabel() == "accuracy and 95 % interval"
    assert texts(ax.texts)[0].startswith("0.750 (0.301")


def test_a_perfect_system_is_drawn_too():
    perfect = evaluate_predictions([0] * 7, [0] * 7, classes=[0])
    [drawn] = plot_accuracies({"perfect": perfect}).containers
    assert points(drawn) == [[1, 0]]


def test_rules_stand_below_the_members_with_a_line_at_the_best_of_these():
    ax = plot_rules({"bad": BAD, "good": GOOD}, {"average": BAD})
    members, rules = ax.containers
    assert points(members) == [[0.25, 0], [0.75, 1]]
    assert points(rules) == [[0.25, 2]]
    [line] = [line for line in ax.get_lines() if line.get_label() == "best member"]
    assert line.get_xdata()[0] == 0.75
    assert texts(ax.get_yticklabels()) == ["bad", "good", "average"]


def test_numbers_beside_the_rules_can_be_left_out():
    assert len(plot_rules({"bad": BAD}, {"average": GOOD}).texts) == 2
    assert not plot_rules({"bad": BAD}, {"average": GOOD}, numbers=False).texts


def test_weights_are_bars():
    ax = plot_weights({"cnn": 0.9, "hog": 0.1})
    assert [bar.get_width() for bar in ax.patches] == [0.9, 0.1]
    assert texts(ax.get_yticklabels()) == ["cnn", "hog"]
    assert ax.yaxis_inverted()


def test_nothing_to_draw_is_told():
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_weights({})
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_rules({}, {"average": GOOD})
    with pytest.raises(ValueError, match="the same name: cnn"):
        plot_rules({"cnn": GOOD}, {"cnn": GOOD})
