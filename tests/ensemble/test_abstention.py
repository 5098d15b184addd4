"""Labels, and where there is none."""

from typing import Any

import numpy as np
import pytest

from fer_ensemble.ensemble.abstention import choose_labels

SURE, UNSURE, LEVEL = [0.8, 0.1, 0.1], [0.3, 0.5, 0.2], [0.4, 0.2, 0.4]
PROBABILITIES = np.array([SURE, UNSURE, LEVEL])
WORDS = np.array(["angry", "happy", "sad"])


def _choose(classes: Any = WORDS, **changes: Any) -> Any:
    defaults = {"min_confidence": 0.0, "abstain_on_ties": False, "abstain_label": None}
    return choose_labels(PROBABILITIES, np.asarray(classes), **{**defaults, **changes})


def test_without_a_wish_to_abstain_every_sample_gets_a_label() -> None:
    labels = _choose()
    assert labels.tolist() == ["angry", "happy", "angry"]
    assert labels.dtype == WORDS.dtype


def test_below_the_confidence_there_is_no_label() -> None:
    assert _choose(min_confidence=0.5).tolist() == ["angry", "happy", "abstain"]
    assert _choose(min_confidence=0.51).tolist() == ["angry", "abstain", "abstain"]
    assert _choose(min_confidence=1.0).tolist() == ["abstain"] * 3


def test_only_ties_can_be_left_open() -> None:
    assert _choose(abstain_on_ties=True).tolist() == ["angry", "happy", "abstain"]


@pytest.mark.parametrize(
    ("classes", "label", "expected"),
    [
        (["a", "b", "c"], None, ["a", "b", "abstain"]),
        (["a", "b", "c"], "nobody knows", ["a", "b", "nobody knows"]),
        (np.array(["a", "b", "c"], dtype=object), None, ["a", "b", "abstain"]),
        ([0, 1, 2], None, [0, 1, -1]),
        (np.array([0, 1, 2], dtype=np.uint8), None, [0, 1, -1]),
        ([0.5, 1.5, 2.5], None, [0.5, 1.5, -1]),
        ([0, 1, 2], 99, [0, 1, 99]),
        ([0, 1, 2], "unsure", [0, 1, "unsure"]),
        (["a", "b", "c"], -1, ["a", "b", -1]),
    ],
)
def test_labels_keep_their_type_beside_the_label_of_abstention(
    classes: Any, label: Any, expected: Any
) -> None:
    labels = _choose(classes, abstain_on_ties=True, abstain_label=label)
    assert labels.tolist() == expected
    assert [type(value) for value in labels.tolist()[:2]] == [type(v) for v in expected[:2]]


@pytest.mark.parametrize(("classes", "label"), [(WORDS, "sad"), ([0, 1, 2], 2), ([-1, 0, 1], None)])
def test_a_class_cannot_stand_for_abstention(classes: Any, label: Any) -> None:
    with pytest.raises(ValueError, match="is one of the classes: choose another label"):
        _choose(classes, abstain_on_ties=True, abstain_label=label)


@pytest.mark.parametrize("confidence", [-0.1, 1.1, np.nan])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="min_confidence must lie between 0 and 1"):
        _choose(min_confidence=confidence)
