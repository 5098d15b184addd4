"""Pictures of confidence show the figures that they are given."""

import numpy as np
import pytest

from fer_ensemble.evaluation import coverage_curve, reliability
from fer_ensemble.evaluation.plots import plot_coverage, plot_reliability


def texts(items):
    return [item.get_text() for item in items]


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
