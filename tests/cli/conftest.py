from pathlib import Path

import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import save_ensemble
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small saved ensemble, to predict with."""
    faces = make_faces(70, random_state=0)
    members = [("bayes", make_pipeline(HOG(), GaussianNB()))]
    ensemble = VotingEnsemble(members, random_state=0).fit(faces.images, faces.labels)
    return save_ensemble(ensemble, tmp_path_factory.mktemp("saved") / "model")
