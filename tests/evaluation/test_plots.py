"""Pictures show the figures that they are given."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from fer_ensemble.evaluation import coverage_curve, evaluate_predictions, plots, reliability
from fer_ensemble.evaluation.plots import (
    Training,
    best_epoch,
    draw_split_counts,
    draw_trainings,
    plot_accuracies,
    plot_class_counts,
    plot_class_scores,
    plot_confusion,
    plot_coverage,
    plot_history,
    plot_reliability,
    plot_rules,
    plot_weights,
)

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


def test_systems_that_cannot_be_drawn_are_an_error():
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_weights({})
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_rules({}, {"average": GOOD})
    with pytest.raises(ValueError, match="the same name: cnn"):
        plot_rules({"cnn": GOOD}, {"cnn": GOOD})


SCORED = [0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], [0, 1]
FOUND = evaluate_predictions(SCORED[0], probabilities=SCORED[1], classes=SCORED[2])
CALLS = {
    plots.plot_accuracies: [{"ours": FOUND}],
    plots.plot_class_counts: [{"happy": 1}],
    plots.plot_class_scores: [{"ours": FOUND.per_class}],
    plots.plot_confusion: [FOUND.confusion, ["a", "b"]],
    plots.plot_coverage: [coverage_curve(*SCORED)],
    plots.plot_history: [{"loss": [1.0]}, "loss"],
    plots.plot_reliability: [reliability(*SCORED)],
    plots.plot_rules: [{"ours": FOUND}, {"average": FOUND}],
    plots.plot_weights: [{"ours": 1.0}],
}


@pytest.mark.parametrize("plot", CALLS, ids=lambda plot: plot.__name__)
def test_every_picture_takes_the_axes_it_is_given_or_makes_its_own(plot):
    ax = Figure().add_subplot()
    assert plot(*CALLS[plot], ax=ax) is ax
    own = plot(*CALLS[plot])
    assert own is not ax
    assert own.get_xlabel() or own.get_ylabel()


def test_no_picture_is_left_out_of_these_tests():
    assert {plot.__name__ for plot in CALLS} == {
        name for name in plots.__all__ if name.startswith("plot_")
    }


def test_drawing_leaves_pyplot_alone_and_takes_the_axes_it_is_given():
    code = (
        "import sys\n"
        "from fer_ensemble.evaluation import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from matplotlib.figure import Figure\n"
        "ax = Figure().add_subplot()\n"
        "assert plots.plot_history({'loss': [1.0]}, 'loss', ax=ax) is ax\n"
        "assert plots.plot_class_counts({'happy': 1}, ax=ax) is ax\n"
        "plots.plot_class_counts({'happy': 1}).figure.savefig(sys.stdout.buffer, format='svg')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.startswith(b"<?xml")


def test_a_confusion_matrix_has_true_classes_in_rows_and_numbers_in_its_cells():
    ax = plot_confusion(GOOD.confusion, CLASSES)
    assert texts(ax.texts) == ["1", "0", "1", "2"]
    # The wrong one stands below and to the left: truth "sad", prediction "happy".
    assert ax.texts[2].get_position() == (0, 1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    assert texts(ax.get_xticklabels()) == texts(ax.get_yticklabels()) == CLASSES


def test_cells_are_shaded_and_may_be_labelled_with_the_shares_of_the_true_class():
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


def test_a_confusion_matrix_of_another_size_is_an_error():
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


def test_class_scores_that_cannot_be_laid_side_by_side_are_an_error():
    with pytest.raises(ValueError, match="one of f1, precision, recall, not 'support'"):
        plot_class_scores({"good": GOOD.per_class}, "support")
    with pytest.raises(ValueError, match="1 to 6 systems to draw, not 0"):
        plot_class_scores({})
    with pytest.raises(ValueError, match="the same classes"):
        plot_class_scores({"good": GOOD.per_class, "less": GOOD.per_class[:1]})


def test_reliability_shows_the_full_bins_and_the_error():
    confidences = np.array([0.55, 0.95, 0.95])
    table = reliability(
        [0, 0, 1], np.column_stack([confidences, 1 - confidences]), [0, 1], n_bins=5
    )
    ax = plot_reliability(table)
    assert [(round(bar.get_x(), 6), bar.get_height()) for bar in ax.patches] == [
        (0.4, 1),
        (0.8, 0.5),
    ]
    [dots] = ax.collections
    np.testing.assert_allclose(dots.get_offsets(), [[0.55, 1], [0.95, 0.5]])
    assert np.diff(dots.get_sizes()) > 0
    assert texts(ax.texts) == ["calibration error 0.450"]


def test_coverage_marks_where_answers_begin_to_be_sure():
    confidences = np.array([0.95, 0.8, 0.6, 0.45])
    rest = (1 - confidences) / 2
    curve = coverage_curve([0, 0, 1, 1], np.column_stack([confidences, rest, rest]), [0, 1, 2])
    ax = plot_coverage(curve)
    line, *marks = ax.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[0.25, 1], [0.5, 1], [0.75, 2 / 3], [1, 0.5]])
    places = [mark.get_xydata()[0].tolist() for mark in marks]
    assert dict(zip(texts(ax.texts), places, strict=True)) == {
        "≥ 0.5": [0.75, pytest.approx(2 / 3)],
        "≥ 0.7": [0.5, 1],
        "≥ 0.9": [0.25, 1],
    }


def test_class_counts_are_bars_side_by_side_with_their_numbers():
    ax = plot_class_counts({"happy": 7215, "disgust": 436}, {"disgust": 5000, "fear": 12})
    assert texts(ax.get_yticklabels()) == ["happy", "disgust", "fear"]
    before, after = ax.containers
    assert [bar.get_width() for bar in before] == [7215, 436, 0]
    assert [bar.get_width() for bar in after] == [0, 5000, 12]
    assert texts(ax.texts) == ["7,215", "436", "0", "0", "5,000", "12"]
    assert texts(ax.get_legend().get_texts()) == ["before", "after"]
    # The first class stands on top, its first bar above its second, which do not overlap.
    assert ax.yaxis_inverted()
    edges = [bar.get_y() for bar in (before[0], after[0], before[1])]
    assert np.all(np.diff(edges) >= before[0].get_height() - 1e-9)


def test_class_counts_alone_need_no_legend():
    ax = plot_class_counts({0: 3, 1: 4})
    assert ax.get_legend() is None
    assert texts(ax.get_yticklabels()) == ["0", "1"]


def test_class_counts_of_no_class_are_an_error():
    with pytest.raises(ValueError, match="no class counts"):
        plot_class_counts({})


def test_splits_have_a_panel_each():
    figure = draw_split_counts({"train": {"happy": 5, "sad": 2}, "test": {"happy": 3, "sad": 0}})
    assert [ax.get_title() for ax in figure.axes] == ["train, n = 7", "test, n = 3"]
    assert texts(figure.axes[1].texts) == ["3", "0"]


HISTORY = {
    "loss": [1.9, 1.5, 1.2, 0.9],
    "accuracy": [0.2, 0.4, 0.6, 0.7],
    "val_loss": [1.8, 1.4, 1.3, 1.6],
    "val_accuracy": [0.3, 0.5, 0.4, 0.5],
    "learning_rate": [1e-3, 1e-3, 1e-4, 1e-5],
    "seconds": [2.0, 1.0, 1.0, 1.0],
}


def lines(ax):
    return {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_both_curves_are_drawn_and_the_kept_epoch_is_marked(metric):
    ax = plot_history(HISTORY, metric)
    drawn = lines(ax)
    watched = HISTORY[f"val_{metric}"]
    assert drawn["training"] == [[i + 1, value] for i, value in enumerate(HISTORY[metric])]
    assert drawn["held out"] == [[i + 1, value] for i, value in enumerate(watched)]
    assert drawn[f"best epoch 3: {watched[2]}"] == [[3, watched[2]]]
    assert texts(ax.get_legend().get_texts()) == [
        "training",
        "held out",
        f"best epoch 3: {watched[2]}",
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", metric)


def test_without_held_out_data_the_training_itself_is_marked():
    ax = plot_history({"loss": [1.0, 2.0], "accuracy": [0.5, 0.4]})
    assert "held out" not in lines(ax)
    assert lines(ax)["best epoch 1: 0.5"] == [[1, 0.5]]


def test_the_learning_rate_is_logarithmic():
    ax = plot_history(HISTORY, "learning_rate")
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "learning rate"
    assert [y for _, y in lines(ax)["training"]] == HISTORY["learning_rate"]


def test_an_epoch_that_was_cut_short_stands_where_it_ended():
    ax = plot_history({"loss": [2.0, 1.5, 1.4], "epoch": [1.0, 2.0, 2.25]}, "loss")
    assert [x for x, _ in lines(ax)["training"]] == [1.0, 2.0, 2.25]
    assert lines(ax)["best epoch 3: 1.4"] == [[2.25, 1.4]]


def test_best_epoch_is_the_first_of_equals_by_what_was_monitored():
    assert best_epoch(HISTORY) == 3
    assert best_epoch(HISTORY, "accuracy") == 2
    assert best_epoch({"loss": [float("nan"), 2.0, float("nan"), 3.0]}) == 2
    assert best_epoch({"loss": [float("nan"), float("nan")]}) == 2


def test_figures_that_are_not_there_are_an_error():
    with pytest.raises(ValueError, match=r"no 'f1': choose among \['accuracy', 'learning_rate'"):
        plot_history(HISTORY, "f1")
    with pytest.raises(ValueError, match="no epoch under 'loss'"):
        plot_history({"loss": []}, "loss")


def test_colours_differ_in_lightness_for_colour_blind_readers():
    ax = plot_history(HISTORY)
    lightness = [np.dot(to_rgb(line.get_color()), (0.21, 0.72, 0.07)) for line in ax.get_lines()]
    assert abs(lightness[0] - lightness[1]) > 0.05
    assert ax.get_lines()[0].get_linestyle() != ax.get_lines()[1].get_linestyle()


def test_each_training_has_a_row_of_its_figures():
    short = {name: values[:1] for name, values in HISTORY.items()}
    trainings = {"cnn": Training(HISTORY, "accuracy"), "hog": Training(short)}
    first, second = draw_trainings(trainings).subfigs
    assert first.get_suptitle() == "cnn: 4 epochs in 0:00:05 h, best epoch 2"
    assert second.get_suptitle() == "hog: 1 epoch in 0:00:02 h, best epoch 1"
    for row, training in zip((first, second), trainings.values(), strict=True):
        assert len(row.axes) == 3
        for ax, metric in zip(row.axes, ("loss", "accuracy", "learning_rate"), strict=True):
            assert [y for _, y in lines(ax)["training"]] == training.history[metric]


def test_class_counts_are_shown_where_balancing_changed_them():
    balanced = Training(HISTORY, balance=({"happy": 3, "sad": 9}, {"happy": 6, "sad": 6}))
    rows = draw_trainings({"balanced": balanced, "other": Training(HISTORY)}).subfigs
    shown, empty = (row.axes[-1] for row in rows)
    assert texts(shown.get_yticklabels()) == ["happy", "sad"]
    assert texts(shown.texts) == ["3", "9", "6", "6"]
    assert not empty.axison
