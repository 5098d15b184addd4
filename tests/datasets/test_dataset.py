"""Data sets, the reports of how they were read, and the names of classes and splits."""

import numpy as np
import pytest

from fer_ensemble.datasets import (
    EMOTIONS,
    SPLITS,
    DatasetError,
    FaceDataset,
    ReadReport,
    emotion_names,
    parse_emotion,
)
from fer_ensemble.datasets.dataset import PROBLEM_KINDS
from fer_ensemble.datasets.labels import parse_split, sort_classes, spell_classes


def _dataset(split: list[str]) -> FaceDataset:
    n = len(split)
    return FaceDataset(
        images=np.arange(n, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8),
        labels=np.arange(n, dtype=np.int64) % 7,
        split=np.array(split),
        names=np.array([f"row {i + 2}" for i in range(n)], object),
    )


ALL = _dataset(["train", "train", "validation", "public_test", "private_test", "test"])


@pytest.mark.parametrize(
    ("split", "rows"),
    [
        ("train", [0, 1]),
        ("Training", [0, 1]),
        ("validation", [2]),
        ("public_test", [3]),
        ("public", [3]),
        ("private", [4]),
        ("private_test", [4]),
        ("test", [3, 4, 5]),
        ("all", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_select(split: str, rows: list[int]) -> None:
    chosen = ALL.select(split)
    assert len(chosen) == len(rows)
    assert chosen.images[:, 0, 0].tolist() == rows
    assert chosen.labels.tolist() == [ALL.labels[row] for row in rows]
    assert chosen.names.tolist() == [f"row {row + 2}" for row in rows]
    assert chosen.report is ALL.report


def test_an_empty_selection_says_what_there_is() -> None:
    only_train = _dataset(["train"] * 3)
    with pytest.raises(ValueError, match=r"no face in split 'public_test'.*train \(3\).*all"):
        only_train.select("public")


def test_an_unknown_split_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'dev'.*validation"):
        ALL.select("dev")


def test_class_counts_have_every_expression_in_order() -> None:
    assert ALL.class_counts() == {
        "angry": 1,
        "disgust": 1,
        "fear": 1,
        "happy": 1,
        "sad": 1,
        "surprise": 1,
        "neutral": 0,
    }


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="equally long"):
        FaceDataset(ALL.images, ALL.labels[:-1], ALL.split, ALL.names)


def test_dataset_cannot_be_reassigned() -> None:
    with pytest.raises(AttributeError):
        ALL.labels = ALL.labels[:1]  # type: ignore[misc]


def test_lines_count_and_name_the_first_places() -> None:
    report = ReadReport(unit="row")
    for row in (5, 9, 11, 12):
        report.add("wrong_pixel_count", f"row {row}", "3 pixels instead of 2304")
    report.add("unknown_label", "row 7", "unknown")
    assert report.lines(limit=2) == [
        "4 rows skipped: wrong pixel count (row 5, row 9, …)",
        "1 row skipped: unknown label (row 7)",
    ]
    assert report.lines(limit=4)[0].endswith("(row 5, row 9, row 11, row 12)")
    assert report.lines(limit=0)[0] == "4 rows skipped: wrong pixel count"
    assert report.summary() == "\n".join(report.lines())


def test_losses_stand_before_notes_and_only_they_count_as_lost() -> None:
    report = ReadReport()
    report.add("resized", "a.png", "resized from 64×64")
    report.add("unknown_class_folder", "contempt/", "12 pictures", count=12)
    assert report.n_lost == 12
    assert report.counts == {"resized": 1, "unknown_class_folder": 12}
    assert report.lines()[0].startswith("12 pictures skipped")
    assert report.lines()[1] == "1 picture resized to 48×48 (a.png)"


def test_no_problem_says_nothing() -> None:
    assert ReadReport().summary() == ""
    assert ReadReport().lines() == []


@pytest.mark.parametrize("kind", sorted(PROBLEM_KINDS))
def test_strict_stops_at_all_but_mere_notes(kind: str) -> None:
    report = ReadReport(source="faces.csv", strict=True)
    if kind in ("resized", "other_file", "other_expression", "several_frames"):
        report.add(kind, "row 5", "odd")
        assert report.counts == {kind: 1}
    else:
        with pytest.raises(DatasetError, match=r"faces\.csv, row 5: odd\. \w+"):
            report.add(kind, "row 5", "odd")


@pytest.mark.parametrize("kind", sorted(PROBLEM_KINDS))
def test_every_kind_of_problem_has_a_line(kind: str) -> None:
    report = ReadReport()
    report.add(kind, "here", "odd", count=1234)
    (line,) = report.lines()
    assert "(here)" in line
    assert "{" not in line


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
        (["Happiness", "SAD", "6"], ["happy", "sad", "6"]),
        (["anger", "contempt"], ["angry", "contempt"]),
        (["0", "1.0", "9"], ["0", "1", "9"]),
        (["3", "contempt", "joy"], ["3", "contempt", "happy"]),
        (["Cat", "cat"], ["Cat", "cat"]),
    ],
)
def test_expressions_get_one_spelling_and_other_names_stay(names, spelled):
    assert spell_classes(names) == dict(zip(names, spelled, strict=True))


def test_expressions_come_first_then_numbers_by_size():
    names = ["zebra", "10", "9", "neutral", "contempt", "angry", "angry"]
    assert sort_classes(names) == ("angry", "neutral", "9", "10", "contempt", "zebra")
