"""Parameters become a network and a compiled model, which is trained to its best epoch."""

from types import SimpleNamespace

import numpy as np
import pytest

from fer_ensemble.models.epochs import BestEpoch, batches
from fer_ensemble.models.networks.blocks import softmax
from tests.models.stand_ins import learn_from_a_saturated_start, small_cnn, small_dense


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
    loss = training._OneHotCrossentropy(4, 0.2, from_logits=False)
    predicted = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]], "float32")
    for targets in (np.array([3, 0]), np.array([[3], [0]])):
        smoothed = np.array([[0.05, 0.05, 0.05, 0.85], [0.85, 0.05, 0.05, 0.05]])
        expected = -(smoothed * np.log(predicted)).sum(axis=1).mean()
        assert float(loss(targets, predicted)) == pytest.approx(expected, rel=1e-5)


def test_a_network_that_starts_far_too_sure_of_itself_learns():
    learn_from_a_saturated_start()


class Weights:
    """Stands in for a network: its weights are a number."""

    def __init__(self, number):
        self.number = number

    def get_weights(self):
        return [self.number]


@pytest.mark.parametrize(
    ("lowest", "values", "best", "wait"),
    [
        (True, [3, 1, 2], 1, 1),
        (False, [3, 1, 2], 0, 2),
        (True, [1, 1, 1], 0, 2),
        (True, [np.nan, 2, 3], 1, 1),
        (True, [2, np.nan, np.inf], 0, 2),
        (False, [np.nan, np.nan], 1, 0),
    ],
)
def test_the_first_of_the_best_epochs_is_kept(lowest, values, best, wait):
    epoch = BestEpoch(lowest=lowest)
    improved = [epoch.update(value, Weights(i)) for i, value in enumerate(values)]
    assert epoch.weights == [best]
    assert epoch.wait == wait
    assert improved[0]
    assert improved[best]


