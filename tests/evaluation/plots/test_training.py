"""Pictures of trainings show the figures that they are given."""

import numpy as np
import pytest

from fer_ensemble.evaluation.plots import best_epoch, plot_history

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
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
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


def test_figures_that_are_not_there_are_told():
    with pytest.raises(ValueError, match=r"no 'f1': choose among \['accuracy', 'learning_rate'"):
        plot_history(HISTORY, "f1")
    with pytest.raises(ValueError, match="no epoch under 'loss'"):
        plot_history({"loss": []}, "loss")


def test_colours_differ_in_lightness_for_colour_blind_readers():
    from matplotlib.colors import to_rgb

    ax = plot_history(HISTORY)
    lightness = [np.dot(to_rgb(line.get_color()), (0.21, 0.72, 0.07)) for line in ax.get_lines()]
    assert abs(lightness[0] - lightness[1]) > 0.05
    assert ax.get_lines()[0].get_linestyle() != ax.get_lines()[1].get_linestyle()
