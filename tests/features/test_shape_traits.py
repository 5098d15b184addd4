"""Traits of a face's shape: each is changed alone, and comes out as the other face has it."""

import numpy as np
import pytest

from fer_ensemble.features import geometry, geometry_names, load_landmark_regressor
from fer_ensemble.features.shape_traits import TILT, move_traits, trait_names


@pytest.fixture(scope="module")
def mean():
    return load_landmark_regressor().shape_.astype(float)


@pytest.fixture(scope="module")
def face(mean):
    """Another face: larger, elsewhere, tilted by 0.2, its points a little off."""
    off = mean + np.random.default_rng(0).normal(0, 0.8, mean.shape)
    z = (off @ (1, 1j)) * 1.5 * np.exp(0.2j) + (3 + 4j)
    return np.stack([z.real, z.imag], axis=1)


@pytest.mark.parametrize("name", trait_names())
def test_a_trait_becomes_that_of_the_other_face_and_the_others_stay(name, face, mean):
    moved = move_traits(face, mean)
    number = moved.names.index(name)
    again = move_traits(moved.points[number], mean)
    assert again.values[number] == pytest.approx(moved.references[number], abs=1e-6)
    assert abs(moved.values[number] - moved.references[number]) > 1e-3  # there was one to change
    others = np.delete(again.values - moved.values, number)
    np.testing.assert_allclose(others, 0, atol=1e-6)


def test_values_are_shares_of_the_distance_of_the_eyes_corners(mean):
    points = np.zeros((68, 2))
    points[36], points[39], points[42], points[45] = (0, 0), (30, 0), (70, 0), (100, 0)
    points[[37, 38, 40, 41]] = 15, 0
    points[[43, 44, 46, 47]] = 85, 0
    points[48], points[54] = (20, 80), (80, 80)
    points[[61, 62, 63]], points[[65, 66, 67]] = (50, 70), (50, 90)
    moved = move_traits(points, mean)
    values = dict(zip(moved.names, moved.values, strict=True))
    assert values["mouth width"] == pytest.approx(0.6)
    assert values["mouth opening"] == pytest.approx(0.2)
    assert values["mouth below the eyes"] == pytest.approx(0.8)
    assert values["lift of the mouth's corners"] == pytest.approx(0)
    assert values[TILT] == pytest.approx(0)


def test_what_geometry_measures_follows(face, mean):
    moved = move_traits(face, mean)
    column = geometry_names().index("mouth_openness")
    opened = geometry(moved.points[[moved.names.index("mouth opening")]])[0, column]
    assert opened != pytest.approx(geometry(face[None])[0, column], rel=0.01)
    brows = moved.points[moved.names.index("height of the brows")]
    assert geometry(brows[None])[0, column] == pytest.approx(geometry(face[None])[0, column])


def test_other_numbers_of_points_are_refused(mean):
    with pytest.raises(ValueError, match="68"):
        move_traits(mean[:5], mean)
