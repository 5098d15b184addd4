import numpy as np
import pytest

from fer_ensemble.datasets import FaceDataset, FERPlusVotes, soft_label_rows, soft_training
from fer_ensemble.datasets.ferplus import VOTES
from fer_ensemble.splitting import row_digests

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
def faces() -> FaceDataset:
    """Random faces of five classes; the last ten are copies of the first."""
    images = np.random.default_rng(0).integers(0, 256, (100, 48, 48), dtype=np.uint8)
    images[90:] = images[:10]
    names = np.array([f"row {row + 2}" for row in range(100)], object)
    return FaceDataset(images, np.arange(100) % 5, np.full(100, "train"), names)


@pytest.fixture
def votes(faces: FaceDataset) -> FERPlusVotes:
    """Six votes for the label and four for the next; one face in ten is said to be no face."""
    counts = np.zeros((100, 10), int)
    rows = np.arange(100)
    counts[rows, np.take(COLUMNS, faces.labels)] = 6
    counts[rows, np.take(COLUMNS, (faces.labels + 1) % 5)] = 4
    counts[::10] = 0
    counts[::10, VOTES.index("NF")] = 10
    return FERPlusVotes(counts, faces.split, "fer2013new.csv", faces.names)


def test_every_face_is_fitted_on_by_its_shares_or_held_out_by_its_majority(faces, votes) -> None:
    soft = soft_training(faces, votes, test_size=0.2, random_state=0)
    rows = {digest: row for row, digest in enumerate(row_digests(faces.images[:90]))}
    seen = [rows[digest] for digest in row_digests(soft.images)]
    shares = votes.distributions[seen, soft.labels]
    np.testing.assert_allclose(soft.sample_weight, shares)
    assert set(np.round(soft.sample_weight, 12)) == {0.4, 0.6}
    assert soft.n_faces == soft.sample_weight.sum() == pytest.approx(len(soft.labels) / 2)
    held = soft.held_out
    np.testing.assert_array_equal(held.labels, votes.of(held).majority)
    assert soft.n_faces + len(held) == 90  # the others have no vote for an expression
    assert 15 <= len(held) <= 20
    assert not np.isin(row_digests(held.images), row_digests(soft.images)).any()


def test_the_draw_depends_on_the_seed(faces, votes) -> None:
    first, again, other = (
        soft_training(faces, votes, random_state=seed).held_out.names.tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_held_out_faces_may_be_given(faces, votes) -> None:
    soft = soft_training(faces.take(np.arange(60)), votes, held_out=faces.take([61, 70, 72]))
    assert soft.n_faces == 54
    assert soft.held_out.names.tolist() == ["row 63", "row 74"]  # the other has no majority


def test_without_a_majority_nothing_can_be_held_out(faces, votes) -> None:
    with pytest.raises(ValueError, match=r"No majority of fer2013new.csv for any of the 1 held"):
        soft_training(faces, votes, held_out=faces.take([70]))
