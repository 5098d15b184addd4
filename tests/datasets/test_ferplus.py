"""Votes on faces: read, joined to the faces, and trained on."""

from pathlib import Path

import numpy as np
import pytest

from fer_ensemble.datasets import (
    EMOTIONS,
    DatasetError,
    FaceDataset,
    FERPlusVotes,
    join_ferplus,
    load_faces,
    load_ferplus,
    soft_label_rows,
    soft_training,
)
from fer_ensemble.datasets.ferplus import VOTES
from fer_ensemble.splitting import row_digests

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


# One expression in the columns of the file, for each of ours.
COLUMNS = [VOTES.index(name) for name in ("anger", "disgust", "fear", "happiness", "sadness")]


def test_weighted_rows_have_the_cross_entropy_of_the_distributions() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(7), 4)
    shares[1] = [0.5, 0, 0, 0.5, 0, 0, 0]
    shares[2] = np.nan  # no vote for any of the seven
    predicted = rng.dirichlet(np.ones(7), 4)
    rows, labels, weights = soft_label_rows(shares)
    log_loss = -(weights * np.log(predicted[rows, labels])).sum()
    usable = [0, 1, 3]
    expected = -(shares[usable] * np.log(predicted[usable])).sum()
    assert log_loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(np.bincount(rows, weights), [1, 1, 0, 1])


def test_a_classifier_learns_distributions_from_weighted_rows() -> None:
    from sklearn.linear_model import LogisticRegression

    X = np.repeat([[0.0], [1.0]], 50, axis=0)
    shares = np.repeat([[0.7, 0.3], [0.2, 0.8]], 50, axis=0)
    rows, labels, weights = soft_label_rows(shares)
    model = LogisticRegression(C=1e6).fit(X[rows], labels, sample_weight=weights)
    np.testing.assert_allclose(model.predict_proba([[0], [1]]), shares[[0, 50]], atol=1e-3)


@pytest.fixture
def voted_faces() -> FaceDataset:
    """Random faces of five classes; the last ten are copies of the first."""
    images = np.random.default_rng(0).integers(0, 256, (100, 48, 48), dtype=np.uint8)
    images[90:] = images[:10]
    names = np.array([f"row {row + 2}" for row in range(100)], object)
    return FaceDataset(images, np.arange(100) % 5, np.full(100, "train"), names)


@pytest.fixture
def six_to_four(voted_faces: FaceDataset) -> FERPlusVotes:
    """Six votes for the label and four for the next; one face in ten is said to be no face."""
    counts = np.zeros((100, 10), int)
    rows = np.arange(100)
    counts[rows, np.take(COLUMNS, voted_faces.labels)] = 6
    counts[rows, np.take(COLUMNS, (voted_faces.labels + 1) % 5)] = 4
    counts[::10] = 0
    counts[::10, VOTES.index("NF")] = 10
    return FERPlusVotes(counts, voted_faces.split, "fer2013new.csv", voted_faces.names)


def test_every_face_is_fitted_on_by_its_shares_or_held_out_by_its_majority(
    voted_faces, six_to_four
) -> None:
    soft = soft_training(voted_faces, six_to_four, test_size=0.2, random_state=0)
    rows = {digest: row for row, digest in enumerate(row_digests(voted_faces.images[:90]))}
    seen = [rows[digest] for digest in row_digests(soft.images)]
    shares = six_to_four.distributions[seen, soft.labels]
    np.testing.assert_allclose(soft.sample_weight, shares)
    assert set(np.round(soft.sample_weight, 12)) == {0.4, 0.6}
    assert soft.n_faces == soft.sample_weight.sum() == pytest.approx(len(soft.labels) / 2)
    held = soft.held_out
    np.testing.assert_array_equal(held.labels, six_to_four.of(held).majority)
    assert soft.n_faces + len(held) == 90  # the others have no vote for an expression
    assert 15 <= len(held) <= 20
    assert not np.isin(row_digests(held.images), row_digests(soft.images)).any()


def test_the_draw_depends_on_the_seed(voted_faces, six_to_four) -> None:
    first, again, other = (
        soft_training(voted_faces, six_to_four, random_state=seed).held_out.names.tolist()
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_held_out_faces_may_be_given(voted_faces, six_to_four) -> None:
    soft = soft_training(
        voted_faces.take(np.arange(60)), six_to_four, held_out=voted_faces.take([61, 70, 72])
    )
    assert soft.n_faces == 54
    assert soft.held_out.names.tolist() == ["row 63", "row 74"]  # the other has no majority


def test_without_a_majority_nothing_can_be_held_out(voted_faces, six_to_four) -> None:
    with pytest.raises(ValueError, match=r"No majority of fer2013new.csv for any of the 1 held"):
        soft_training(voted_faces, six_to_four, held_out=voted_faces.take([70]))
