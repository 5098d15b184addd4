"""Gradients around points: they follow the points, and see only what is near them."""

import numpy as np
import pytest

from fer_ensemble.features import load_landmark_regressor
from fer_ensemble.features.alignment import draw_similarity
from fer_ensemble.features.local_hog import local_hog, local_hog_names


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
