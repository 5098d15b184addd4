"""One small saved ensemble, measured once for all tests."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from fer_ensemble import save_ensemble
from fer_ensemble.datasets import synthetic_dataset, write_folder
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.features import HOG
from fer_ensemble.measuring import measure_model
from fer_ensemble.models import KerasClassifier
from fer_ensemble.reporting import gather_content


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Train and test faces, of which one of each class also stands in train."""
    folder = tmp_path_factory.mktemp("data") / "faces"
    train, test = (synthetic_dataset(n, random_state=i) for i, n in enumerate((140, 70)))
    for label in range(7):
        test.images[np.argmax(test.labels == label)] = train.images[train.labels == label][0]
    write_folder(train, folder / "train")
    write_folder(test, folder / "PublicTest")
    return folder


@pytest.fixture(scope="session")
def ensemble(faces):
    """A network that balances its training, and a member that is none."""
    network = KerasClassifier(
        network_params={"units": (4,)}, epochs=2, balance=25, patience=None, random_state=0
    )
    members = [("network", network), ("bayes", make_pipeline(HOG(), GaussianNB()))]
    return VotingEnsemble(members, random_state=0).fit(*faces)


@pytest.fixture(scope="session")
def model(ensemble, faces, tmp_path_factory):
    record = {"source": "faces", "class_counts": synthetic_dataset(140).class_counts()}
    folder = tmp_path_factory.mktemp("saved") / "model"
    return save_ensemble(ensemble, folder, data=record)


@pytest.fixture(scope="session")
def measured(model, data):
    return measure_model(model, data)


@pytest.fixture(scope="session")
def content(measured):
    return gather_content(measured, name="model", out="report.html")
