"""Numbers are written alike everywhere; their docstrings show how."""

import pytest

from fer_ensemble.evaluation import compare_predictions
from fer_ensemble.evaluation.report.wording import (
    tell_accuracy,
    tell_count,
    tell_duration,
    tell_gain,
    tell_millions,
)


def test_what_is_missing_is_a_dash():
    for tell in (tell_accuracy, tell_gain, tell_count, tell_millions, tell_duration):
        assert tell(None) == "–"


def test_a_difference_of_nothing_has_no_sign():
    assert tell_gain(compare_predictions([0, 1], [0, 1], [0, 1])) == "0.000 (0.000 to 0.000)"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(9.96, "10.0 s"), (59.6, "1 min 0 s"), (12.0, "12 s"), (3600, "1 h 0 min")],
)
def test_durations_round_to_their_units(seconds, told):
    assert tell_duration(seconds) == told
