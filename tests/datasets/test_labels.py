"""Label sets of other tools, in one spelling."""

import numpy as np
import pytest

from fer_ensemble.datasets import EMOTIONS, SPLITS, emotion_names, parse_emotion
from fer_ensemble.datasets.labels import parse_split, sort_classes, spell_classes


def test_order_is_that_of_fer2013() -> None:
    assert EMOTIONS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("anger", "angry"),
        ("ANGRY", "angry"),
        ("disgusted", "disgust"),
        ("Fearful", "fear"),
        ("happiness", "happy"),
        (" Sadness\t", "sad"),
        ("Surprised", "surprise"),
        ("neutrality", "neutral"),
        ("0", "angry"),
        (" 6 ", "neutral"),
    ],
)
def test_parse_emotion_spellings(spelling: str, name: str) -> None:
    assert EMOTIONS[parse_emotion(spelling)] == name


def test_parse_emotion_reads_its_own_names_and_digits() -> None:
    assert [parse_emotion(name) for name in EMOTIONS] == list(range(7))
    assert [parse_emotion(str(label)) for label in range(7)] == list(range(7))


@pytest.mark.parametrize("name", ["contempt", "", "7", "-1", "1.0", "happy sad", "٣"])
def test_parse_emotion_refuses_and_lists_what_is_accepted(name: str) -> None:
    with pytest.raises(ValueError, match=r"angry/anger.*neutral"):
        parse_emotion(name)


def test_parse_emotion_does_not_repeat_a_huge_name() -> None:
    with pytest.raises(ValueError, match="unknown expression") as caught:
        parse_emotion("x" * 100_000)
    assert len(str(caught.value)) < 300


def test_emotion_names() -> None:
    assert emotion_names(np.array([0, 3, 6])) == ["angry", "happy", "neutral"]
    assert emotion_names(["joy", "bored"]) == ["joy", "bored"]
    assert emotion_names([7, -1, 2]) == ["7", "-1", "fear"]
    assert all(type(name) is str for name in emotion_names(np.array(["a", "b"])))


@pytest.mark.parametrize(
    ("spelling", "part"),
    [
        ("Training", "train"),
        ("TRAIN", "train"),
        ("val", "validation"),
        ("valid", "validation"),
        ("testing", "test"),
        ("PublicTest", "public_test"),
        ("public_test", "public_test"),
        ("public", "public_test"),
        (" Private-Test ", "private_test"),
    ],
)
def test_parse_split_spellings(spelling: str, part: str) -> None:
    assert part in SPLITS
    assert parse_split(spelling) == part


def test_parse_split_refuses_and_lists_what_is_accepted() -> None:
    with pytest.raises(ValueError, match=r"'dev'.*public_test"):
        parse_split("dev")


@pytest.mark.parametrize(
    ("names", "spelled"),
    [
        (["Happiness", "SAD", "6"], ["happy", "sad", "neutral"]),
        (["anger", "contempt"], ["angry", "contempt"]),
        (["0", "1", "9"], ["0", "1", "9"]),
        (["3", "contempt", "joy"], ["3", "contempt", "happy"]),
        (["Cat", "cat"], ["Cat", "cat"]),
    ],
)
def test_expressions_get_one_spelling_and_other_names_stay(names, spelled):
    assert spell_classes(names) == dict(zip(names, spelled, strict=True))


def test_expressions_come_first_then_numbers_by_size():
    names = ["zebra", "10", "9", "neutral", "contempt", "angry", "angry"]
    assert sort_classes(names) == ("angry", "neutral", "9", "10", "contempt", "zebra")
