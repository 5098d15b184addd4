"""What the training loop does with epochs: the best, the average, the plateau, the end."""

import numpy as np
import pytest

from fer_ensemble.models import KerasClassifier
from fer_ensemble.models.epochs import batches

SMALL = {
    "network_params": {"units": (8,), "dropout": 0.0},
    "schedule": "constant",
    "patience": None,
    "validation_fraction": None,
    "precision": "float32",
    "random_state": 0,
}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4)).astype("float32")
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    return X, y


def test_batches_hold_every_sample_once():
    assert batches(5, 2) == [slice(0, 2), slice(2, 4), slice(4, 6)]
    assert batches(4, 2) == [slice(0, 2), slice(2, 4)]


def held_out_loss(estimator, X, y):
    likelihood = estimator.predict_proba(X)[np.arange(len(y)), y]
    return -np.log(np.maximum(likelihood, 1e-7)).mean()


def test_early_stopping_returns_the_best_epoch(table):
    X, y = table
    # Far too high a rate: the held-out loss jumps about.
    params = {**SMALL, "epochs": 30, "learning_rate": 0.5, "patience": 4}
    estimator = KerasClassifier("dense", **params)
    losses = estimator.fit(X[:60], y[:60], validation_data=(X[60:], y[60:])).history_["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 5 < 30
    assert held_out_loss(estimator, X[60:], y[60:]) == pytest.approx(losses[best], rel=1e-4)


def test_a_plateau_lowers_the_rate_by_its_factor_and_no_further_than_its_end(table):
    X, y = table
    schedule = {
        "schedule": "plateau",
        "schedule_params": {"patience": 1, "factor": 0.5, "min_lr": 0.006},
    }
    estimator = KerasClassifier("dense", **{**SMALL, **schedule}, epochs=6, learning_rate=0.02)
    # The better it learns these labels, the worse it does on the turned ones.
    estimator.fit(X, y, validation_data=(X, (y + 1) % 3))
    rates = estimator.history_["learning_rate"]
    assert rates == pytest.approx([0.02, 0.02, 0.01, 0.006, 0.006, 0.006])


def test_accuracy_may_decide_as_well(table):
    X, y = table
    params = {**SMALL, "epochs": 12, "learning_rate": 0.3, "monitor": "accuracy"}
    estimator = KerasClassifier("dense", **params)
    history = estimator.fit(X[:60], y[:60], validation_data=(X[60:], y[60:])).history_
    assert estimator.score(X[60:], y[60:]) == pytest.approx(max(history["val_accuracy"]))


def test_the_moving_average_of_the_weights_is_watched_and_returned(table):
    X, y = table
    # One step an epoch, so that the weights after each step are those of a shorter training.
    whole = {**SMALL, "optimizer": "sgd", "learning_rate": 0.5, "batch_size": len(X)}
    raw = [KerasClassifier("dense", **whole, epochs=n).fit(X, y).weights_ for n in (1, 2, 3)]
    average = raw[0]
    for weights in raw[1:]:
        average = [0.6 * a + 0.4 * w for a, w in zip(average, weights, strict=True)]
    averaging = {"use_ema": True, "ema_momentum": 0.6}
    estimator = KerasClassifier("dense", **whole, optimizer_params=averaging, epochs=3)
    estimator.fit(X, y, validation_data=(X, y))
    for ours, expected, last in zip(estimator.weights_, average, raw[-1], strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
        assert np.abs(ours - last).max() > 1e-4
    watched = estimator.history_["val_loss"][-1]
    assert held_out_loss(estimator, X, y) == pytest.approx(watched, rel=1e-4)


def test_figures_of_an_epoch_count_every_sample_by_its_weight(table):
    X, y = table
    weight = np.linspace(0.1, 3, len(X))
    # At no rate, figures are those of the network that is returned.
    still = {**SMALL, "optimizer": "sgd", "learning_rate": 0.0, "epochs": 1, "batch_size": 32}
    estimator = KerasClassifier("dense", **still).fit(X, y, sample_weight=weight)
    losses = -np.log(estimator.predict_proba(X)[np.arange(len(y)), y])
    right = estimator.predict(X) == y
    assert estimator.history_["loss"][0] == pytest.approx((weight * losses).mean(), rel=1e-4)
    accuracy = np.average(right, weights=weight)
    assert estimator.history_["accuracy"][0] == pytest.approx(accuracy, rel=1e-4)


def test_a_part_of_an_epoch_is_counted_as_such(table):
    history = KerasClassifier("dense", **SMALL, epochs=2).fit(*table).history_
    assert history["epoch"] == [1, 2]
    assert set(history) == {"loss", "accuracy", "learning_rate", "seconds", "epoch"}
