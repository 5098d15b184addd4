import numpy as np
import pytest

from experiments.suspect_labels import _compare, _outvoted


def test_a_label_is_outvoted_by_more_than_half_of_the_copies():
    groups = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3])
    labels = np.array([4, 4, 1, 2, 3, 5, 0, 0, 1, 2])
    # One of three is; of a pair neither is, nor is anything where half agree.
    assert np.flatnonzero(_outvoted(groups, labels)).tolist() == [2]


def test_arms_are_compared_face_by_face_over_all_fits():
    everything = np.array([True, True, False, False])
    figures = _compare(
        {
            "everything": [everything, everything],
            "10 dropped": [everything, np.array([True, True, True, False])],
        }
    )
    assert figures["everything"]["accuracy"] == 0.5
    assert figures["10 dropped"]["by_seed"] == [0.5, 0.75]
    assert figures["10 dropped"]["difference"] == pytest.approx(0.125)
    low, high = figures["10 dropped"]["interval"]
    assert 0 <= low <= 0.125 <= high
