"""The main job on real FER2013, small enough for every run of the tests."""

import numpy as np
import pytest

from fer_ensemble import load_ensemble
from fer_ensemble.artifact import fit_resumable
from fer_ensemble.ensemble import VotingEnsemble, score_ensemble
from fer_ensemble.models import create_member
from fer_ensemble.splitting import copy_groups

N_TRAINING = 2500


@pytest.fixture(scope="module")
def ensemble(fer2013, tmp_path_factory):
    """Both HOG members on some thousand Training faces, saved and loaded again."""
    train = fer2013.select("train")
    rows = np.random.default_rng(0).permutation(len(train))[:N_TRAINING]
    members = [
        (
            "dense_hog",
            create_member(
                "dense_hog",
                random_state=0,
                classifier__epochs=6,
                classifier__network_params={"units": (128,)},
            ),
        ),
        ("boosted_hog", create_member("boosted_hog", random_state=0, classifier__n_estimators=15)),
    ]
    path = tmp_path_factory.mktemp("fer2013") / "model"
    unfitted = VotingEnsemble(members, random_state=0)
    fit_resumable(unfitted, train.images[rows], train.labels[rows], path)
    return load_ensemble(path), train.images[rows]


def test_members_learn_real_faces(ensemble, fer2013):
    fitted, _ = ensemble
    test = fer2013.select("public_test")
    scores = score_ensemble(fitted, fitted.predict_member_proba(test.images), test.labels)
    most_frequent = np.bincount(test.labels).max() / len(test)
    low = {name: figures.accuracy_interval[0] for name, figures in scores.members.items()}
    assert low["dense_hog"] > most_frequent + 0.1
    assert low["boosted_hog"] > most_frequent + 0.05
    assert scores.rules["weighted"].accuracy > low["dense_hog"]


def test_no_copy_stands_on_both_sides(ensemble):
    fitted, images = ensemble
    held_out = np.zeros(len(images), bool)
    held_out[fitted.validation_indices_] = True
    groups = copy_groups(images)
    assert len(np.unique(groups)) < len(groups)  # FER2013 repeats faces, so this can fail
    assert not np.intersect1d(groups[held_out], groups[~held_out]).size
