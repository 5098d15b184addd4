"""Groups of faces and changed faces are measured by whatever predicts."""

import json
from functools import partial

import numpy as np
import pytest

from fer_ensemble.evaluation import compare_predictions, holm
from fer_ensemble.features import CONDITIONS, alter_faces, measure_faces
from fer_ensemble.stored_arrays import StoredArray, write_array
from fer_ensemble.subgrouping import measure_subgroups

NAMES = ["dim", "light"]


def predict(faces):
    """Tell faces by the middle of their upper half, where the eyes are."""
    light = faces[:, 16:24, 12:36].mean(axis=(1, 2)) / 255
    return np.stack([1 - light, light], axis=1)


@pytest.fixture(scope="module")
def lit():
    """Noisy faces of four grays, and labels that are wrong of every fourth dark one."""
    rng = np.random.default_rng(0)
    grays = np.repeat([60, 90, 190, 210], 40)
    faces = rng.normal(grays[:, None, None], 20, (160, 48, 48)).clip(0, 255).astype(np.uint8)
    labels = (grays > 128).astype(int)
    labels[:80:4] = 1
    return faces, labels


@pytest.fixture(scope="module")
def found(lit):
    return measure_subgroups(
        predict, *lit, classes=[0, 1], class_names=NAMES, alterations=["eyes covered", "24 pixels"]
    )


def test_groups_are_those_of_the_measures(lit, found):
    faces, _ = lit
    assert list(found.conditions) == list(CONDITIONS)
    dark, bright = found.conditions["brightness"].groups
    brightness = measure_faces(faces)["brightness"]
    assert (dark.group, dark.scores.n) == ("dark, below 100", (brightness < 100).sum())
    assert (dark.scores.accuracy, bright.scores.accuracy) == (0.75, 1)
    gap = found.conditions["brightness"].gap
    assert (gap.best, gap.difference) == ("bright, from 170", 0.25)
    assert gap.adjusted_p < 0.01


def test_changed_faces_are_predicted_anew_and_compared_in_pairs(lit, found):
    faces, labels = lit
    covered, coarse = found.altered
    plain, changed = (predict(x).argmax(axis=1) for x in (faces, alter_faces(faces, covered.name)))
    assert covered.scores.accuracy == np.mean(changed == labels)
    assert covered.comparison == compare_predictions(labels, changed, plain, classes=[0, 1])
    assert covered.comparison.difference < -0.2
    # Their mean gray, by which they are told, is no detail.
    assert coarse.comparison.difference == 0
    expected = holm([one.comparison.mcnemar_p for one in found.altered])
    assert [one.adjusted_p for one in found.altered] == expected.tolist()


def test_what_is_predicted_already_is_not_asked_for_again(lit):
    faces, labels = lit
    calls = []

    def count(batch):
        calls.append(len(batch))
        return predict(batch)

    told = {"classes": [0, 1], "alterations": ["mask"], "probabilities": predict(faces)}
    measure_subgroups(count, faces, labels, **told)
    assert calls == [160]


def test_faces_on_disk_are_measured_as_those_in_memory(lit, found, tmp_path, monkeypatch):
    faces, labels = lit
    stored = write_array(tmp_path / "faces.npy", [faces])
    batches = partial(StoredArray.batches, size=50)
    monkeypatch.setattr(StoredArray, "batches", lambda self: batches(self))
    told = {"classes": [0, 1], "class_names": NAMES, "alterations": ["eyes covered", "24 pixels"]}
    assert measure_subgroups(predict, stored, labels, **told).to_dict() == found.to_dict()


def test_figures_are_ready_for_json(found):
    for told in (found.to_dict(), found.to_summary()):
        read = json.loads(json.dumps(told, allow_nan=False))
        assert list(read["conditions"]) == list(CONDITIONS)
        assert [row["name"] for row in read["altered"]] == ["eyes covered", "24 pixels"]


def test_an_alteration_that_is_none_is_told_before_anything_is_predicted(lit):
    with pytest.raises(ValueError, match="Nothing is called 'hat': choose among eyes covered"):
        measure_subgroups(None, *lit, classes=[0, 1], alterations=["hat"])
