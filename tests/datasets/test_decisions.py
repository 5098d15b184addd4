from dataclasses import replace

import numpy as np
import pytest

from fer_ensemble.datasets import (
    EMOTIONS,
    DatasetError,
    Decision,
    Decisions,
    FaceDataset,
    read_decisions,
)


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    return FaceDataset(
        rng.integers(0, 256, (5, 48, 48), np.uint8),
        np.array([0, 1, 2, 3, 4]),
        np.array(["train", "train", "train", "train", "public_test"]),
        np.array(["a.png", "b.png", "c.png", "d, 4.png", "a.png"], object),
    )


def decide(*entries):
    return Decisions(tuple(Decision(*entry) for entry in entries), "decisions.csv")


def test_faces_are_left_out_and_relabelled_as_decided(faces):
    found, record = decide(
        ("train", "a.png", "angry", "sad", "sad"),
        ("train", "b.png", "disgust", "", "drop"),
        ("train", "c.png", "fear", "happy", "keep"),
        ("train", "d, 4.png", "happy", "sad", ""),
        ("public_test", "a.png", "sad", "", "drop"),
    ).follow(faces.select("train"))
    assert found.names.tolist() == ["a.png", "c.png", "d, 4.png"]
    assert [EMOTIONS[label] for label in found.labels] == ["sad", "fear", "happy"]
    assert record == {"source": "decisions.csv", "n_dropped": 1, "n_relabelled": 1}
    # The faces given are as they were.
    assert faces.labels.tolist() == [0, 1, 2, 3, 4]


def test_decisions_are_read_as_they_were_written(faces, tmp_path):
    written = decide(("train", "d, 4.png", "happy", "", "drop", 0.5, 'no "face"'))
    written.write(tmp_path / "new" / "decisions.csv")
    read = read_decisions(tmp_path / "new" / "decisions.csv")
    assert read.entries == written.entries
    read.check(faces)


def test_three_columns_are_enough_and_labels_are_spelled_as_people_do(tmp_path, faces):
    file = tmp_path / "mine.csv"
    file.write_text("name,given,decision\nc.png,Fear,Happiness\nb.png,1,DROP\n")
    read = read_decisions(file)
    read.check(faces)
    found, _ = read.follow(faces)
    assert found.names.tolist() == ["a.png", "c.png", "d, 4.png", "a.png"]
    assert EMOTIONS[found.labels[1]] == "happy"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (("train", "z.png", "angry"), "row 3: train z.png is none of the 5 faces"),
        (("train", "a.png", "sad"), "row 3: train a.png is labelled angry in .* and sad where"),
        (("", "a.png", "angry"), "row 3: a.png is labelled angry or sad in"),
        (("train", "b.png", "disgust"), "row 3: train b.png was decided on in row 2 already"),
    ],
)
def test_decisions_on_other_data_are_refused_with_their_row(faces, entry, told):
    with pytest.raises(DatasetError, match=told):
        decide(("train", "b.png", "disgust"), entry).check(faces)


def test_what_is_no_decision_is_refused_with_its_row(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("name,given,decision\na.png,fear,keep\nb.png,fear,delete\n")
    with pytest.raises(DatasetError, match=r"mine.csv, row 3: a decision is keep, drop or a label"):
        read_decisions(file)


def test_copies_that_balancing_made_follow_their_face(faces):
    repeated = replace(faces).take([0, 0, 1])
    found, record = decide(("train", "a.png", "angry", "", "drop")).follow(repeated)
    assert found.names.tolist() == ["b.png"]
    assert record["n_dropped"] == 2
