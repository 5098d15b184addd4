"""Geometry of points: what it depends on, and what it does not."""

import numpy as np
import pytest

from fer_ensemble.features import geometry, geometry_names, load_landmark_regressor, mirror_points


@pytest.fixture(scope="module")
def shape():
    """A plausible face: the mean shape of many."""
    return load_landmark_regressor().shape_[None].astype(float)


def value(points, name):
    return geometry(points)[0, geometry_names().index(name)]


def test_names_are_one_for_each_column(shape):
    names = geometry_names()
    assert geometry(shape).shape == (1, len(names))
    assert len(set(names)) == len(names)
    assert geometry(shape).dtype == np.float32


def test_place_and_size_play_no_part(shape):
    np.testing.assert_allclose(geometry(shape * 3 + (100, -7)), geometry(shape), atol=1e-4)


def test_roll_is_told_and_taken_out(shape):
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned, upright = geometry(shape @ turn.T), geometry(shape)
    roll = geometry_names().index("roll")
    assert turned[0, roll] - upright[0, roll] == pytest.approx(angle, abs=1e-5)
    np.testing.assert_allclose(np.delete(turned, roll, 1), np.delete(upright, roll, 1), atol=1e-4)


def test_eyes_lie_on_the_line_a_unit_apart(shape):
    assert value(shape, "left_eye_3_x") - value(shape, "right_eye_0_x") == pytest.approx(
        1, abs=0.01
    )
    eyes = [value(shape, f"{side}_eye_{i}_y") for side in ("right", "left") for i in range(6)]
    assert np.mean(eyes) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("points", "move", "name"),
    [
        ((65, 66, 67), (0, 4), "mouth_openness"),
        ((48, 54), (0, -3), "mouth_corners_lift"),
        ((17, 18, 19, 20, 21), (0, -3), "right_brow_height"),
        ((22, 23, 24, 25, 26), (0, -3), "left_brow_height"),
        ((40, 41), (0, 1), "right_eye_openness"),
        ((46, 47), (0, 1), "left_eye_openness"),
        ((22,), (2, 0), "brow_gap"),
        ((54,), (3, 0), "mouth_width"),
        ((30,), (3, 0), "yaw"),
    ],
)
def test_a_movement_raises_its_measure(shape, points, move, name):
    moved = shape.copy()
    moved[0, list(points)] += move
    assert value(moved, name) > value(shape, name) + 0.02


def test_a_mirrored_face_exchanges_its_sides(shape):
    shape = shape + np.random.default_rng(0).normal(scale=0.5, size=shape.shape)
    mirrored = mirror_points(shape, 48)
    for name in ("eye_openness", "brow_height", "brow_slope", "brow_arch"):
        assert value(mirrored, f"left_{name}") == pytest.approx(
            value(shape, f"right_{name}"), abs=1e-5
        )
        assert value(mirrored, f"asymmetry_{name}") == pytest.approx(
            -value(shape, f"asymmetry_{name}"), abs=1e-5
        )


def test_missing_points_are_nan_in_every_column(shape):
    points = np.repeat(shape, 3, axis=0)
    points[1, 3], points[2] = np.nan, 24
    rows = geometry(points)
    assert np.isfinite(rows[0]).all()
    assert np.isnan(rows[1]).all()
    assert np.isnan(np.delete(rows[2], geometry_names().index("roll"))).all()
    assert geometry(np.empty((0, 68, 2))).shape == (0, rows.shape[1])


def test_profile_and_other_extremes_stay_moderate(shape):
    flat = shape.copy()
    flat[..., 0] = 24 + (flat[..., 0] - 24) * 0.01
    assert np.abs(geometry(flat)).max() < 100
    assert np.isfinite(geometry(flat)).all()
