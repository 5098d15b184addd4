"""Saved ensembles, for the tests of this room."""

import shutil

import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import save_ensemble
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.models import create_member
from tests.artifact.stand_ins import small_stacking, table


@pytest.fixture(scope="session")
def ensemble(more_faces):
    """One member of each kind, fitted just enough."""
    images, labels = more_faces
    members = [
        (
            "dense_hog",
            create_member(
                "dense_hog", classifier__epochs=2, classifier__network_params={"units": (16,)}
            ),
        ),
        ("boosted_hog", create_member("boosted_hog", classifier__n_estimators=3, n_jobs=1)),
        (
            "cnn_2",
            create_member(
                "cnn_2", epochs=1, network_params={"filters": [4, 4], "convolutions": [1, 1]}
            ),
        ),
        ("bayes", make_pipeline(HOG(), GaussianNB())),
    ]
    return VotingEnsemble(members, random_state=0).fit(images, labels)


@pytest.fixture(scope="session")
def saved(ensemble, tmp_path_factory):
    return save_ensemble(ensemble, tmp_path_factory.mktemp("artifacts") / "model", data={"n": 7})


@pytest.fixture(scope="session")
def saved_stacking(tmp_path_factory):
    fitted = small_stacking().fit(*table())
    return save_ensemble(fitted, tmp_path_factory.mktemp("stacking") / "model")


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of the artifact that a test may damage."""
    return shutil.copytree(saved, tmp_path / "model")
