"""Occlusion maps: where a classifier looks is found, and other places stay at zero."""

import numpy as np
import pytest

from fer_ensemble.explanation import deletion_curve, occlusion_map
from fer_ensemble.explanation.occlusion import cover, log_odds, patch_weights


def watching(row, column, sign=1):
    """A classifier of two classes, the second the likelier the brighter one pixel is."""

    def predict_proba(faces):
        p = 0.5 + sign * 0.4 * (faces[:, row, column] / 255.0)
        return np.stack([1 - p, p], axis=1)

    return predict_proba


@pytest.fixture
def face():
    dark = np.zeros((24, 24), np.uint8)
    dark[6, 17] = 255
    return dark


@pytest.mark.parametrize("fill", ["blur", "gray"])
def test_the_place_that_is_looked_at_is_found_and_the_rest_is_zero(face, fill):
    found = occlusion_map(watching(6, 17), face, 1, fill=fill)
    assert found.shape == (24, 24)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert abs(row - 6) <= 2
    assert abs(column - 17) <= 2
    assert found[12:].max() == found[12:].min() == 0
    assert found[:, :10].max() == 0


def test_a_place_that_speaks_against_the_label_is_below_zero(face):
    found = occlusion_map(watching(6, 17, sign=-1), face, 1)
    assert found.max() == 0
    assert found[6, 17] < -0.5


def test_patches_side_by_side_say_what_the_log_odds_lose_by_hand():
    # 0.9 falls to 0.5 + 0.4 * 16 / 255 with the patch's mean of 16: a white pixel among sixteen.
    face = np.zeros((4, 4), np.uint8)
    face[0, 0] = 255
    found = occlusion_map(watching(0, 0), face, 1, fill="gray", patch=2, stride=2)
    p = 0.5 + 0.4 * 16 / 255
    expected = np.zeros((4, 4))
    expected[:2, :2] = np.log(9) - np.log(p / (1 - p))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_every_pixel_is_covered_at_the_edges_as_often_as_inside():
    covered = (patch_weights(48, 8, 4) > 0).sum(axis=0)
    assert covered.min() == covered.max() == 4


def test_log_odds_are_finite_where_a_label_is_certain_or_excluded():
    np.testing.assert_allclose(log_odds([[1.0, 0.0], [0.0, 1.0]], 0), [13.8, -13.8], atol=0.1)
    assert log_odds([[0.75, 0.25]], 0)[0] == pytest.approx(np.log(3))


def test_what_is_covered_shows_no_feature_but_its_mean():
    checks = (np.indices((48, 48)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert np.ptp(cover(checks)) <= 2
    assert np.unique(cover(checks, "gray")).tolist() == [128]


def test_covering_the_place_first_makes_the_probability_fall_at_once(face):
    order = np.zeros((24, 24))
    order[6, 17] = 1
    curve = deletion_curve(watching(6, 17), face, 1, order, (0, 0.01, 1))
    assert curve[0] == pytest.approx(0.9)
    assert curve[1] < 0.55
    late = deletion_curve(watching(6, 17), face, 1, -order, (0, 0.5, 1))
    assert late[1] == pytest.approx(0.9)
    inserted = deletion_curve(watching(6, 17), face, 1, order, (0, 0.01, 1), insert=True)
    assert inserted[0] < 0.55
    assert inserted[1] == pytest.approx(0.9)


def test_settings_out_of_range_are_refused(face):
    ask = watching(0, 0)
    with pytest.raises(ValueError, match="stride"):
        occlusion_map(ask, face, 1, patch=4, stride=5)
    with pytest.raises(ValueError, match="blur, gray"):
        occlusion_map(ask, face, 1, fill="noise")
    with pytest.raises(ValueError, match="2 columns"):
        occlusion_map(ask, face, 2)
