"""The small network: its values, its gradients, and that it learns."""

import numpy as np
import pytest

from fer_ensemble.features.dense_layers import PointTraining, run_layers


def new_training(n_steps=300, **params):
    defaults = {"learning_rate": 0.01, "weight_decay": 0.0}
    return PointTraining(
        (6, 16, 4), np.arange(4), n_steps, random=np.random.RandomState(0), **defaults | params
    )


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 6)).astype(np.float32)
    points = (np.tanh(X @ rng.normal(size=(6, 4))) * 3).reshape(64, 2, 2).astype(np.float32)
    return X, points, np.ones(64, np.float32)


def test_layers_are_rectified_but_for_the_last():
    layers = [
        (np.array([[1.0, -1.0]], np.float16), np.zeros(2, np.float32)),
        (np.array([[1.0], [1.0]], np.float16), np.array([-3.0], np.float32)),
    ]
    inputs = np.array([[2.0], [-1.0]], np.float32)
    assert run_layers(layers, inputs).tolist() == [[-1.0], [-2.0]]


def test_gradients_are_those_of_the_loss(data, monkeypatch):
    training = new_training()
    seen = []
    monkeypatch.setattr(training, "_update", seen.extend)
    X, points, weight = (part[:8] for part in data)
    weight = weight * np.linspace(0.5, 2, 8, dtype=np.float32)
    training.step(X, points, weight)
    for place, parameter in enumerate(training._parameters()):
        index = (0,) * parameter.ndim
        losses = []
        for move in (0.01, -0.01):
            parameter[index] += move
            losses.append(training.step(X, points, weight))
            parameter[index] -= move
        assert seen[place][index] == pytest.approx((losses[0] - losses[1]) / 0.02, abs=2e-3)


def test_training_brings_the_points_nearer(data):
    training = new_training()
    losses = [training.step(*data) for _ in range(300)]
    assert losses[-1] < 0.4 * losses[0]


def test_starts_from_the_bias_and_ends_at_rest(data):
    training = new_training(n_steps=50, learning_rate=1e-9)
    start = run_layers(training.layers, data[0])
    np.testing.assert_allclose(start, np.tile(np.arange(4), (64, 1)), atol=1.5)
    training = new_training(n_steps=50)
    for _ in range(49):
        training.step(*data)
    before = run_layers(training.layers, data[0])
    training.step(*data)
    np.testing.assert_allclose(run_layers(training.layers, data[0]), before, atol=1e-2)


def test_weights_decay_and_biases_do_not(data):
    X, points, weight = data
    training = new_training(n_steps=10, weight_decay=50.0)
    size = np.abs(training.layers[0][0]).sum()
    training.step(X, points, 0 * weight)
    assert np.abs(training.layers[0][0]).sum() == pytest.approx(0.5 * size, rel=1e-3)
    np.testing.assert_array_equal(training.layers[1][1], np.arange(4))
