"""Landmarks as a transformer: outputs, points from elsewhere, and what saving keeps."""

import cv2
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.artifact.member_files import dump_member, load_member
from fer_ensemble.datasets import make_faces
from fer_ensemble.features import Landmarks, geometry, geometry_names, load_landmark_regressor
from fer_ensemble.features.cascade import gradient_descriptor
from fer_ensemble.features.point_features import local_hog, local_hog_names
from fer_ensemble.features.points import draw_similarity


class Finder:
    """A tool of the user's: its points are those of the eyes and nothing else."""

    def __init__(self, points):
        self.points = points

    def predict(self, faces):
        return np.repeat(self.points, len(faces), axis=0)


@pytest.fixture(scope="module")
def points(faces):
    return load_landmark_regressor().predict(faces[0])


def test_outputs_stand_in_the_order_asked(faces):
    images, regressor = faces[0][:5], load_landmark_regressor()
    points = regressor.predict(images)
    given = {
        "points": points.reshape(5, -1),
        "geometry": geometry(points),
        "hog": local_hog(images, points, regressor.shape_),
    }
    for output in ("points", "geometry", "hog", ("hog", "points"), ("geometry", "hog")):
        landmarks = Landmarks(output=output)
        features = landmarks.fit_transform(images)
        asked = (output,) if isinstance(output, str) else output
        expected = np.concatenate([given[name] for name in asked], axis=1)
        np.testing.assert_allclose(features, expected, atol=1e-4)
        assert features.dtype == np.float32
        assert features.shape[1] == landmarks.n_features_out_
        assert len(set(landmarks.get_feature_names_out())) == landmarks.n_features_out_


def test_a_face_is_described_alike_in_any_company(faces):
    images = faces[0][:70]
    landmarks = Landmarks(output=("geometry", "hog")).fit(images)
    together = landmarks.transform(images)
    for i in (0, 63, 64, 69):
        np.testing.assert_array_equal(landmarks.transform(images[i : i + 1])[0], together[i])
    np.testing.assert_array_equal(landmarks.transform(images[::-1]), together[::-1])


def test_names_tell_what_they_are(faces):
    names = Landmarks(output=("points", "geometry", "hog")).fit(faces[0]).get_feature_names_out()
    assert {"left_eye_0_x_px", "left_eye_0_x", "mouth_openness", "hog_jaw_8_0"} <= set(names)
    landmarks = Landmarks().fit(faces[0])
    assert landmarks.get_feature_names_out().tolist() == geometry_names()


def test_given_points_are_taken_and_missing_ones_found(faces, points):
    images, given = faces[0][:4], points[:4] + 3.0
    given[2, 7, 0] = np.nan
    landmarks = Landmarks(output="points").fit(images)
    expected = given.copy()
    expected[2] = points[2]
    features = landmarks.transform(images, points=given)
    np.testing.assert_allclose(features, expected.reshape(4, -1), atol=1e-3)


def test_a_finder_of_the_users_is_asked(faces, points):
    images = faces[0][:3]
    landmarks = Landmarks(output="points", regressor=Finder(points[:1] / 2)).fit(images)
    np.testing.assert_allclose(landmarks.transform(images)[2], points[0].ravel() / 2, atol=1e-5)
    nowhere = Finder(np.full((1, 68, 2), np.nan))
    for output in ("points", "geometry", "hog"):
        assert np.isnan(Landmarks(output, regressor=nowhere).fit_transform(images)).all()


def test_frozen_regressor_survives_cloning(faces):
    frozen = FrozenEstimator(load_landmark_regressor())
    steps = Landmarks(regressor=frozen), StandardScaler(), GaussianNB()
    pipeline = clone(make_pipeline(*steps))
    images, labels = faces
    assert pipeline.fit(images, labels).score(images, labels) > 0.5


def test_saved_member_brings_its_weights(faces, monkeypatch):
    """A later version's other weights do not change what a saved member predicts."""
    images = faces[0][:5]
    landmarks = Landmarks(output=("geometry", "hog")).fit(images)
    again = load_member("landmarks", dump_member("landmarks", landmarks))
    monkeypatch.setattr(
        "fer_ensemble.features.landmarks.load_landmark_regressor", lambda: pytest.fail("loaded")
    )
    np.testing.assert_array_equal(again.transform(images), landmarks.transform(images))


