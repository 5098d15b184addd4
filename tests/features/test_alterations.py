"""What is drawn on faces lies where it should, and nowhere else."""

import numpy as np
import pytest

from fer_ensemble.features import ALTERATIONS, alter_faces, effective_resolution
from fer_ensemble.features.points import PARTS


@pytest.fixture
def points():
    """A face of 48 pixels, drawn by hand: eyes in row 20, mouth in row 36."""
    shape = np.zeros((68, 2))
    angles = np.linspace(np.pi, 0, 17)
    shape[PARTS["jaw"]] = np.stack([24 + 18 * np.cos(angles), 20 + 26 * np.sin(angles)], axis=1)
    for part, x in (("right_eye", 15), ("left_eye", 33)):
        shape[PARTS[part]] = [
            [x - 4, 20],
            [x - 2, 18],
            [x + 2, 18],
            [x + 4, 20],
            [x + 2, 22],
            [x - 2, 22],
        ]
    shape[PARTS["nose_bridge"]] = [[24, 20], [24, 23], [24, 26], [24, 29]]
    shape[PARTS["outer_lips"]] = [[24 + 6 * np.cos(a), 36 + 3 * np.sin(a)] for a in np.arange(12)]
    return shape[np.newaxis]


def changed(name, points, gray=128):
    faces = np.full((1, 48, 48), gray, np.uint8)
    return alter_faces(faces, name, points)[0] != faces[0]


@pytest.mark.parametrize(
    ("name", "covered", "free"),
    [
        ("eyes covered", [(20, 15), (20, 24), (20, 33)], [(36, 24), (31, 24), (8, 24)]),
        ("sunglasses", [(20, 15), (20, 33), (20, 24)], [(36, 24), (29, 24), (12, 15)]),
        ("mouth covered", [(36, 24), (36, 19), (36, 29)], [(20, 15), (20, 33), (27, 24)]),
        ("mask", [(36, 24), (29, 24), (42, 24), (30, 10)], [(20, 15), (20, 33), (10, 24)]),
    ],
)
def test_what_is_covered_is_covered_and_the_rest_is_not(name, covered, free, points):
    found = changed(name, points)
    assert all(found[place] for place in covered)
    assert not any(found[place] for place in free)
    # As much of the face as it should be, neither a dot nor all of it.
    assert 0.01 < found.mean() < 0.35


def test_a_box_turns_with_the_head(points):
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    found = changed("eyes covered", (points - 24) @ turn + 24)
    right = ((np.array([15, 20]) - 24) @ turn + 24).astype(int)
    left = ((np.array([33, 20]) - 24) @ turn + 24).astype(int)
    assert found[right[1], right[0]]
    assert found[left[1], left[0]]
    assert found.sum() == pytest.approx(changed("eyes covered", points).sum(), rel=0.1)


def test_detail_is_taken_away_by_shrinking(faces):
    sharp = faces[0][:8]
    found = [np.median(effective_resolution(alter_faces(sharp, f"{n} pixels"))) for n in (16, 24)]
    assert found[0] < found[1] < np.median(effective_resolution(sharp))


def test_faces_without_points_are_left_and_no_face_is_changed_in_place(points):
    faces = np.full((2, 48, 48), 128, np.uint8)
    lacking = np.concatenate([points, np.full_like(points, np.nan)])
    altered = alter_faces(faces, "mask", lacking)
    assert (faces == 128).all()
    assert (altered[0] != 128).any()
    assert (altered[1] == 128).all()


def test_points_far_outside_are_no_error(points):
    points[0, 8] = 1e9, -1e9
    for name in ALTERATIONS:
        assert alter_faces(np.zeros((1, 48, 48), np.uint8), name, points).shape == (1, 48, 48)


def test_mistakes_are_told(points):
    faces = np.zeros((2, 48, 48), np.uint8)
    with pytest.raises(ValueError, match="Nothing is called 'hat': choose among eyes covered"):
        alter_faces(faces, "hat")
    with pytest.raises(ValueError, match="2 faces but points of 1"):
        alter_faces(faces, "mask", points)
