import numpy as np
import pytest

from experiments.pretrained.choosing import Candidate, cheapest, choose_members

N_FACES = 700


@pytest.fixture
def y():
    return np.random.default_rng(0).integers(0, 7, N_FACES)


def candidate(name, y, *, skill, network=None, cost=None, n_bytes=10, seed=None):
    """A member that is right to a known degree, with errors of its own."""
    random = np.random.default_rng(len(name) if seed is None else seed)
    scores = random.normal(size=(len(y), 7)) + skill * np.eye(7)[y]
    probabilities = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return Candidate(name, probabilities, n_bytes, network, cost)


def networks(y):
    return [
        candidate("large", y, skill=2.5, network="a", cost=100, seed=1),
        candidate("small", y, skill=1.5, network="b", cost=1, seed=2),
    ]


def test_a_member_that_adds_nothing_is_left_out(y):
    good, copy = (candidate(name, y, skill=2, seed=3) for name in ("good", "copy"))
    kept, steps = choose_members([*networks(y), copy, good], y, 99)
    assert kept == ["large", "small", "good"]
    assert [step.left_out for step in steps] == ["copy", None]
    assert steps[0].contributions["copy"] == pytest.approx(0, abs=1e-5)
    assert steps[1].contributions["good"] > 0.01
    assert steps[0].n_bytes == 40
    assert steps[1].log_loss == pytest.approx(steps[0].log_loss, abs=1e-5)


def test_the_least_useful_goes_while_they_are_too_large(y):
    good = [candidate(name, y, skill=skill, seed=3 + skill) for name, skill in (("x", 1), ("z", 3))]
    kept, steps = choose_members([*networks(y), *good], y, 30)
    assert kept == ["large", "small", "z"]
    assert steps[0].left_out == "x"
    assert steps[0].contributions["x"] > 0


def test_two_kinds_of_networks_and_the_cheapest_stay(y):
    useless = [
        candidate("one", y, skill=0, network="a", cost=5, seed=8),
        candidate("two", y, skill=0, network="b", cost=3, seed=9),
        candidate("strong", y, skill=3),
    ]
    kept, steps = choose_members(useless, y, 99)
    assert kept == ["one", "two", "strong"]
    assert steps[0].contributions.keys() == {"strong"}
    with pytest.raises(ValueError, match="20 bytes, of at most 15"):
        choose_members([*networks(y), candidate("huge", y, skill=9, network="c", cost=0)], y, 15)


def test_networks_of_one_kind_are_refused(y):
    with pytest.raises(ValueError, match="two kinds"):
        choose_members([networks(y)[0], candidate("trees", y, skill=2)], y, 99)


def test_trees_and_features_are_never_the_cheapest(y):
    assert cheapest([candidate("trees", y, skill=2), *networks(y)]).name == "small"
    with pytest.raises(ValueError, match="network on faces"):
        cheapest([candidate("trees", y, skill=2)])