def test_wrong_input_is_named(faces, points):
    images = faces[0][:3]
    with pytest.raises(NotFittedError):
        Landmarks().transform(images)
    with pytest.raises(ValueError, match=r"output='eyes': choose 'points', 'geometry', 'hog'"):
        Landmarks(output="eyes").fit(images)
    with pytest.raises(ValueError, match=r"output=\(\): choose"):
        Landmarks(output=()).fit(images)
    with pytest.raises(ValueError, match=r"got uint8 of shape \(3, 2304\)"):
        Landmarks().fit(images.reshape(3, -1))
    with pytest.raises(ValueError, match="3 faces but points of 2"):
        Landmarks().fit(images).transform(images, points=points[:2])


@pytest.mark.slow
def test_a_linear_classifier_on_landmarks_knows_expressions(fer2013):
    rng = np.random.default_rng(0)
    train, test = (
        part.take(rng.permutation(len(part))[:2500])
        for part in (fer2013.select("train"), fer2013.select("public_test"))
    )
    most_frequent = np.bincount(test.labels).max() / len(test)
    for output, gain in {"geometry": 0.15, "hog": 0.2}.items():
        classifier = make_pipeline(Landmarks(output), StandardScaler(), RidgeClassifier(1000))
        score = classifier.fit(train.images, train.labels).score(test.images, test.labels)
        assert score > most_frequent + gain


@pytest.fixture(scope="module")
def found(faces):
    regressor, images = load_landmark_regressor(), faces[0][:6]
    return images, regressor.predict(images), regressor.shape_


def test_names_are_one_for_each_column(found):
    features = local_hog(*found)
    assert features.shape == (6, len(local_hog_names()))
    assert features.dtype == np.float32
    assert len(set(local_hog_names())) == features.shape[1]


def test_each_window_is_normalised(found):
    lengths = np.linalg.norm(local_hog(*found).reshape(6, -1, 32), axis=2)
    assert np.median(lengths) == pytest.approx(1, abs=0.02)
    assert lengths.max() < 1.01


def test_turned_face_looks_the_same(found):
    images, points, shape = found
    big = images.repeat(4, axis=1).repeat(4, axis=2)
    change = draw_similarity(
        6, 192, rotation=20, zoom=0.05, shift=4, random=np.random.RandomState(0)
    )
    upright = local_hog(big, points * 4, shape)
    turned = local_hog(change.warp(big, 192), change.apply(points * 4), shape)
    shuffled = np.roll(upright, 1, axis=0)
    assert np.abs(turned - upright).mean() < 0.3 * np.abs(shuffled - upright).mean()


def test_a_change_at_the_mouth_leaves_the_brows_alone(found):
    images, points, shape = found
    changed = images.copy()
    changed[:, 34:42, 18:30] = np.random.default_rng(0).integers(0, 256, (6, 8, 12))
    differs = (local_hog(images, points, shape) != local_hog(changed, points, shape)).any(axis=0)
    by_part = {
        part: np.mean([d for d, n in zip(differs, local_hog_names(), strict=True) if part in n])
        for part in ("brow", "lips")
    }
    assert by_part["lips"] > 0.9
    assert by_part["brow"] == 0


def test_faces_without_points_are_nan(found):
    images, points, shape = found
    points = points.copy()
    points[2], points[4] = np.nan, 24
    missing = np.isnan(local_hog(images, points, shape)).all(axis=1)
    assert missing.tolist() == [False, False, True, False, True, False]
    assert np.isnan(local_hog(images, np.full_like(points, np.nan), shape)).all()


def test_points_far_outside_still_have_a_window(found):
    images, points, shape = found
    points = points.copy()
    points[:, 8] += 500
    assert np.isfinite(local_hog(images, points, shape)).all()


def test_an_opencv_without_descriptors_is_named_with_the_remedy(monkeypatch):
    gradient_descriptor.cache_clear()
    monkeypatch.delattr(cv2, "HOGDescriptor")
    images = make_faces(2, random_state=0).images
    with pytest.raises(ImportError, match=r"OpenCV 4: .*opencv-python-headless<5"):
        Landmarks().fit_transform(images)
