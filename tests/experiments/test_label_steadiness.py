import numpy as np
import pytest

from experiments.label_steadiness import RATE, SIDE, _count_changes, _move
from fer_ensemble.faces import Prediction


def _rows(*shares: float) -> list[Prediction]:
    return [
        Prediction(
            path="clip.avi",
            status="ok",
            frame=number,
            time=number / RATE,
            face=0,
            track=0,
            probabilities={"happy": share, "sad": 1 - share},
        )
        for number, share in enumerate(shares)
    ]


def test_changes_are_counted_of_the_smoothed_labels() -> None:
    flickering = _rows(0.9, 0.4, 0.9, 0.4, 0.9)
    assert _count_changes(flickering, 0) == (4, pytest.approx(4 / RATE))
    assert _count_changes(flickering, 1)[0] == 0
    turning = _rows(0.9, *[0.0] * RATE)
    assert _count_changes(turning, 0.25)[0] == 1


def test_a_clip_moves_over_the_photograph_and_its_sides_are_even() -> None:
    image = np.random.default_rng(0).integers(0, 256, (101, 151), dtype=np.uint8)
    frames = list(_move(image, np.random.default_rng(1)))
    assert len(frames) == 50
    assert frames[0].shape == (428, SIDE, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 20
