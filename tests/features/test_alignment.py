"""Similarity transforms of points and of pixels."""

import numpy as np
import pytest

from fer_ensemble.features.alignment import Similarity, draw_similarity, fit_similarity


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


def test_draws_stay_within_their_bounds():
    drawn = draw_similarity(
        500, 48, rotation=10, zoom=0.1, shift=2, random=np.random.RandomState(0)
    )
    assert 9 < np.rad2deg(np.abs(np.angle(drawn.factor)).max()) <= 10
    assert 0.09 < np.abs(np.log(np.abs(drawn.factor))).max() <= 0.1
    centre = drawn.apply(np.full((500, 1, 2), 24.0))
    assert 1.9 < np.abs(centre - 24).max() <= 2.001
