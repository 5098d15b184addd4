"""Another rule for a saved ensemble, from the command line."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.artifact import read_manifest
from fer_ensemble.artifact.manifest import dump_manifest
from fer_ensemble.artifact.reproducing import fit_commands
from fer_ensemble.datasets import PROTOCOLS, synthetic_dataset, write_folder
from fer_ensemble.ensemble import DynamicEnsemble, StackingEnsemble, VotingEnsemble
from fer_ensemble.models import KerasClassifier, create_member, set_snapshots
from fer_ensemble.splitting import row_digests

TRAIN, NEW = synthetic_dataset(140, random_state=0), synthetic_dataset(70, random_state=1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An ensemble of a quick network and quick trees."""
    small = {"classifier__epochs": 2, "classifier__network_params": {"units": (16,)}}
    members = [
        ("dense_hog", create_member("dense_hog", random_state=0, **small)),
        ("boosted_hog", create_member("boosted_hog", classifier__n_estimators=3, n_jobs=1)),
    ]
    fitted = VotingEnsemble(members, validation_fraction=0.3, random_state=0)
    fitted.fit(TRAIN.images, TRAIN.labels)
    out = tmp_path_factory.mktemp("models") / "model"
    return save_ensemble(fitted, out, data={"source": "drawn"}, face_size=48)


@pytest.fixture
def model(saved, tmp_path):
    """A copy that a test may combine in place."""
    return shutil.copytree(saved, tmp_path / "model")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Faces that the members have seen as train, and others as validation."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    write_folder(TRAIN, folder / "train")
    write_folder(NEW, folder / "validation")
    return folder


# --- rules --------------------------------------------------------------------------------


def test_the_rule_is_changed_in_place_and_no_member(run, saved, model):
    code, told, notes = run("combine", model, "--rule", "majority", "--ties", "priority")
    assert code == 0, notes
    assert "Faces held out of the fit, n = 42" in told
    for shown in ("dense_hog", "boosted_hog", "majority", "borda"):
        assert shown in told
    assert f"Saved in {model}" in notes
    before, after = load_ensemble(saved), load_ensemble(model)
    assert (before.rule, after.rule, after.ties) == ("weighted", "majority", "priority")
    members = after.predict_member_proba(NEW.images)
    np.testing.assert_array_equal(members, before.predict_member_proba(NEW.images))
    np.testing.assert_array_equal(after.predict_proba(NEW.images), after.combine(members))
    np.testing.assert_array_equal(after.validation_probabilities_, before.validation_probabilities_)
    assert read_manifest(model).data == {"source": "drawn"}
    assert after.fit_times_ == before.fit_times_


def test_commands_that_made_the_old_combination_are_not_told_of_the_new(run, saved, tmp_path):
    made = {"source": "drawn", "seed": 0, "commands": ["make it"]}
    model = save_ensemble(load_ensemble(saved), tmp_path / "made", data=made, face_size=48)
    assert fit_commands(read_manifest(model)) == ["make it"]
    code, _, notes = run("combine", model, "--rule", "average")
    assert code == 0, notes
    assert fit_commands(read_manifest(model)) == []


def test_a_new_folder_leaves_the_old_one_alone(run, saved, tmp_path):
    before = {file.name: file.read_bytes() for file in saved.iterdir()}
    out = tmp_path / "new"
    code, _, notes = run("combine", saved, "--weighting", "greedy", "--seed", 5, "--out", out)
    assert code == 0, notes
    assert {file.name: file.read_bytes() for file in saved.iterdir()} == before
    new = load_ensemble(out)
    assert (new.rule, new.weighting, new.random_state) == ("weighted", "greedy", 5)
    code, _, notes = run("combine", saved, "--out", out)
    assert code == 2
    assert "holds a saved ensemble already" in " ".join(notes.replace("│", " ").split())


def test_weights_are_learned_even_if_some_were_given_before(run, model):
    given = load_ensemble(model).set_params(weights=[1, 0]).learn_combination()
    save_ensemble(given, model, overwrite=True)
    code, _, notes = run("combine", model, "--weighting", "accuracy")
    assert code == 0, notes
    new = load_ensemble(model)
    assert new.weights is None
    assert new.weights_.tolist() != [1, 0]


