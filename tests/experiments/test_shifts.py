"""Changes by which data sets of faces differ."""

import numpy as np
import pytest

from experiments.shifts import SHIFTS, STRENGTHS, scale_contrast, shift_at_random, shift_faces, turn
from fer_ensemble.datasets import make_faces

every_shift = pytest.mark.parametrize("name", SHIFTS)


@pytest.fixture(scope="module")
def pictures():
    return make_faces(24, random_state=0).images


def damage(changed, faces):
    return np.abs(changed.astype(float) - faces).mean()


def test_at_least_ten_shifts_are_declared():
    assert len(SHIFTS) >= 10


@every_shift
def test_a_shift_gives_faces_like_those_it_took(pictures, name):
    for strength in STRENGTHS:
        changed = shift_faces(pictures, name, strength)
        assert changed.dtype == np.uint8
        assert changed.shape == pictures.shape


@every_shift
def test_damage_grows_with_strength(pictures, name):
    found = [damage(shift_faces(pictures, name, s), pictures) for s in (0, *STRENGTHS)]
    assert found[0] == 0
    assert found == sorted(set(found))
    assert found[1] > 0.3, found


@every_shift
def test_a_shift_leaves_the_faces_that_it_took_alone(pictures, name):
    before = pictures.copy()
    for strength in (0, *STRENGTHS):
        changed = shift_faces(pictures, name, strength)
        assert not np.shares_memory(changed, pictures)
        assert np.array_equal(pictures, before)


@every_shift
def test_the_same_seed_changes_faces_in_the_same_way(pictures, name):
    assert np.array_equal(shift_faces(pictures, name, 2), shift_faces(pictures, name, 2))


@pytest.mark.parametrize("name", ["noise", "moved", "turned", "covered", "photographed"])
def test_another_seed_draws_anew(pictures, name):
    assert not np.array_equal(
        shift_faces(pictures, name, 2), shift_faces(pictures, name, 2, seed=1)
    )


def test_strengths_draw_alike(pictures):
    # The same faces turn to the same side, only further.
    right = (
        turn(pictures, 30, np.random.default_rng(3)),
        turn(pictures, 60, np.random.default_rng(3)),
    )
    wrong = turn(pictures, 60, np.random.default_rng(4))
    assert damage(*right) < damage(right[0], wrong)


def test_each_face_is_changed_in_a_way_of_its_own(pictures):
    changed = shift_at_random(pictures, seed=1)
    assert np.array_equal(changed, shift_at_random(pictures, seed=1))
    assert not np.array_equal(changed, shift_at_random(pictures, seed=2))
    ways = {(name, strength) for name in SHIFTS for strength in STRENGTHS}
    same = shift_at_random(np.repeat(pictures[:1], 12 * len(ways), axis=0))
    assert 0.9 * len(ways) < len(np.unique(same, axis=0)) <= 12 * len(ways)


def test_contrast_is_scaled_about_the_mean_of_each_face():
    faces = np.array([[[10, 30]], [[100, 200]]], np.uint8)
    assert scale_contrast(faces, 0.5, None).tolist() == [[[15, 25]], [[125, 175]]]


def test_no_faces_stay_no_faces(pictures):
    assert shift_faces(pictures[:0], "noise", 3).shape == (0, 48, 48)


@pytest.mark.parametrize(("name", "strength"), [("upside down", 1), ("noise", 4)])
def test_what_is_not_declared_is_refused_with_what_is(pictures, name, strength):
    with pytest.raises(ValueError, match=r"choose among less contrast|strengths 0 to 3"):
        shift_faces(pictures, name, strength)
