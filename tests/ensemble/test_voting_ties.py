"""How a voting ensemble decides ties, and when it abstains."""

from typing import Any

import numpy as np
import pytest

from tests.ensemble.stand_ins import NAMES, Reader, make_opinions, make_voting

ANGRY_OR_SAD = np.tile([0.5, 0.4, 0.1, 0.0, 0.3, 0.7], (40, 1))


def _undecided(**parameters: Any) -> Any:
    members = [("first", Reader(0)), ("second", Reader(1))]
    ensemble = make_voting(members, rule="majority", validation_fraction=None, **parameters)
    return ensemble.fit(ANGRY_OR_SAD, np.resize(NAMES, 40))


def test_ties_go_to_the_highest_mean_probability_and_not_to_the_lowest_index() -> None:
    assert set(_undecided().predict(ANGRY_OR_SAD)) == {"sad"}


def test_ties_go_where_they_are_said_to_go() -> None:
    assert set(_undecided(ties="priority").predict(ANGRY_OR_SAD)) == {"angry"}
    swapped = np.roll(ANGRY_OR_SAD, 3, axis=1)
    assert set(_undecided(ties="priority").predict(swapped)) == {"sad"}
    ensemble = _undecided(ties="random", random_state=0)
    drawn = ensemble.predict(ANGRY_OR_SAD)
    assert 8 < (drawn == "sad").sum() < 32
    np.testing.assert_array_equal(drawn, ensemble.predict(ANGRY_OR_SAD))
    other = ensemble.set_params(random_state=1).predict(ANGRY_OR_SAD)
    assert (drawn != other).any()


def test_a_tie_may_be_left_open() -> None:
    ensemble = _undecided(ties="abstain")
    np.testing.assert_allclose(ensemble.predict_proba(ANGRY_OR_SAD)[0], [0.5, 0, 0.5])
    assert set(ensemble.predict(ANGRY_OR_SAD)) == {"abstain"}
    certain = np.tile([0.1, 0.1, 0.8, 0.2, 0.1, 0.7], (2, 1))
    assert ensemble.predict(certain).tolist() == ["sad", "sad"]
    assert ensemble.set_params(abstain_label="?").predict(ANGRY_OR_SAD[:1]).tolist() == ["?"]


def test_other_ties_and_rules_can_be_asked_of_predictions_at_hand() -> None:
    ensemble = _undecided(ties="abstain")
    stacked = ensemble.predict_member_proba(ANGRY_OR_SAD[:1])
    np.testing.assert_allclose(ensemble.combine(stacked, "average"), [[0.25, 0.35, 0.4]])
    assert ensemble.combine(stacked, ties="mean_probability").argmax() == 2
    assert ensemble.combine(stacked, ties="priority").argmax() == 0
    with pytest.raises(ValueError, match="without held-out data"):
        ensemble.combine(stacked, "weighted")


def test_a_sample_that_is_too_unsure_gets_no_label() -> None:
    X, y = make_opinions(300)
    ensemble = make_voting([("right", Reader())], random_state=0).fit(X, y)
    confidence = X.max(axis=1)
    labels = ensemble.predict(X, min_confidence=0.6)
    np.testing.assert_array_equal(labels == "abstain", confidence < 0.6)
    np.testing.assert_array_equal(labels[confidence >= 0.6], ensemble.predict(X)[confidence >= 0.6])
    codes = np.searchsorted(np.sort(NAMES), y)
    numbers = ensemble.fit(X, codes).predict(X, min_confidence=0.6)
    assert numbers.dtype == codes.dtype
    np.testing.assert_array_equal(numbers == -1, confidence < 0.6)
    with pytest.raises(ValueError, match="abstain_label=2 is one of the classes"):
        ensemble.set_params(abstain_label=2).predict(X, min_confidence=0.6)
