"""Landmarks as a transformer: outputs, points from elsewhere, and what saving keeps."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.artifact.members import dump_member, load_member
from fer_ensemble.features import Landmarks, geometry, geometry_names, load_landmark_regressor
from fer_ensemble.features.local_hog import local_hog


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
    with pytest.raises(ValueError, match=r"got an array of shape \(3, 2304\)"):
        Landmarks().fit(images.reshape(3, -1))
    with pytest.raises(ValueError, match="3 faces but points of 2"):
        Landmarks().fit(images).transform(images, points=points[:2])
