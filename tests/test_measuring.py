"""Measuring a saved ensemble: every member and rule, on the right faces."""

from functools import partial

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import save_ensemble
from fer_ensemble.artifact import ArtifactError, load_set_rule
from fer_ensemble.datasets import FaceDataset, synthetic_dataset, training_part
from fer_ensemble.ensemble import VotingEnsemble, score_ensemble, to_stacking
from fer_ensemble.features import HOG
from fer_ensemble.measuring import measure_model


@pytest.fixture(scope="module")
def data():
    """Train and test faces; every seventh test face also stands in train."""
    train, test = synthetic_dataset(140, random_state=0), synthetic_dataset(70, random_state=1)
    for label in range(7):
        test.images[np.argmax(test.labels == label)] = train.images[train.labels == label][0]
    return FaceDataset(
        np.concatenate([train.images, test.images]),
        np.concatenate([train.labels, test.labels]),
        np.repeat(["train", "public_test"], (140, 70)),
        np.array([f"row {i}" for i in range(210)], object),
    )


@pytest.fixture(scope="module")
def ensemble(data):
    train = data.select("train")
    members = [
        (f"bayes_{size}", make_pipeline(HOG(pixels_per_cell=(size, size)), GaussianNB()))
        for size in (8, 12)
    ]
    fitted = VotingEnsemble(members, rule="average", validation_fraction=0.3, random_state=0)
    return fitted.fit(train.images, train.labels)


@pytest.fixture(scope="module")
def model(ensemble, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    return save_ensemble(ensemble, folder, data=training_part(data)[1])


def test_all_faces_are_measured_and_those_without_copies(model, ensemble, data):
    measured = measure_model(model, data)
    test = data.select("public_test")
    expected = score_ensemble(ensemble, ensemble.predict_member_proba(test.images), test.labels)
    assert (measured.scores.n, measured.new_scores.n, measured.seen.sum()) == (70, 63, 7)
    assert measured.description == "the faces given, split public_test"
    assert measured.rule == "average"
    for rule, figures in measured.scores.rules.items():
        assert figures.accuracy == expected.rules[rule].accuracy
    np.testing.assert_array_equal(measured.part.faces.labels, test.labels)


def test_every_rule_combines_as_it_was_scored(model, data):
    measured = measure_model(model, data)
    for rule, figures in measured.scores.rules.items():
        right = measured.combine(rule).argmax(axis=1) == measured.part.faces.labels
        assert right.mean() == figures.accuracy


def test_sets_are_those_of_predict_and_measured_beside_what_was_asked_for(model, ensemble, data):
    measured = measure_model(model, data)
    assert [found.nominal for found in measured.sets] == [0.8, 0.9, 0.95]
    first = measured.sets[0]
    sets = load_set_rule(model, 0.8)(measured.combine("average"))
    held = sets[np.arange(70), measured.part.faces.labels]
    assert first.scores.all.coverage == held.mean()
    assert first.new_scores.all.n == 63
    assert measured.to_dict()["sets"][0]["scores"]["all"]["mean_size"] == sets.sum(axis=1).mean()


def test_sets_are_left_out_where_nothing_was_held_out(ensemble, data, tmp_path):
    bare = VotingEnsemble(ensemble.members, rule="average", validation_fraction=None)
    train = data.select("train")
    model = save_ensemble(bare.fit(train.images, train.labels), tmp_path / "bare")
    assert measure_model(model, data).sets == ()


def test_stacking_has_a_rule_of_its_own(ensemble, data, tmp_path):
    model = save_ensemble(to_stacking(ensemble), tmp_path / "stacked")
    measured = measure_model(model, data)
    assert measured.rule == "stacking"
    for rule in ("stacking", "average"):
        right = measured.combine(rule).argmax(axis=1) == measured.part.faces.labels
        assert right.mean() == measured.scores.rules[rule].accuracy


def test_what_would_be_abstained_from_is_decided_as_it_was_scored(ensemble, data, tmp_path):
    abstaining = VotingEnsemble(ensemble.members, ties="abstain").fit(*_few(data))
    measured = measure_model(save_ensemble(abstaining, tmp_path / "model"), data)
    right = measured.combine("majority").argmax(axis=1) == measured.part.faces.labels
    assert right.mean() == measured.scores.rules["majority"].accuracy


def _few(data):
    train = data.select("train")
    return train.images, train.labels


def test_without_data_fresh_faces_are_drawn(model, monkeypatch):
    monkeypatch.setattr(
        "fer_ensemble.datasets.reading.synthetic_dataset", partial(synthetic_dataset, 70)
    )
    measured = measure_model(model, seed=7)
    drawn = synthetic_dataset(70, random_state=7)
    np.testing.assert_array_equal(measured.part.faces.images, drawn.images)
    assert measured.synthetic
    assert measured.description == "70 synthetic faces (seed 7)"


def test_faces_that_all_have_copies_have_no_second_figures(model, data):
    measured = measure_model(model, data, split="train")
    assert measured.seen.all()
    assert measured.new_scores is None


def test_groups_are_measured_by_the_ensembles_own_rule_if_asked_for(model, data):
    assert measure_model(model, data).subgroups is None
    measured = measure_model(model, data, subgroups=True)
    own = measured.scores.rules["average"].accuracy
    for compared in measured.subgroups.conditions.values():
        n_right = sum(part.scores.accuracy * part.scores.n for part in compared.groups)
        assert n_right / measured.scores.n == pytest.approx(own)
    covered = measured.subgroups.altered[0]
    assert covered.scores.n == 70
    assert own + covered.comparison.difference == pytest.approx(covered.scores.accuracy)
    assert measured.to_dict()["subgroups"] == measured.subgroups.to_dict()


def test_mistakes_are_told(model, data, tmp_path):
    with pytest.raises(ArtifactError, match="does not exist"):
        measure_model(tmp_path / "none", data)
    with pytest.raises(ValueError, match="no face in split 'private_test'"):
        measure_model(model, data, split="private_test")
    with pytest.raises(ValueError, match="no such file"):
        measure_model(model, tmp_path / "none.zip")
