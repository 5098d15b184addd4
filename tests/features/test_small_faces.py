"""Faces as the landmark features take them: checked, and resized."""

import numpy as np
import pytest

from fer_ensemble.features.small_faces import as_faces, to_side


def test_faces_of_the_size_stay_as_they_are(faces):
    squares, scale = to_side(faces[0], 48)
    assert squares is faces[0]
    assert scale.tolist() == [1, 1]


@pytest.mark.parametrize("size", [(24, 30), (100, 80)])
def test_others_are_resized_and_the_scale_is_told(size):
    ramp = np.linspace(0, 255, size[1]).astype(np.uint8)
    squares, scale = to_side(np.tile(ramp, (2, size[0], 1)), 48)
    assert squares.shape == (2, 48, 48)
    assert scale.tolist() == pytest.approx([size[1] / 48, size[0] / 48])
    assert np.abs(squares[0, 10] - np.linspace(0, 255, 48)).max() < 5


def test_wrong_input_is_named():
    with pytest.raises(ValueError, match=r"got an array of shape \(2, 0, 48\)"):
        as_faces(np.zeros((2, 0, 48), np.uint8))
    with pytest.raises(ValueError, match="uint8, 0 to 255, got int64"):
        as_faces(np.zeros((2, 48, 48), np.int64))
