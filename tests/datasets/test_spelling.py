"""Label sets of other tools, in one spelling."""

import pytest

from fer_ensemble.datasets.spelling import sort_classes, spell_classes


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
