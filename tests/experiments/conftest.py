import numpy as np
import pytest

from fer_ensemble.evaluation import evaluate_predictions
from tests.experiments.stand_ins import write_faces


@pytest.fixture
def make_record():
    """A run's record, with as many of 100 faces of each of two expressions right as wanted."""

    def make(system, protocol="official", *, right=(80, 60), n=(100, 100), **more):
        truth = np.repeat([0, 1], n)
        rows = np.concatenate([np.arange(count) for count in n])
        predicted = np.where(rows < np.repeat(right, n), truth, 1 - truth)
        figures = evaluate_predictions(truth, predicted, classes=[0, 1]).to_dict()
        return {
            "system": system,
            "protocol": protocol,
            "note": "",
            "device": "CPU",
            "seed": 0,
            "minutes": 2.5,
            "time_budget": None,
            "epochs_run": 10.0,
            "epochs_planned": 10,
            "all": figures,
            "without_copies": figures,
            **more,
        }

    return make


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder of 100 faces for training and 40 for the test."""
    return write_faces(tmp_path_factory.mktemp("faces"), 100, 40)


@pytest.fixture(scope="session")
def undivided(tmp_path_factory):
    """A folder of 140 faces for training alone."""
    return write_faces(tmp_path_factory.mktemp("undivided"), 140)
