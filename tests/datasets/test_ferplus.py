from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.datasets import (
    EMOTIONS,
    DatasetError,
    FERPlusVotes,
    join_ferplus,
    load_faces,
    load_ferplus,
)
from fer_ensemble.datasets.ferplus import VOTES

HEADER = (
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
)
ROWS = [
    "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0",
    "Training,fer0000001.png,0,8,0,0,0,0,0,0,2,0",
    "PublicTest,,0,0,0,0,0,0,0,0,0,10",
    "PrivateTest,fer0000003.png,2,0,0,2,0,0,0,6,0,0",
]


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def votes(tmp_path: Path) -> FERPlusVotes:
    return load_ferplus(write(tmp_path / "fer2013new.csv", [HEADER, *ROWS]))


def original(path: Path, usages: list[str], bad: int | None = None) -> Path:
    """A CSV as FER2013's; the face at `bad` has a pixel too few."""
    rows = ["emotion,pixels,Usage"]
    for i, usage in enumerate(usages):
        pixels = " ".join([str(i)] * (2304 - (i == bad)))
        rows.append(f"{i % 7},{pixels},{usage}")
    return write(path, rows)


def single(**counts: int) -> FERPlusVotes:
    row = [counts.get(name, 0) for name in VOTES]
    return FERPlusVotes(np.array([row]), np.array(["train"]))


def test_votes_are_read_in_the_order_of_the_file(votes: FERPlusVotes) -> None:
    assert len(votes) == 4
    assert votes.counts[0].tolist() == [4, 0, 0, 1, 3, 2, 0, 0, 0, 0]
    assert votes.split.tolist() == ["train", "train", "public_test", "private_test"]


def test_expressions_come_in_our_order(votes: FERPlusVotes) -> None:
    by_name = dict(zip(EMOTIONS, votes.expressions[0].tolist(), strict=True))
    assert by_name == {
        "angry": 3, "disgust": 2, "fear": 0, "happy": 0, "sad": 1, "surprise": 0, "neutral": 4,
    }  # fmt: skip


def test_distributions_leave_out_what_is_none_of_the_seven(votes: FERPlusVotes) -> None:
    shares = votes.distributions
    np.testing.assert_allclose(shares[0], [0.3, 0.2, 0, 0, 0.1, 0, 0.4])
    np.testing.assert_allclose(shares[1], np.eye(7)[3])
    assert np.isnan(shares[2]).all()
    np.testing.assert_allclose(shares[3], [0, 0, 0, 0, 0.5, 0, 0.5])


@pytest.mark.parametrize(
    ("counts", "label"),
    [
        ({"happiness": 6, "contempt": 4}, 3),
        ({"happiness": 5, "contempt": 5}, -1),
        ({"happiness": 4, "unknown": 6}, -1),
        ({"anger": 3, "disgust": 3, "NF": 1}, -1),
        ({"anger": 3, "disgust": 2, "neutral": 2, "sadness": 2, "fear": 1}, 0),
        ({"NF": 10}, -1),
        ({}, -1),
    ],
)
def test_majority_needs_more_votes_than_any_other_choice(counts, label) -> None:
    assert single(**counts).majority.tolist() == [label]


def test_votes_are_joined_by_row_number_past_rows_that_were_skipped(votes, tmp_path) -> None:
    usages = ["Training", "Training", "PublicTest", "PrivateTest"]
    faces = load_faces(original(tmp_path / "fer2013.csv", usages, bad=1))
    assert len(faces) == 3
    joined = join_ferplus(faces, votes)
    np.testing.assert_array_equal(joined.counts, votes.counts[[0, 2, 3]])
    assert joined.split.tolist() == faces.split.tolist()


def test_another_length_is_refused(votes, tmp_path) -> None:
    faces = load_faces(original(tmp_path / "fer2013.csv", ["Training"] * 3))
    with pytest.raises(DatasetError, match="votes on 4 faces, and there are 3 rows of faces"):
        join_ferplus(faces, votes)


def test_a_part_of_the_faces_is_refused(votes, tmp_path) -> None:
    usages = ["Training", "Training", "PublicTest", "PrivateTest"]
    faces = load_faces(original(tmp_path / "fer2013.csv", usages))
    with pytest.raises(DatasetError, match="select parts after"):
        join_ferplus(faces.select("train"), votes)


def test_another_usage_is_refused_with_its_row(votes, tmp_path) -> None:
    usages = ["Training", "Training", "PrivateTest", "PrivateTest"]
    faces = load_faces(original(tmp_path / "fer2013.csv", usages))
    with pytest.raises(DatasetError, match="row 4 belongs to private_test, but to public_test"):
        join_ferplus(faces, votes)


def test_blank_lines_are_refused_rather_than_joined_wrongly(votes, tmp_path) -> None:
    usages = ["Training", "Training", "PublicTest", "PrivateTest"]
    path = original(tmp_path / "fer2013.csv", usages)
    path.write_text(path.read_text().replace("\n", "\n\n", 1))
    with pytest.raises(DatasetError, match="row 6 is beyond the 4 rows of votes"):
        join_ferplus(load_faces(path), votes)


def test_pictures_cannot_be_joined(votes) -> None:
    from fer_ensemble.datasets import synthetic_dataset

    with pytest.raises(DatasetError, match="synthetic_00000 is no row of a CSV"):
        join_ferplus(synthetic_dataset(4, random_state=0), votes)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Training,x.png,4,0,0,-1,3,2,0,0,0,0", "row 6: '-1' is no count of votes .sadness"),
        ("Training,x.png,4,0,0,,3,2,0,0,0,0", "row 6: '' is no count"),
        ("Testing things,x.png,4,0,0,1,3,2,0,0,0,0", "row 6: unknown split 'Testing things'"),
        ("Training,x.png,4,0", "row 6 has 4 fields"),
    ],
)
def test_rows_that_cannot_be_read_are_named(tmp_path, row, message) -> None:
    with pytest.raises(DatasetError, match=message):
        load_ferplus(write(tmp_path / "votes.csv", [HEADER, *ROWS, row]))


def test_a_missing_column_is_named(tmp_path) -> None:
    rows = [line.rpartition(",")[0] for line in (HEADER, *ROWS)]
    with pytest.raises(DatasetError, match="no column 'NF'"):
        load_ferplus(write(tmp_path / "votes.csv", rows))


def test_votes_on_a_part_are_found_by_name(votes, tmp_path) -> None:
    usages = ["Training", "Training", "PublicTest", "PrivateTest"]
    faces = load_faces(original(tmp_path / "fer2013.csv", usages))
    joined = join_ferplus(faces, votes)
    part = joined.of(faces.take([3, 1, 1]))
    np.testing.assert_array_equal(part.counts, votes.counts[[3, 1, 1]])
    np.testing.assert_array_equal(joined.of(faces.select("test")).counts, votes.counts[2:])
    with pytest.raises(ValueError, match="row 4 is none of the faces"):
        joined.take([0, 1]).of(faces)
    with pytest.raises(ValueError, match="join_ferplus finds theirs"):
        votes.of(faces)


def test_votes_for_no_expression_stand_apart(votes) -> None:
    np.testing.assert_array_equal(votes.others, votes.counts[:, 7:])
    np.testing.assert_array_equal(
        votes.others.sum(axis=1) + votes.expressions.sum(axis=1), votes.counts.sum(axis=1)
    )