def still_dense(**params):
    """A network that trains for as long, and at the rate, as it is told to."""
    plain = {"schedule": "constant", "patience": None, "validation_fraction": None}
    network_params = {"units": (8,), "dropout": 0.0}
    defaults = {**plain, "network_params": network_params, "precision": "float32"}
    return small_dense(**{**defaults, **params})


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
    estimator = still_dense(epochs=30, learning_rate=0.5, patience=4)
    losses = estimator.fit(X[:60], y[:60], validation_data=(X[60:], y[60:])).history_["val_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 5 < 30
    assert held_out_loss(estimator, X[60:], y[60:]) == pytest.approx(losses[best], rel=1e-4)


def test_a_plateau_lowers_the_rate_by_its_factor_and_no_further_than_its_end(table):
    X, y = table
    params = {"patience": 1, "factor": 0.5, "min_lr": 0.006}
    estimator = still_dense(
        schedule="plateau", schedule_params=params, epochs=6, learning_rate=0.02
    )
    # The better it learns these labels, the worse it does on the turned ones.
    estimator.fit(X, y, validation_data=(X, (y + 1) % 3))
    rates = estimator.history_["learning_rate"]
    assert rates == pytest.approx([0.02, 0.02, 0.01, 0.006, 0.006, 0.006])


def test_accuracy_may_decide_as_well(table):
    X, y = table
    estimator = still_dense(epochs=12, learning_rate=0.3, monitor="accuracy")
    history = estimator.fit(X[:60], y[:60], validation_data=(X[60:], y[60:])).history_
    assert estimator.score(X[60:], y[60:]) == pytest.approx(max(history["val_accuracy"]))


def test_the_moving_average_of_the_weights_is_validated_and_returned(table):
    X, y = table
    # One step an epoch, so that the weights after each step are those of a shorter training.
    whole = {"optimizer": "sgd", "learning_rate": 0.5, "batch_size": len(X)}
    raw = [still_dense(**whole, epochs=n).fit(X, y).weights_ for n in (1, 2, 3)]
    average = raw[0]
    for weights in raw[1:]:
        average = [0.6 * a + 0.4 * w for a, w in zip(average, weights, strict=True)]
    averaging = {"use_ema": True, "ema_momentum": 0.6}
    estimator = still_dense(**whole, optimizer_params=averaging, epochs=3)
    estimator.fit(X, y, validation_data=(X, y))
    for ours, expected, last in zip(estimator.weights_, average, raw[-1], strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
        assert np.abs(ours - last).max() > 1e-4
    validated = estimator.history_["val_loss"][-1]
    assert held_out_loss(estimator, X, y) == pytest.approx(validated, rel=1e-4)


def test_figures_of_an_epoch_count_every_sample_by_its_weight(table):
    X, y = table
    weight = np.linspace(0.1, 3, len(X))
    # At no rate, figures are those of the network that is returned.
    estimator = still_dense(optimizer="sgd", learning_rate=0.0, epochs=1, batch_size=32)
    estimator.fit(X, y, sample_weight=weight)
    losses = -np.log(estimator.predict_proba(X)[np.arange(len(y)), y])
    right = estimator.predict(X) == y
    assert estimator.history_["loss"][0] == pytest.approx((weight * losses).mean(), rel=1e-4)
    accuracy = np.average(right, weights=weight)
    assert estimator.history_["accuracy"][0] == pytest.approx(accuracy, rel=1e-4)


def test_a_part_of_an_epoch_is_counted_as_such(table):
    history = still_dense(epochs=2).fit(*table).history_
    assert history["epoch"] == [1, 2]
    assert set(history) == {"loss", "accuracy", "learning_rate", "seconds", "epoch"}


def on_shares(**params):
    return still_dense(**{"loss": "categorical_crossentropy", **params})


def test_certain_soft_labels_train_as_labels_do(faces):
    images, labels = faces[0][:, ::4, ::4], faces[1]
    params = {"loss": "categorical_crossentropy", "label_smoothing": 0.1, "epochs": 2}
    hard = small_cnn(**params).fit(images, labels)
    soft = small_cnn(**params).fit(images, labels, soft_labels=np.eye(7)[labels])
    np.testing.assert_allclose(soft.predict_proba(images), hard.predict_proba(images), atol=1e-4)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(soft.history_[name], hard.history_[name], atol=1e-4)


def test_what_is_learned_are_the_shares(table):
    X, y = table
    # The same for every sample: a network that ignores its input learns them, and no other.
    shares = np.tile([0.6, 0.3, 0.1], (len(X), 1))
    fitted = on_shares(epochs=60, learning_rate=0.05).fit(X, y, soft_labels=shares)
    np.testing.assert_allclose(fitted.predict_proba(X), shares, atol=0.05)


@pytest.mark.parametrize(
    ("params", "change", "message"),
    [
        (
            {"loss": "sparse_categorical_crossentropy"},
            lambda shares: shares,
            "cannot take soft_labels: set loss='categorical_crossentropy'",
        ),
        ({}, lambda shares: shares[:, :2], r"shape \(90, 2\).*\(90, 3\)"),
        ({}, lambda shares: shares * 2, "sample 0.*sum to 1"),
        (
            {},
            lambda shares: np.where(np.arange(90)[:, None] == 3, np.nan, shares),
            "sample 3",
        ),
    ],
)
def test_wrong_soft_labels_are_refused(table, params, change, message):
    X, y = table
    with pytest.raises(ValueError, match=message):
        on_shares(**params).fit(X, y, soft_labels=change(np.eye(3)[y]))


def test_no_sample_is_predicted_in_a_batch_of_its_own(training):
    sizes = []

    def predict_on_batch(batch):
        sizes.append(len(batch))
        return batch

    X = np.random.default_rng(0).normal(size=(257, 3))
    network = SimpleNamespace(predict_on_batch=predict_on_batch)
    np.testing.assert_array_equal(training.predict_batches(network, X), X)
    np.testing.assert_array_equal(training.predict_batches(network, X[:1]), X[:1])
    assert sizes == [256, 2, 2]
