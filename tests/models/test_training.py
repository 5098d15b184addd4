"""How an estimator's parameters become a network and a compiled model."""

from types import SimpleNamespace

import numpy as np
import pytest

from fer_ensemble.models.networks.registry import softmax


@pytest.fixture(scope="module")
def training():
    from fer_ensemble.models import training

    return training


def starting_network(input_shape, n_classes, *, weights="imagenet"):
    import keras

    starting_network.asked_for.append(weights)
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, softmax(keras.layers.Dense(4)(inputs), n_classes))


@pytest.mark.parametrize("params", [None, {"weights": "base.weights.h5"}])
def test_prediction_asks_for_no_weights_to_start_from(training, params):
    estimator = SimpleNamespace(
        network=starting_network, network_params=params, input_shape_=(3,), classes_=range(2)
    )
    starting_network.asked_for = []
    training.build_network(estimator, "float32")
    training.build_network(estimator, "float32", to_predict=True)
    assert starting_network.asked_for == [(params or {}).get("weights", "imagenet"), None]


def test_precision_is_the_networks_alone(training):
    import keras

    policy = keras.config.dtype_policy()
    estimator = SimpleNamespace(
        network="dense", network_params={"units": (4,)}, input_shape_=(3,), classes_=range(2)
    )
    network = training.build_network(estimator, "mixed_bfloat16")
    assert network.layers[1].compute_dtype == "bfloat16"
    assert network.layers[-1].compute_dtype == "float32"
    assert keras.config.dtype_policy() == policy
    estimator.network_params = {"unit": 4}
    with pytest.raises(TypeError, match="unit"):
        training.build_network(estimator, "mixed_bfloat16")
    assert keras.config.dtype_policy() == policy


def test_predictions_do_not_depend_on_the_batch(training):
    estimator = SimpleNamespace(
        network="dense", network_params={"units": (4,)}, input_shape_=(3,), classes_=range(2)
    )
    network = training.build_network(estimator, "float32")
    X = np.random.default_rng(0).normal(size=(300, 3)).astype("float32")
    whole = training.predict_batches(network, X)
    assert whole.shape == (300, 2)
    assert whole.dtype == np.float64
    parts = np.concatenate([training.predict_batches(network, X[:7]), whole[7:]])
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_smoothed_targets_spread_their_share_over_all_classes(training):
    loss = training._OneHotCrossentropy(4, 0.2)
    predicted = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]], "float32")
    for targets in (np.array([3, 0]), np.array([[3], [0]])):
        smoothed = np.array([[0.05, 0.05, 0.05, 0.85], [0.85, 0.05, 0.05, 0.05]])
        expected = -(smoothed * np.log(predicted)).sum(axis=1).mean()
        assert float(loss(targets, predicted)) == pytest.approx(expected, rel=1e-5)