def test_calibration_tells_the_error_before_and_after(run, model):
    code, told, notes = run("combine", model, "--rule", "average", "--calibrate")
    assert code == 0, notes
    new = load_ensemble(model)
    before, after = new.calibration_["average"].before, new.calibration_["average"].after
    line = (
        f"Calibration error {before.calibration_error:.3f} → {after.calibration_error:.3f}, "
        f"log loss {before.log_loss:.3f} → {after.log_loss:.3f} (cross-fitted)"
    )
    assert line in " ".join(told.split())
    temperature = new.calibration_["average"].ensemble_temperature
    assert f"{temperature:.6f}" != "1.000000"
    code, told, notes = run("combine", model, "--rule", "average")
    assert code == 0, notes
    assert "Calibration error" not in told
    assert load_ensemble(model).calibration_ is None


def test_a_leaking_protocol_warns_beside_the_figures(run, model):
    warning = PROTOCOLS["balanced"].warning
    for protocol in ("balanced", "official"):
        ensemble = load_ensemble(model)
        save_ensemble(ensemble, model, data={"protocol": protocol}, overwrite=True)
        code, told, notes = run("combine", model, "--rule", "average")
        assert code == 0, notes
        assert (warning in " ".join(told.split())) == (protocol == "balanced")


def test_figures_of_the_old_combination_are_not_taken_over(run, model):
    record = {"source": "drawn", "figures": [{"data": "fer2013.zip", "accuracy": 0.7}]}
    manifest = replace(read_manifest(model), data=record)
    (model / "manifest.json").write_bytes(dump_manifest(manifest))
    code, _, notes = run("combine", model, "--rule", "median")
    assert code == 0, notes
    assert read_manifest(model).data == {"source": "drawn"}
    assert "rule `median`" in (model / "MODEL_CARD.md").read_text()


# --- stacking -----------------------------------------------------------------------------


@pytest.mark.usefixtures("terminal")
def test_a_stacked_model_predicts_and_is_evaluated(run, saved, data, tmp_path):
    out, rows, figures = tmp_path / "stacked", tmp_path / "rows.csv", tmp_path / "figures.json"
    code, told, notes = run("combine", saved, "--rule", "stacking", "--out", out)
    assert code == 0, notes
    assert "stacking" in told
    stacked = load_ensemble(out)
    assert isinstance(stacked, StackingEnsemble)
    code, _, notes = run("predict", data / "validation", "--model", out, "--out", rows)
    assert code == 0, notes
    assert len(rows.read_text().splitlines()) == 71
    arguments = ("--model", out, "--split", "validation", "--json", figures)
    code, told, notes = run("evaluate", data, *arguments)
    assert code == 0, notes
    content = json.loads(figures.read_text())
    assert content["rule"] == "stacking"
    right = stacked.predict(NEW.images) == NEW.labels
    assert content["rules"]["stacking"]["accuracy"] == pytest.approx(right.mean())
    titles = {line.strip() for line in told.splitlines()}
    assert {"dense_hog", "boosted_hog", "stacking"} <= titles
    assert "average" not in titles


def test_stacking_can_be_taken_back(run, saved, model):
    before = load_ensemble(saved)
    for rule in ("stacking", "weighted"):
        code, _, notes = run("combine", model, "--rule", rule)
        assert code == 0, notes
    after = load_ensemble(model)
    np.testing.assert_array_equal(after.weights_, before.weights_)
    assert sorted(file.name for file in model.iterdir()) == sorted(
        file.name for file in saved.iterdir()
    )


# --- selection ----------------------------------------------------------------------------


def test_members_are_selected_by_as_many_faces_as_are_asked_for(run, saved, tmp_path):
    made = {"source": "drawn", "seed": 0}
    model = save_ensemble(load_ensemble(saved), tmp_path / "made", data=made, face_size=48)
    code, told, notes = run("combine", model, "--rule", "meta_des", "--neighbors", 9)
    assert code == 0, notes
    assert all(rule in told for rule in ("borda", "knora_e", "knora_u", "meta_des"))
    selecting = load_ensemble(model)
    assert isinstance(selecting, DynamicEnsemble)
    assert (selecting.rule, selecting.n_neighbors) == ("meta_des", 9)
    (fit, combine) = fit_commands(read_manifest(model), "model")
    assert "--rule meta_des" in fit
    assert combine == "fer-ensemble combine model --rule meta_des --neighbors 9"
    assert "the rule `meta_des` selects members" in (model / "MODEL_CARD.md").read_text()


