"""The experiment on groups of faces: its checks of the measures, its record, the page's tables."""

import json
from pathlib import PurePosixPath

import numpy as np
import pytest

from experiments import subgroups
from experiments.subgroups import shrink
from experiments.tables.groups import (
    altered_rows,
    gap_rows,
    gap_summary,
    resolution_rows,
    turn_rows,
)
from fer_ensemble.datasets import load_faces
from fer_ensemble.features import effective_resolution, load_landmark_regressor
from tests.experiments.stand_ins import invoke, words


def predict(faces):
    light = faces.mean(axis=(1, 2))[:, np.newaxis] / 255
    scores = np.exp(4 * light * np.arange(7))
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.fixture
def told(data, tmp_path):
    """The options of a run on small data, with points and the predictions of a system."""
    test = load_faces(data).select("public_test")
    np.savez(
        tmp_path / "points.npz",
        names=[PurePosixPath(name).name for name in test.names],
        points=load_landmark_regressor().predict(test.images),
    )
    runs = tmp_path / "predictions"
    runs.mkdir()
    np.savez(runs / "other.official.npz", test=predict(test.images), y_test=test.labels)
    return ["--data", data, "--points", tmp_path / "points.npz", "--runs", runs]


def test_every_side_is_measured_and_laid_out(told, tmp_path, monkeypatch):
    monkeypatch.setattr(subgroups, "_packed_sides", lambda folder: [("light", predict)])
    monkeypatch.setattr(subgroups, "_SIDES", (16, 32))
    outcome = invoke(subgroups.main, *told, "--results", tmp_path)
    assert outcome.exit_code == 0, outcome.output
    record = json.loads((tmp_path / "subgroups.json").read_text())
    assert record["n"] == 40
    # The points given are those that the package finds.
    assert record["pose"]["turn"] == {"correlation": 1, "median_difference": 0, "same_group": 1}
    assert [row[0] for row in resolution_rows(record)] == ["16", "32"]
    conditions = record["sides"]["light"]["conditions"]
    assert (
        record["runs"]["other"]["turn"]["standardised_gap"]
        == conditions["turn"]["standardised_gap"]
    )
    rows = gap_rows(record)
    assert [row[1] for row in rows] == list(conditions)
    assert [bool(row[0]) for row in rows] == [True, *[False] * 5]
    mask = next(row for row in altered_rows(record) if row[0] == "mask")
    assert mask[1].startswith(
        f"{100 * record['sides']['light']['altered'][3]['difference']:+.1f} ("
    )
    [other] = turn_rows(record)
    assert other[0] == "`other`"


def test_predictions_of_other_faces_are_refused(told, tmp_path, monkeypatch):
    monkeypatch.setattr(subgroups, "_packed_sides", lambda folder: [])
    monkeypatch.setattr(subgroups, "_check_resolution", lambda faces: {"n": 0})
    file = tmp_path / "predictions" / "other.official.npz"
    kept = dict(np.load(file))
    np.savez(file, **kept | {"y_test": kept["y_test"][::-1]})
    outcome = invoke(subgroups.main, *told, "--results", tmp_path)
    assert outcome.exit_code == 2
    assert "predictions of other faces than those given" in words(outcome)


def test_shrinking_takes_detail_away():
    faces = np.random.default_rng(0).integers(0, 256, (6, 48, 48)).astype(np.uint8)
    for way in ("cubic", "linear"):
        assert (effective_resolution(shrink(faces, 12, way)) < effective_resolution(faces)).all()


def test_what_is_hardly_chance_is_said():
    def side(*p_values):
        return {
            "conditions": dict(
                zip("ab", [{"standardised_gap": {"adjusted_p": p}} for p in p_values], strict=True)
            )
        }

    told = gap_summary({"sides": {"one": side(0.01, 0.049), "two": side(0.05, 0.5)}})
    assert told == "At one mix, p is below 0.05 for a, b of `one`, and for no condition of `two`."
    assert gap_summary({}) == ""
