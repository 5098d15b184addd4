"""Measures of faces on cases worked by hand: grays, detail, pose, borders."""

import cv2
import numpy as np
import pytest

from fer_ensemble.features import (
    CONDITIONS,
    Condition,
    effective_resolution,
    group_faces,
    head_pose,
    measure_faces,
    mirror_points,
)
from fer_ensemble.features.conditions import blank_border

# Right and left side of the face, nose's tip, and two eyes, in three dimensions: depth is last.
SIDES, NOSE, EYES = (
    [[-7.556, 0, -0.992], [7.556, 0, -0.992]],
    [0, 1, 7.587],
    [[-3, -3, 4], [3, -3, 4]],
)


def head(turn, tilt=0.0, nod=0.0):
    """Points of a rigid head, turned, then nodding, then tilted, as seen from far away."""
    solid = np.zeros((68, 3))
    solid[[0, 16]], solid[30] = SIDES, NOSE
    solid[36:42], solid[42:48] = EYES
    a, b, c = np.radians([turn, nod, tilt])
    about_y = [[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]
    about_x = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    turned = solid @ np.array(about_y).T @ np.array(about_x).T @ np.array(about_z).T
    return 24 + 2 * turned[np.newaxis, :, :2]


@pytest.mark.parametrize("turn", [-40, -15, 0, 25, 60])
def test_the_turn_of_a_rigid_head_is_found_whatever_its_tilt(turn):
    for tilt in (-20, 0, 35):
        found = head_pose(head(turn, tilt))
        np.testing.assert_allclose(np.ravel(found), [turn, tilt], atol=0.02)
    assert abs(head_pose(head(turn, nod=12))[0][0] - turn) < 4


def test_the_pose_of_a_mirrored_head_is_that_to_the_other_side():
    points = head(25, 10)
    np.testing.assert_allclose(
        np.ravel(head_pose(mirror_points(points, 48))), -np.ravel(head_pose(points)), atol=1e-9
    )


def test_faces_without_points_have_no_pose():
    turn, tilt = head_pose(np.full((1, 68, 2), np.nan))
    assert np.isnan(turn).all()
    assert np.isnan(tilt).all()


def test_grays_are_measured_where_the_face_is():
    face = np.full((1, 48, 48), 255, np.uint8)
    face[0, 6:42, 6:42] = np.tile([100, 140], 18)
    measures = measure_faces(face)
    assert (measures["brightness"][0], measures["contrast"][0]) == (120, 20)


def test_detail_ends_where_the_waves_do():
    # Power falls with the third power of frequency, and ends at `side` half waves.
    frequency = np.rint(np.hypot(*np.indices((48, 48))))
    signs = np.random.default_rng(0).choice([-1, 1], (48, 48))
    for side in (12, 24, 36):
        within = (frequency > 0) & (frequency < side)
        waves = np.where(within, signs / np.maximum(frequency, 1) ** 1.5, 0)
        face = 128 + 30 * (drawn := cv2.idct(waves)) / drawn.std()
        found = effective_resolution(np.rint(face).clip(0, 255).astype(np.uint8)[np.newaxis])
        assert found[0] == pytest.approx(side, rel=0.05)


def test_faces_that_were_shrunk_and_enlarged_are_found_to_be_so():
    faces = np.random.default_rng(0).integers(0, 256, (40, 96, 96)).astype(np.uint8)
    # Like photographs, whose power falls with the third power of frequency.
    spectrum = np.fft.rfft2(faces - 127.5)
    frequency = np.hypot(np.fft.fftfreq(96)[:, np.newaxis], np.fft.rfftfreq(96)) + 0.01
    drawn = np.fft.irfft2(spectrum / frequency**1.5)
    drawn = 128 + 40 * drawn / drawn.std(axis=(1, 2), keepdims=True)
    faces = np.rint(drawn).clip(0, 255).astype(np.uint8)
    medians = []
    for side in (12, 16, 24, 48):
        small = [cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in faces]
        large = [cv2.resize(face, (48, 48), interpolation=cv2.INTER_CUBIC) for face in small]
        medians.append(np.median(effective_resolution(np.stack(large))))
    np.testing.assert_allclose(medians, (12, 16, 24, 48), rtol=0.15)


def test_a_blank_face_has_no_detail_and_is_all_border():
    blank = np.full((2, 48, 48), 90, np.uint8)
    assert np.isnan(effective_resolution(blank)).all()
    assert blank_border(blank).tolist() == [1, 1]
    assert group_faces(blank)["resolution"].tolist() == ["", ""]


def test_borders_are_counted_from_every_edge():
    face = np.random.default_rng(0).integers(0, 256, (1, 48, 48)).astype(np.uint8)
    assert blank_border(face)[0] == 0
    face[0, :6], face[0, :, 44:] = 7, 7
    # 42 of 48 rows and 44 of 48 columns are left; a blank row between others is no border.
    face[0, 20] = 7
    assert blank_border(face)[0] == pytest.approx(1 - 42 * 44 / 48**2)


def test_a_bound_belongs_to_the_group_above_it():
    condition = Condition("", (10, 20), ("low", "middle", "high"))
    assert condition.group([9.9, 10, 20, np.nan]).tolist() == ["low", "middle", "high", ""]


def test_every_face_is_in_a_group_of_every_condition(faces):
    found = group_faces(faces[0][:20])
    assert list(found) == list(CONDITIONS)
    for name, groups in found.items():
        assert set(groups) <= set(CONDITIONS[name].names)
        assert len(CONDITIONS[name].names) == len(CONDITIONS[name].bounds) + 1


def test_measures_do_not_depend_on_the_faces_beside_them(faces):
    together, alone = measure_faces(faces[0][:70]), measure_faces(faces[0][69:70])
    for name, values in together.items():
        assert values[69] == pytest.approx(alone[name][0], rel=1e-4), name


def test_mistakes_are_told():
    faces = np.zeros((2, 48, 48), np.uint8)
    with pytest.raises(ValueError, match="2 faces but points of 1"):
        measure_faces(faces, np.zeros((1, 68, 2)))
    with pytest.raises(ValueError, match="must be square; these are of 48×40 pixels"):
        effective_resolution(faces[:, :, :40])
