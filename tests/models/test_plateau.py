"""The rate falls after epochs without improvement, and goes on where it was."""

from fer_ensemble.models.plateau import Plateau

PARAMS = {"factor": 0.5, "patience": 2, "min_lr": 0.003}


def factors(plateau, improvements):
    found = []
    for improved in improvements:
        plateau.watched(improved)
        found.append(plateau.factor)
    return found


def test_the_rate_falls_when_patience_is_over_and_not_below_its_end():
    epochs = [True, False, False, False, True, False, False, False, False]
    assert factors(Plateau(PARAMS, 0.01), epochs) == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]


def test_a_plateau_goes_on_where_another_stopped():
    whole, first, second = (Plateau(PARAMS, 0.01) for _ in range(3))
    factors(first, [True, False])
    second.resume(*first.state())
    assert factors(whole, [True, False, False, False])[2:] == factors(second, [False, False])


def test_a_rate_of_zero_stays():
    assert factors(Plateau({**PARAMS, "patience": 1}, 0.0), [False, False]) == [1, 1]
