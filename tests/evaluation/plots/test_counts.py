"""Pictures of class counts show the counts that they are given."""

import numpy as np
import pytest

from fer_ensemble.evaluation.plots import plot_class_counts


def test_class_counts_are_bars_side_by_side_with_their_numbers():
    ax = plot_class_counts({"happy": 7215, "disgust": 436}, {"disgust": 5000, "fear": 12})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["happy", "disgust", "fear"]
    before, after = ax.containers
    assert [bar.get_width() for bar in before] == [7215, 436, 0]
    assert [bar.get_width() for bar in after] == [0, 5000, 12]
    assert [text.get_text() for text in ax.texts] == ["7,215", "436", "0", "0", "5,000", "12"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["before", "after"]
    # The first class stands on top, its first bar above its second, which do not overlap.
    assert ax.yaxis_inverted()
    edges = [bar.get_y() for bar in (before[0], after[0], before[1])]
    assert np.all(np.diff(edges) >= before[0].get_height() - 1e-9)


def test_class_counts_alone_need_no_legend():
    ax = plot_class_counts({0: 3, 1: 4})
    assert ax.get_legend() is None
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1"]


def test_nothing_to_draw_is_told():
    with pytest.raises(ValueError, match="no class counts"):
        plot_class_counts({})
