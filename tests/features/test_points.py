"""Similarity transforms of points and of pixels."""

import numpy as np
import pytest

from fer_ensemble.features import mirror_points, point_errors
from fer_ensemble.features.points import (
    N_POINTS,
    PARTS,
    POINT_NAMES,
    Similarity,
    as_points,
    draw_similarity,
    eye_distance,
    fit_similarity,
)


@pytest.fixture
def change():
    return draw_similarity(5, 48, rotation=30, zoom=0.3, shift=4, random=np.random.RandomState(0))


def test_fit_finds_the_transform_that_was_applied(change):
    target = np.random.default_rng(1).uniform(0, 48, (10, 2))
    moved = change.inverse().apply(np.repeat(target[None], 5, axis=0))
    found = fit_similarity(moved.astype(float), target)
    np.testing.assert_allclose(found.factor, change.factor, rtol=1e-4)
    np.testing.assert_allclose(found.apply(moved), np.repeat(target[None], 5, axis=0), atol=1e-3)


def test_pixels_move_with_the_points(change):
    """A bright spot is found where its point was moved to."""
    faces = np.zeros((5, 48, 48), np.uint8)
    faces[:, 19:22, 25:28] = 255
    centre = np.repeat([[[26.5, 20.5]]], 5, axis=0)
    warped = change.warp(faces, 48).astype(float)
    total = warped.sum(axis=(1, 2))
    place = np.arange(48) + 0.5
    x = (warped.sum(axis=1) @ place) / total
    y = (warped.sum(axis=2) @ place) / total
    np.testing.assert_allclose(np.stack([x, y], 1), change.apply(centre)[:, 0], atol=0.15)


def test_no_change_keeps_every_pixel():
    faces = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    same = Similarity(np.ones(2, complex), np.zeros(2, complex))
    np.testing.assert_array_equal(same.warp(faces, 48), faces)


def test_a_border_of_repeated_pixels_changes_none(change):
    faces = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(change.warp(faces, 60, border=12), change.warp(faces, 60))


def test_draws_stay_within_their_bounds():
    drawn = draw_similarity(
        500, 48, rotation=10, zoom=0.1, shift=2, random=np.random.RandomState(0)
    )
    assert 9 < np.rad2deg(np.abs(np.angle(drawn.factor)).max()) <= 10
    assert 0.09 < np.abs(np.log(np.abs(drawn.factor))).max() <= 0.1
    centre = drawn.apply(np.full((500, 1, 2), 24.0))
    assert 1.9 < np.abs(centre - 24).max() <= 2.001


@pytest.fixture
def points():
    return np.random.default_rng(0).uniform(0, 48, (3, N_POINTS, 2))


def test_every_point_has_one_name():
    assert sorted(i for part in PARTS.values() for i in part) == list(range(N_POINTS))
    assert len(set(POINT_NAMES)) == N_POINTS
    assert POINT_NAMES[36] == "right_eye_0"
    assert POINT_NAMES[45] == "left_eye_3"


def test_mirrored_twice_is_as_before(points):
    mirrored = mirror_points(points, 48)
    np.testing.assert_allclose(mirror_points(mirrored, 48), points)
    assert not np.allclose(mirrored, points)


@pytest.mark.parametrize("sides", [("brow",), ("eye",)])
def test_mirror_exchanges_the_sides(points, sides):
    for part in sides:
        right, left = (list(PARTS[f"{side}_{part}"]) for side in ("right", "left"))
        mirrored = mirror_points(points, 48)
        assert set(mirrored[0, right, 1]) == set(points[0, left, 1])


def test_mirror_keeps_the_order_of_a_symmetric_shape():
    """A drawn face that is its own mirror image: every point must come back to its place."""
    angle = np.linspace(np.pi, 0, 17)
    face = np.zeros((1, N_POINTS, 2))
    face[0, :17] = np.stack([24 + 20 * np.cos(angle), 24 + 20 * np.sin(angle)], 1)
    face[0, 17:27, 0] = [6, 9, 12, 15, 18, 30, 33, 36, 39, 42]
    face[0, 17:27, 1] = [12, 11, 10, 11, 12, 12, 11, 10, 11, 12]
    face[0, 27:31] = [(24, y) for y in (16, 18, 20, 22)]
    face[0, 31:36] = [(20, 24), (22, 25), (24, 26), (26, 25), (28, 24)]
    eye = [(8, 16), (11, 14), (14, 14), (17, 16), (14, 18), (11, 18)]
    face[0, 36:42] = eye
    face[0, 42:48] = [(48 - eye[i][0], eye[i][1]) for i in (3, 2, 1, 0, 5, 4)]
    around = np.pi - np.arange(12) * np.pi / 6
    face[0, 48:60] = np.stack([24 + 8 * np.cos(around), 34 - 4 * np.sin(around)], 1)
    around = np.pi - np.arange(8) * np.pi / 4
    face[0, 60:68] = np.stack([24 + 6 * np.cos(around), 34 - 2 * np.sin(around)], 1)
    np.testing.assert_allclose(mirror_points(face, 48), face, atol=1e-6)


def test_error_is_in_units_of_the_eyes_distance(points):
    points[:, 36], points[:, 45] = (10, 10), (40, 50)
    np.testing.assert_allclose(eye_distance(points), 50)
    np.testing.assert_allclose(point_errors(points + np.array([3, 4]), points), 0.1)


def test_a_face_with_an_infinite_point_has_no_points(points):
    points[1, 5, 0] = np.inf
    assert np.isnan(as_points(points)).all(axis=(1, 2)).tolist() == [False, True, False]
    assert np.isinf(points[1, 5, 0])  # the caller's array stays as it is


@pytest.mark.parametrize("shape", [(68, 2), (3, 68), (3, 5, 2), (3, 68, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(n_samples, 68, 2\).*got an array of shape"):
        as_points(np.zeros(shape))
