"""Synthetic faces: the same for the same seed, drawn where the points say, not too easy."""

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.feature import hog
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from fer_ensemble.datasets import EMOTIONS, make_faces
from fer_ensemble.datasets.synthetic import SyntheticFaces

N_TRAIN, N_TEST = 1400, 700


@pytest.fixture(scope="module")
def faces() -> SyntheticFaces:
    return make_faces(N_TRAIN + N_TEST, random_state=0)


def _mean_of(measure: NDArray[np.float32], faces: SyntheticFaces, emotion: str) -> float:
    return float(measure[faces.labels == EMOTIONS.index(emotion)].mean())


def test_shapes_and_types(faces: SyntheticFaces) -> None:
    images, labels, points = faces
    n = N_TRAIN + N_TEST
    assert images.shape == (n, 48, 48)
    assert images.dtype == np.uint8
    assert labels.shape == (n,)
    assert labels.dtype == np.int64
    assert points.shape == (n, 68, 2)
    assert points.dtype == np.float32


def test_same_seed_gives_the_same_faces() -> None:
    first, again, other = (make_faces(30, random_state=seed) for seed in (5, 5, 6))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.images != other.images).mean() > 0.5


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_generators_are_drawn_from(kind: type) -> None:
    generator = kind(3)
    first, second = make_faces(5, random_state=generator), make_faces(5, random_state=generator)
    np.testing.assert_array_equal(first.images, make_faces(5, random_state=kind(3)).images)
    assert (first.images != second.images).any()


def test_without_a_seed_faces_differ() -> None:
    assert (make_faces(2).images != make_faces(2).images).any()


def test_fewer_faces_are_the_first_of_more(faces: SyntheticFaces) -> None:
    for few, many in zip(make_faces(10, random_state=0), faces, strict=True):
        np.testing.assert_array_equal(few, np.asarray(many)[:10])


@pytest.mark.parametrize("n_samples", [1, 7, 25])
def test_classes_are_as_equal_as_possible(n_samples: int) -> None:
    counts = np.bincount(make_faces(n_samples, random_state=0).labels, minlength=7)
    assert len(counts) == 7
    assert counts.max() - counts.min() <= 1


def test_classes_are_shuffled(faces: SyntheticFaces) -> None:
    # Neither in blocks nor in turn.
    assert 0.1 < (np.diff(faces.labels) == 1).mean() < 0.2


def test_pictures_have_contrast_and_are_not_saturated(faces: SyntheticFaces) -> None:
    assert 100 < faces.images.mean() < 160
    assert faces.images.std(axis=(1, 2)).min() > 5
    assert np.isin(faces.images, (0, 255)).mean() < 0.03


def test_points_lie_in_or_near_the_picture(faces: SyntheticFaces) -> None:
    assert faces.points.min() > -6
    assert faces.points.max() < 53
    outside = ((faces.points < 0) | (faces.points > 47)).any(axis=2)
    assert outside.mean() < 0.02


def test_points_stand_in_ibug_order(faces: SyntheticFaces) -> None:
    x, y = faces.points[..., 0], faces.points[..., 1]
    right_eye, left_eye = slice(36, 42), slice(42, 48)
    # The person's right is on the left of the picture.
    assert (x[:, right_eye].mean(axis=1) < x[:, left_eye].mean(axis=1)).all()
    assert (x[:, 0] < x[:, 36]).all()
    assert (x[:, 45] < x[:, 16]).all()
    assert (np.diff(x[:, 17:27], axis=1) > 0).mean() > 0.99
    brows, eyes = y[:, 17:27].mean(axis=1), y[:, 36:48].mean(axis=1)
    nose, mouth, chin = y[:, 33], y[:, 48:68].mean(axis=1), y[:, 8]
    assert (brows < eyes).all()
    assert (eyes < nose).all()
    assert (nose < mouth).all()
    assert (mouth < chin).all()
    assert (x[:, 48] < x[:, 54]).all()
    assert (y[:, 62] <= y[:, 66] + 0.5).all()


def test_pupils_are_drawn_where_the_points_say(faces: SyntheticFaces) -> None:
    # Cheeks lie halfway from an eye to the corner of the mouth, and are bare.
    rows = np.arange(len(faces.images))
    eye = faces.points[:, 36:42].mean(axis=1)
    cheek = (eye + faces.points[:, 48]) / 2 - (1, 0)

    def brightness(places: NDArray[np.float32]) -> NDArray[np.uint8]:
        x, y = np.rint(places).astype(int).T
        return faces.images[rows, y, x]

    assert (brightness(eye) < brightness(cheek)).mean() > 0.9


def test_expressions_move_the_features_they_should(faces: SyntheticFaces) -> None:
    y = faces.points[..., 1]
    opening = y[:, 66] - y[:, 62]
    corner_lift = y[:, [51, 57]].mean(axis=1) - y[:, [48, 54]].mean(axis=1)
    brow_lift = y[:, 36:48].mean(axis=1) - y[:, 17:27].mean(axis=1)
    eye_opening = y[:, [40, 41]].mean(axis=1) - y[:, [37, 38]].mean(axis=1)
    assert _mean_of(opening, faces, "surprise") > _mean_of(opening, faces, "neutral") + 2
    assert _mean_of(corner_lift, faces, "happy") > _mean_of(corner_lift, faces, "neutral") + 1
    assert _mean_of(corner_lift, faces, "neutral") > _mean_of(corner_lift, faces, "sad") + 1
    assert _mean_of(brow_lift, faces, "surprise") > _mean_of(brow_lift, faces, "neutral") + 1
    assert _mean_of(brow_lift, faces, "neutral") > _mean_of(brow_lift, faces, "angry") + 0.5
    assert _mean_of(eye_opening, faces, "fear") > _mean_of(eye_opening, faces, "disgust") + 1


def test_neither_too_hard_nor_too_easy_and_members_differ(faces: SyntheticFaces) -> None:
    views = {
        "hog": np.array([hog(f, 8, (8, 8), (2, 2), feature_vector=True) for f in faces.images]),
        "points": faces.points.reshape(len(faces.points), -1),
    }
    predicted = {
        name: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
        .fit(X[:N_TRAIN], faces.labels[:N_TRAIN])
        .predict(X[N_TRAIN:])
        for name, X in views.items()
    }
    for name, labels in predicted.items():
        accuracy = (labels == faces.labels[N_TRAIN:]).mean()
        assert 0.6 < accuracy < 0.97, f"{name}: {accuracy:.3f}"
    assert (predicted["hog"] != predicted["points"]).mean() > 0.1


@pytest.mark.parametrize("n_samples", [0, -3, 2.5, True, "10", None])
def test_bad_n_samples_is_an_error(n_samples: object) -> None:
    with pytest.raises(ValueError, match="n_samples must be a whole number of at least 1"):
        make_faces(n_samples)  # type: ignore[arg-type]


@pytest.mark.parametrize("random_state", [-1, "seed", 0.5])
def test_bad_random_state_is_an_error(random_state: object) -> None:
    with pytest.raises(ValueError, match="random_state must be a whole number of at least 0"):
        make_faces(1, random_state=random_state)  # type: ignore[arg-type]
