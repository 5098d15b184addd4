"""The fully connected network on vectors and on faces."""

import numpy as np

from fer_ensemble.models.networks import dense


def test_takes_vectors_and_flattens_faces():
    assert dense((20,), 3, units=(8, 4)).count_params() == 21 * 8 + 9 * 4 + 5 * 3
    assert dense((4, 5, 1), 3, units=(8, 4)).count_params() == 21 * 8 + 9 * 4 + 5 * 3


def test_features_and_units_are_dropped_in_training_only():
    ones = np.ones((64, 20), "float32")
    for params in ({"dropout": 0.0, "input_dropout": 0.5}, {"dropout": 0.5}):
        network = dense((20,), 3, units=(8,), **params)
        assert len(np.unique(np.asarray(network(ones, training=True)), axis=0)) > 2
        assert np.ptp(np.asarray(network(ones)), axis=0).max() < 1e-6
