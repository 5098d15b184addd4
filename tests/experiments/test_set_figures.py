"""The experiment on sets of labels: what it measures, and the page's tables."""

import numpy as np
import pytest
import typer
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from experiments.prediction_sets import draw_shifts, lines, measure_folder
from experiments.shifts import SHIFTS
from experiments.tables.sets import class_rows, otherwise_rows, set_rows, shift_rows
from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import load_set_rule
from fer_ensemble.datasets import synthetic_dataset
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The record of a small ensemble, its folder, and the faces."""
    training, test = synthetic_dataset(210, random_state=0), synthetic_dataset(42, random_state=1)
    hog = HOG(pixels_per_cell=(12, 12))
    ensemble = VotingEnsemble(
        [("bayes", make_pipeline(hog, GaussianNB()))], validation_fraction=0.3, random_state=0
    ).fit(training.images, training.labels)
    folder = save_ensemble(ensemble, tmp_path_factory.mktemp("packed") / "model")
    held_out = training.take(ensemble.validation_indices_)
    found = measure_folder(folder, held_out, test)
    return {"n": 42, "n_learned_from": len(held_out), "models": {"small": found}}, folder, test


def test_figures_are_those_of_the_sets_that_predict_makes(measured):
    record, folder, test = measured
    entry = record["models"]["small"]["methods"][1]
    assert (entry["method"], entry["class_conditional"], entry["nominal"]) == ("lac", False, 0.9)
    sets = load_set_rule(folder, 0.9)(load_ensemble(folder).predict_proba(test.images))
    held = sets[np.arange(42), test.labels]
    assert entry["coverage"] == pytest.approx(held.mean(), abs=1e-4)
    assert entry["mean_size"] == pytest.approx(sets.sum(axis=1).mean(), abs=1e-3)
    assert len(record["models"]["small"]["methods"]) == 18
    assert any("0.9 asked" in line for line in lines(record))


def test_the_page_has_a_row_for_each_way_class_and_strength(measured):
    record, _, _ = measured
    rows = set_rows(record)
    assert [row[1] for row in rows[:2]] == ["`lac`", "`lac`, for each class"]
    entry = record["models"]["small"]["methods"][0]
    assert rows[0][2].startswith(f"{entry['coverage']:.3f} (")
    assert f"{entry['mean_size']:.2f} labels" in rows[0][2]
    assert len(rows) == 6
    assert len(otherwise_rows(record)) == 3
    assert [row[0] for row in class_rows(record)][1:3] == ["disgust", "fear"]
    assert [row[1] for row in shift_rows(record)] == ["1", "2", "3"]
    assert set_rows({}) == shift_rows({}) == []


def test_an_ensemble_of_other_faces_is_refused(measured):
    _, folder, test = measured
    with pytest.raises(typer.BadParameter, match="other faces"):
        measure_folder(folder, test, test)


def test_each_face_is_changed_in_a_way_of_its_own():
    faces = synthetic_dataset(60, random_state=2).images
    changed = draw_shifts(faces, 3)
    assert (changed != faces).any(axis=(1, 2)).mean() > 0.9
    assert np.array_equal(draw_shifts(faces, 0), faces)
    assert np.array_equal(draw_shifts(faces, 3), changed)
    assert len(SHIFTS) == 19
