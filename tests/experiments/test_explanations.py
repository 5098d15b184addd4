"""Explanations measured: what the checks reward, and on which parts of a face a map lies."""

import numpy as np
import pytest

from experiments.explanations import PARTS, check, describe, interval, part_masks, tell_places
from experiments.tables.explaining import check_rows, voice_rows
from fer_ensemble.explanation import Explanation
from fer_ensemble.features import load_landmark_regressor


class Watching:
    """The likelier the second class, the brighter a place at the upper left."""

    def predict_proba(self, faces):
        p = 0.1 + 0.8 * faces[:, 4:10, 4:10].mean(axis=(1, 2)) / 255
        return np.stack([1 - p, p], axis=1)


@pytest.fixture
def points():
    return load_landmark_regressor().shape_.astype(float)


def test_a_map_of_the_right_place_is_better_in_both_checks_than_its_mirror_image():
    face, order = np.zeros((48, 48), np.uint8), np.zeros((48, 48))
    face[4:10, 4:10] = 255
    order[2:12, 2:12] = 1
    rightly, wrongly = (check(Watching(), face, 1, one) for one in (order, order[:, ::-1]))
    assert rightly[0] < wrongly[0] - 0.3
    assert rightly[1] > wrongly[1] + 0.3
    rng = np.random.default_rng(0)
    told = describe(np.array([wrongly] * 5), np.array([rightly] * 5), rng)
    assert told["deletion_gain"] == [round(wrongly[0] - rightly[0], 4)] * 3
    assert told["insertion_gain"][0] == pytest.approx(rightly[1] - wrongly[1], abs=1e-4)


def test_what_lies_on_a_part_counts_for_it(points):
    masks = part_masks(points, 48)
    assert list(masks) == list(PARTS)
    assert not (masks["mouth"] & masks["eyes"]).any()
    heat = np.where(masks["mouth"], 1.0, -1.0).astype(np.float32)
    heat[0, 0] = masks["mouth"].sum()  # half of all that speaks for the label
    found = Explanation("happy", 0.9, {"happy": 0.9}, np.zeros((48, 48), np.uint8), heat)
    told = tell_places([found] * 12, np.array([points] * 12), np.random.default_rng(0))
    assert told["happy"]["n"] == 12
    assert told["happy"]["mouth"] == pytest.approx([0.5] * 3, abs=1e-3)
    assert told["happy"]["eyes"] == [0, 0, 0]
    assert "sad" not in told


def test_an_interval_holds_the_mean():
    mean, low, high = interval(np.arange(100.0), np.random.default_rng(0))
    assert mean == 49.5
    assert 40 < low < 49.5 < high < 60


def test_the_page_shows_the_traits_that_surely_add_something():
    gains = {f"{way}_gain": [0.1, 0.05, 0.15] for way in ("deletion", "insertion")}
    checks = dict.fromkeys(("mirrored", "of another face", "by chance"), gains)
    model = {
        "n": 9,
        "seconds": {"median": 0.25},
        "checks": {"map": {"deletion": 0.2, "insertion": 0.5}, **checks},
        "members": {"sad": {"cnn": [1.0, 0.5, 1.5]}},
        "traits": {"sad": {"a": [0.1, -0.1, 0.3], "b": [-0.2, -0.3, -0.1]}},
    }
    record = {"models": {"ensemble": model}}
    assert check_rows(record)[1][:5] == ["`ensemble`", "9", "0.25", "insertion", "0.500"]
    assert voice_rows(record) == [["sad", "`cnn` 1.00 (0.50 to 1.50)", "b −0.20 (−0.30 to −0.10)"]]
    assert check_rows({}) == voice_rows({}) == []