def test_snapshots_become_members_that_weigh_by_themselves(run, data, tmp_path):
    network = KerasClassifier("dense", network_params={"units": (4,)}, epochs=2, random_state=0)
    set_snapshots(network, 2)
    trees = create_member("boosted_hog", classifier__n_estimators=3, n_jobs=1)
    fitted = VotingEnsemble(
        [("dense", network), ("trees", trees)], validation_fraction=0.3, random_state=0
    )
    model = save_ensemble(fitted.fit(TRAIN.images, TRAIN.labels), tmp_path / "model")
    code, _, notes = run("combine", model, "--split-snapshots")
    assert code == 2
    assert "needs --data" in notes
    options = ("--data", data, "--split", "train", "--out", tmp_path / "apart")
    code, told, notes = run("combine", model, "--split-snapshots", *options)
    assert code == 0, notes
    # Of the faces that it was fitted from, those that were held out.
    assert "98 of 140 faces are left out" in notes
    assert "n = 42" in told
    apart = load_ensemble(tmp_path / "apart")
    assert [name for name, _ in apart.members_] == ["dense_1", "dense_2", "trees"]
    probabilities = apart.predict_member_proba(NEW.images)
    together = fitted.predict_member_proba(NEW.images)
    np.testing.assert_allclose(probabilities[:, :2].mean(axis=1), together[:, 0], atol=1e-6)
    code, _, notes = run("combine", tmp_path / "apart", "--split-snapshots", *options[:4])
    assert code == 1
    assert "No member has snapshots" in notes


def test_selection_takes_no_temperatures(run, model):
    code, _, notes = run("combine", model, "--rule", "knora_e", "--calibrate")
    assert code == 2
    assert "--calibrate is not for --rule knora_e" in " ".join(notes.replace("│", " ").split())


# --- other faces --------------------------------------------------------------------------


def test_other_faces_can_be_learned_from(run, model, data):
    code, told, notes = run("combine", model, "--data", data)
    assert code == 0, notes
    assert "Faces, n = 70" in told
    new = load_ensemble(model)
    assert len(new.validation_labels_) == 70
    assert new.validation_indices_ is None


def test_faces_that_the_members_have_seen_are_left_out(run, model, data):
    code, told, notes = run("combine", model, "--data", data, "--split", "train")
    assert code == 0, notes
    assert "98 of 140 faces are left out: members have seen them" in notes
    assert "n = 42" in told


def test_faces_that_the_members_have_all_seen_are_refused(run, saved, model, tmp_path):
    ensemble = load_ensemble(saved)
    seen = np.isin(row_digests(TRAIN.images), ensemble.training_digests_)
    write_folder(TRAIN.take(seen), tmp_path / "seen" / "validation")
    code, told, notes = run("combine", model, "--data", tmp_path / "seen")
    assert code == 1
    assert "The members were fitted on all of these 98 faces" in notes
    assert not told
    assert load_ensemble(model).rule == ensemble.rule


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--rule", "loudest"], 1, "Error: There is no rule 'loudest'; choose one of average"),
        (["--weighting", "trust"], 1, "Error: Weights cannot be learned by 'trust'"),
        (["--ties", "lowest"], 1, "Error: Ties cannot be decided by 'lowest'"),
        (["--data", "nowhere.zip"], 1, "nowhere.zip: there is no such file"),
        (["--rule", "stacking", "--calibrate"], 2, "--calibrate is not for --rule stacking"),
    ],
)
def test_mistakes_end_in_a_line_and_change_nothing(run, saved, arguments, code, message):
    before = (saved / "manifest.json").read_bytes()
    ended, told, notes = run("combine", saved, *arguments)
    assert ended == code
    assert message in " ".join(notes.replace("│", " ").split())
    assert "Traceback" not in notes
    if code == 1:
        assert notes.startswith("Error: ")
        assert notes.count("\n") == 1
    assert not told
    assert (saved / "manifest.json").read_bytes() == before


def test_without_a_model_it_is_said_how_to_make_one(run, tmp_path):
    code, _, notes = run("combine", tmp_path / "nowhere")
    assert code == 1
    assert "does not exist" in notes
    assert "fer-ensemble fit DATA --out" in notes
