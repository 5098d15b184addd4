"""Learning rates as worked out by hand, and a training that ends when its time does."""

import json

import numpy as np
import pytest

from fer_ensemble.models.schedules import SCHEDULES, Pace, Plateau, rate_factor, schedule_params


class Clock:
    """A clock that stands still until it is set forward."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def factor(schedule, progress, step=0, cut_short=False, **params):
    return rate_factor(schedule, schedule_params(schedule, params), progress, step, cut_short)


def train(pace, clock, seconds, *, steps_per_epoch=10, validation=0.0, n_steps=None):
    """Take steps of so many seconds, as the training loop does; return the progress after each."""
    progress = []
    while not pace.finished and len(progress) != n_steps:
        clock.now += seconds(pace.step)
        pace.advance()
        progress.append(pace.progress)
        if pace.step % steps_per_epoch == 0 or pace.finished:
            clock.now += validation
            pace.end_validation()
    return progress


def test_groups_of_steps_are_counted_as_the_steps_are():
    clock = Clock()
    one, many = Pace(100, 10, None, clock), Pace(100, 10, None, clock)
    foreseen = [many.progress_after(n) for n in range(8)]
    for n in range(8):
        assert one.progress == pytest.approx(foreseen[n])
        one.advance()
    many.advance(8)
    assert many.progress == pytest.approx(one.progress)
    assert (many.step, many.epoch, many.remaining) == (8, 0.8, 92)


def test_groups_are_as_large_as_their_time_allows():
    clock = Clock()
    pace = Pace(10_000, 100, None, clock)
    sizes = []
    for seconds in (60.0, 0.125, 0.125, 0.5):
        sizes.append(pace.next_group(seconds=2.0))
        # The first steps compile; the others take 0.125 s each, and 0.5 s in the end.
        clock.now += seconds * sizes[-1]
        pace.advance(sizes[-1])
    assert sizes == [2, 18, 16, 16]
    assert 4 <= pace.next_group(seconds=2.0) < 16
    last = Pace(3, 3, None, clock)
    last.advance(2)
    assert last.next_group(seconds=2.0) >= 1


def test_steps_that_something_was_compiled_for_are_not_timed():
    clock = Clock()
    pace = Pace(1000, 100, 1000.0, clock)
    for _ in range(40):
        clock.now += 1.0
        pace.advance()
    before = pace.remaining
    clock.now += 200.0
    pace.advance(compiled=True)
    # The time is gone, but the steps to come are as quick as before.
    assert pace.remaining == pytest.approx(before - 201, abs=1)


@pytest.mark.parametrize(
    ("progress", "expected"), [(0, 0.04), (0.125, 0.52), (0.25, 1), (0.5, 0.75), (1, 0)]
)
def test_one_cycle_warms_up_in_a_line_and_comes_down_along_a_cosine(progress, expected):
    assert factor("one_cycle", progress) == pytest.approx(expected)
    # It comes down by itself, so that a shorter training is the same curve.
    assert factor("one_cycle", progress, cut_short=True) == pytest.approx(expected)


def test_one_cycle_takes_its_parameters():
    assert factor("one_cycle", 0, div_factor=10) == pytest.approx(0.1)
    assert factor("one_cycle", 0.5, warm_up=0.5) == pytest.approx(1)
    assert factor("one_cycle", 0, warm_up=0) == pytest.approx(1)


@pytest.mark.parametrize(("progress", "expected"), [(0, 1), (1 / 3, 0.75), (0.5, 0.5), (1, 0)])
def test_cosine_and_whatever_is_cut_short_come_down(progress, expected):
    assert factor("cosine", progress) == pytest.approx(expected)
    for schedule in ("plateau", "constant", "inverse_time"):
        assert factor(schedule, progress, cut_short=True) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("progress", "expected"), [(0, 0), (0.05, 0.5), (0.1, 1), (0.55, 0.5), (1, 0)]
)
def test_cosine_may_warm_up_from_zero(progress, expected):
    for cut_short in (False, True):
        found = factor("cosine", progress, cut_short=cut_short, warm_up=0.1)
        assert found == pytest.approx(expected)


def test_inverse_time_divides_by_the_steps():
    assert factor("inverse_time", 0.9, step=100, decay_rate=0.01) == pytest.approx(0.5)
    assert factor("inverse_time", 0.9, step=10**6) == pytest.approx(0.5)
    assert factor("inverse_time", 0.5, 100, cut_short=True, decay_rate=0.01) == pytest.approx(0.25)


def test_plateau_and_constant_stay_where_the_loop_puts_them():
    for schedule in ("plateau", "constant"):
        assert factor(schedule, 0.9, step=100) == 1


def test_parameters_are_completed_and_wrong_ones_named():
    assert schedule_params("plateau", {"factor": 0.5}) == {**SCHEDULES["plateau"], "factor": 0.5}
    assert schedule_params("constant", None) == {}
    assert schedule_params("cosine", {"warm_up": 0.1}) == {"warm_up": 0.1}
    assert SCHEDULES["plateau"]["factor"] == 0.25
    with pytest.raises(ValueError, match=r"'one_cycle' has no \['factor'\]; it has \['div_factor'"):
        schedule_params("one_cycle", {"factor": 0.5})


def test_without_a_budget_steps_are_counted():
    clock = Clock()
    pace = Pace(40, 10, None, clock)
    progress = train(pace, clock, lambda step: 1 + step)
    np.testing.assert_allclose(progress, np.arange(1, 41) / 40)
    assert progress[-1] == 1
    assert (pace.step, pace.epoch, pace.cut_short) == (40, 4, False)


@pytest.mark.parametrize("validation", [0.0, 5.0])
@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(lambda step: 1.0, id="even"),
        pytest.param(lambda step: 15.0 if step == 0 else 1.0, id="slow start"),
        pytest.param(lambda step: 1.0 if step < 120 else 2.0, id="slower half-way"),
        pytest.param(lambda step: 2.0 if step < 60 else 1.0, id="faster half-way"),
        pytest.param(lambda step: 0.5 + step % 2, id="uneven"),
    ],
)
def test_a_budget_is_kept_and_used(seconds, validation):
    clock = Clock()
    pace = Pace(10**6, 50, 250.0, clock)
    progress = train(pace, clock, seconds, steps_per_epoch=50, validation=validation)
    # No longer than a step beyond, and no shorter than a step and its share of a validation.
    assert 250 - 2.5 - validation / 50 <= pace.elapsed <= 250 + 2.5
    assert pace.elapsed == pytest.approx(clock.now - 100)
    assert pace.cut_short
    assert np.all(np.diff(progress) >= 0)
    assert 0.97 < progress[-1] <= 1


def test_progress_goes_with_the_time_where_steps_are_even():
    clock = Clock()
    progress = train(Pace(10**6, 50, 250.0, clock), clock, lambda step: 1.0)
    np.testing.assert_allclose(progress[9::60], np.arange(10, 251, 60) / 250, atol=0.015)


def test_a_budget_for_everything_changes_nothing():
    clock = Clock()
    pace = Pace(100, 10, 1000.0, clock)
    progress = train(pace, clock, lambda step: 1.0, validation=1.0)
    np.testing.assert_allclose(progress, np.arange(1, 101) / 100)
    assert not pace.cut_short


def test_a_resumed_training_has_the_time_that_is_left():
    clock = Clock()
    pace = Pace(10**6, 50, 250.0, clock)
    train(pace, clock, lambda step: 1.0, n_steps=120)
    state = json.loads(json.dumps(pace.state()))
    clock.now += 10_000
    resumed = Pace(10**6, 50, 250.0, clock)
    resumed.resume(*state)
    assert (resumed.progress, resumed.step, resumed.cut_short) == (pace.progress, 120, True)
    # The first step is slow again.
    progress = train(resumed, clock, lambda step: 20.0 if step == 120 else 1.0)
    assert resumed.elapsed == pytest.approx(250, abs=2)
    assert np.all(np.diff(progress) >= 0)
    assert progress[-1] > 0.97


def test_a_finished_training_stays_finished_unless_it_is_given_more_time():
    clock = Clock()
    pace = Pace(10**6, 50, 250.0, clock)
    train(pace, clock, lambda step: 1.0, validation=5.0)
    for budget, finished in ((250.0, True), (500.0, False)):
        resumed = Pace(10**6, 50, budget, clock)
        resumed.resume(*pace.state())
        assert resumed.finished is finished
    counted = Pace(10, 10, None, clock)
    train(counted, clock, lambda step: 1.0)
    resumed = Pace(10, 10, None, clock)
    resumed.resume(*counted.state())
    assert resumed.finished


def test_steps_left_are_shown_by_time():
    clock = Clock()
    pace = Pace(1000, 10, 100.0, clock)
    assert pace.remaining == 1000
    train(pace, clock, lambda step: 1.0, n_steps=40)
    assert pace.remaining == 60


PARAMS = {"factor": 0.5, "patience": 2, "min_lr": 0.003}


def factors(plateau, improvements):
    found = []
    for improved in improvements:
        plateau.end_epoch(improved)
        found.append(plateau.factor)
    return found


def test_the_rate_falls_when_patience_is_over_and_not_below_its_end():
    epochs = [True, False, False, False, True, False, False, False, False]
    assert factors(Plateau(PARAMS, 0.01), epochs) == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]


def test_a_resumed_plateau_counts_the_epochs_before():
    whole, first, second = (Plateau(PARAMS, 0.01) for _ in range(3))
    factors(first, [True, False])
    second.resume(*first.state())
    assert factors(whole, [True, False, False, False])[2:] == factors(second, [False, False])


def test_a_rate_of_zero_stays():
    assert factors(Plateau({**PARAMS, "patience": 1}, 0.0), [False, False]) == [1, 1]
