"""The Keras estimator behaves as scikit-learn's own classifiers do."""

import pickle
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.ensemble.member_fits import fits_alone
from fer_ensemble.models import KerasClassifier, epochs, network
from fer_ensemble.models.schedules import Pace
from fer_ensemble.splitting import row_digests
from tests.models.stand_ins import SMALL_CNN, small_cnn, small_dense


def small(**params):
    return small_dense(**{"epochs": 12, "learning_rate": 0.02, **params})


@pytest.fixture(scope="module")
def table():
    X, y = make_blobs(240, centers=3, n_features=5, cluster_std=2.0, random_state=0)
    return X, np.array(["low", "mid", "up"])[y]


def test_learns_and_keeps_string_labels(table):
    X, y = table
    X_fit, X_test, y_fit, y_test = train_test_split(X, y, random_state=0)
    estimator = small().fit(X_fit, y_fit)
    assert estimator.classes_.tolist() == ["low", "mid", "up"]
    assert estimator.score(X_test, y_test) > 0.9
    probabilities = estimator.predict_proba(X_test)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    predicted = estimator.predict(X_test)
    np.testing.assert_array_equal(predicted, estimator.classes_[probabilities.argmax(axis=1)])


def test_clone_keeps_every_argument_and_fit_changes_none(tmp_path, eager):
    arguments = {
        "network": "cnn_1",
        "network_params": SMALL_CNN,
        "augmentation": {"flip": True},
        "balance": {0: 20},
        "balance_augmentation": {"flip": True},
        "class_weight": "balanced",
        "loss": "categorical_crossentropy",
        "label_smoothing": 0.1,
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "optimizer_params": {"weight_decay": 0.1},
        "schedule": "one_cycle",
        "schedule_params": {"div_factor": 10},
        "epochs": 1,
        "time_budget": 60.0,
        "batch_size": 16,
        "steps_per_execution": 4,
        "teacher_weight": 0.5,
        "patience": None,
        "monitor": "accuracy",
        "validation_fraction": 0.2,
        "snapshots": 1,
        "flip_average": True,
        "precision": "float32",
        "checkpoint": tmp_path / "state.npz",
        "warm_start": True,
        "random_state": 3,
        "verbose": 0,
    }
    estimator = KerasClassifier(**arguments)
    assert set(arguments) == set(estimator.get_params())
    copies = pickle.loads(pickle.dumps(arguments))
    assert clone(estimator).get_params() == arguments
    rng = np.random.default_rng(0)
    estimator.fit(rng.integers(0, 256, (30, 12, 12), dtype=np.uint8), [0, 1] * 15)
    assert estimator.get_params() == copies


def test_parameters_that_came_later_have_their_defaults_in_what_was_saved_before():
    state = KerasClassifier(epochs=3).__getstate__()
    del state["schedule"]
    old = KerasClassifier.__new__(KerasClassifier)
    old.__setstate__(state)
    assert (old.get_params()["schedule"], old.epochs) == ("plateau", 3)


def test_pickled_estimator_predicts_the_same(table, eager):
    X, y = table
    estimator = small(epochs=2).fit(X, y)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.predict_proba(X), estimator.predict_proba(X))


def test_same_seed_same_network_other_seed_another(table):
    X, y = table
    first, second, third = (
        small(epochs=2, random_state=seed).fit(X, y).predict_proba(X) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - third).max() > 1e-3


def test_global_random_states_are_given_back(table, eager):
    X, y = table
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    small(epochs=1).fit(X, y)
    assert np.random.rand() == expected  # noqa: NPY002


def test_runs_inside_scikit_learn_and_our_ensemble(table):
    X, y = table
    pipeline = make_pipeline(StandardScaler(), small())
    probabilities = cross_val_predict(pipeline, X, y, cv=2, method="predict_proba")
    assert (np.array(["low", "mid", "up"])[probabilities.argmax(axis=1)] == y).mean() > 0.9
    halves = [(np.arange(0, 240, 2), np.arange(1, 240, 2))]
    search = GridSearchCV(small(), {"learning_rate": [1e-7, 0.02]}, cv=halves, refit=False)
    assert search.fit(X, y).best_params_ == {"learning_rate": 0.02}
    members = [("net", small()), ("lr", LogisticRegression())]
    for ensemble in (VotingClassifier(members, voting="soft"), VotingEnsemble(members)):
        assert ensemble.fit(X, y).score(X, y) > 0.9


def test_warm_start_goes_on_from_the_last_fit(table, eager):
    X, y = table
    estimator = small(epochs=1, warm_start=True, validation_fraction=None, learning_rate=0.005)
    first, second = (estimator.fit(X, y).history_["loss"][0] for _ in range(2))
    assert first > second
    with pytest.raises(ValueError, match="warm_start needs the classes of the last fit"):
        estimator.fit(X[:4], ["a", "b", "a", "b"])
    with pytest.raises(ValueError, match="warm_start needs the sample shape of the last fit"):
        estimator.fit(X[:, :4], y)
    assert estimator.set_params(warm_start=False).fit(X, y).history_["loss"] == [first]


def test_digests_of_all_samples_given_are_kept_and_a_warm_start_adds_to_them(table, eager):
    X, y = table
    estimator = small(epochs=1, warm_start=True, validation_fraction=0.2).fit(X[:100], y[:100])
    np.testing.assert_array_equal(estimator.training_digests_, np.unique(row_digests(X[:100])))
    estimator = pickle.loads(pickle.dumps(estimator)).fit(X[50:150], y[50:150])
    np.testing.assert_array_equal(estimator.training_digests_, np.unique(row_digests(X[:150])))
    estimator.set_params(warm_start=False).fit(X[100:], y[100:])
    np.testing.assert_array_equal(estimator.training_digests_, np.unique(row_digests(X[100:])))


def test_a_network_is_fitted_alone():
    assert fits_alone(make_pipeline(StandardScaler(), small()))


def test_sample_weight_decides_between_contradicting_labels():
    X = np.tile([[0.0], [1.0]], (40, 1))
    y = np.r_[np.tile([0, 1], 20), np.tile([1, 0], 20)]
    first_half = np.r_[np.full(40, 1.0), np.full(40, 1e-3)]
    options = {"epochs": 20, "validation_fraction": None}
    leaning = small(**options).fit(X, y, sample_weight=first_half).predict([[0.0], [1.0]])
    other = small(**options).fit(X, y, sample_weight=first_half[::-1]).predict([[0.0], [1.0]])
    assert leaning.tolist() == [0, 1]
    assert other.tolist() == [1, 0]


def test_validation_data_decides_when_to_stop(table, eager):
    X, y = table
    # Labels turned round: every epoch of learning makes the held-out loss worse.
    turned = np.array(["up", "low", "mid"])[np.searchsorted(["low", "mid", "up"], y)]
    estimator = small(epochs=50, patience=2).fit(X, y, validation_data=(X, turned))
    assert len(estimator.history_["val_loss"]) == 3
    assert "val_loss" not in small(epochs=1, validation_fraction=None).fit(X, y).history_
    with pytest.raises(ValueError, match=r"y of validation_data .* new"):
        small().fit(X, y, validation_data=(X[:1], ["new"]))


def test_best_epoch_is_restored(table):
    X, y = table
    X_fit, X_held, y_fit, y_held = train_test_split(X, y, random_state=0)
    # Far too high a learning rate: the loss jumps about, and the last epoch is not the best.
    estimator = small(epochs=8, learning_rate=1.0, patience=None, precision="float32")
    estimator.fit(X_fit, y_fit, validation_data=(X_held, y_held))
    losses = estimator.history_["val_loss"]
    assert losses[-1] > min(losses)
    true_class = np.searchsorted(estimator.classes_, y_held)
    likelihood = estimator.predict_proba(X_held)[np.arange(len(y_held)), true_class]
    # Keras keeps probabilities above its epsilon of 1e-7.
    loss = -np.log(np.maximum(likelihood, 1e-7)).mean()
    assert loss == pytest.approx(min(losses), rel=1e-3)


def test_schedules_move_the_learning_rate(table):
    X, y = table
    one_cycle = small(schedule="one_cycle", epochs=8, patience=None).fit(X, y)
    rates = one_cycle.history_["learning_rate"]
    assert rates[0] < max(rates)
    assert rates[-1] < 2e-3 * max(rates)
    constant = small(schedule="constant", epochs=3).fit(X, y).history_["learning_rate"]
    assert constant == pytest.approx([0.02] * 3)


def test_a_time_budget_ends_a_training_that_has_come_to_rest(table, monkeypatch):
    X, y = table
    # By this clock a step takes a second, and so does each pass over the held-out data.
    now = iter(range(10**6))
    monkeypatch.setattr(epochs, "Pace", partial(Pace, clock=lambda: next(now)))
    # The schedule would not come down by itself.
    estimator = small(epochs=10**6, patience=None, schedule="constant", time_budget=200.0)
    history = estimator.fit(X, y).history_
    steps_per_epoch = 7
    assert history["epoch"][-1] == pytest.approx(200 / (steps_per_epoch + 1), abs=0.5)
    rates = np.array(history["learning_rate"])
    assert rates[0] == pytest.approx(0.02, rel=0.05)
    assert rates[-1] < 0.05 * 0.02
    assert np.all(np.diff(rates) <= 0)


def test_one_hot_and_sparse_labels_are_the_same_loss(table):
    X, y = table
    sparse, one_hot, smoothed = (
        small(epochs=3, precision="float32", loss=loss, label_smoothing=share).fit(X, y)
        for loss, share in (
            ("sparse_categorical_crossentropy", 0.0),
            ("categorical_crossentropy", 0.0),
            ("categorical_crossentropy", 0.2),
        )
    )
    np.testing.assert_allclose(sparse.predict_proba(X), one_hot.predict_proba(X), atol=1e-5)
    np.testing.assert_allclose(sparse.history_["val_loss"], one_hot.history_["val_loss"], rtol=1e-4)
    # Certainty does not pay any longer.
    assert smoothed.predict_proba(X).max() < one_hot.predict_proba(X).max()


def test_optimizer_takes_its_own_parameters(table):
    X, y = table
    one_step = {"epochs": 1, "batch_size": len(X), "validation_fraction": None}
    one_step |= {"optimizer": "sgd", "schedule": "constant", "precision": "float32"}
    before = small(**one_step, learning_rate=0.0).fit(X, y).weights_
    params = {"momentum": 0.9, "nesterov": True, "global_clipnorm": 0.01}
    after = small(**one_step, learning_rate=1.0, optimizer_params=params).fit(X, y).weights_
    steps = [new - old for new, old in zip(after, before, strict=True)]
    # The clipped gradient, and momentum's look ahead.
    length = np.sqrt(sum((step**2).sum() for step in steps))
    assert length == pytest.approx(0.01 * (1 + 0.9), rel=1e-3)


def test_faces_are_augmented_only_in_training(faces):
    images, labels = faces[0][:, ::4, ::4], faces[1]
    changes = {"flip": True, "noise": 0.1}
    estimator = small_cnn(augmentation=changes, epochs=1).fit(images, labels)
    np.testing.assert_array_equal(
        estimator.predict_proba(images[:9]), estimator.predict_proba(images[:9])
    )
    plain = small_cnn(epochs=1).fit(images, labels)
    assert estimator.history_["loss"] != plain.history_["loss"]
    with pytest.raises(ValueError, match="Unknown augmentation"):
        small_cnn(augmentation={"twist": 1}).fit(images, labels)


def test_flip_average_is_blind_to_mirroring(faces):
    images, labels = faces[0][:, ::2, ::2], faces[1]
    estimator = small_cnn(epochs=1, flip_average=True).fit(images, labels)
    mirrored = images[:, :, ::-1]
    np.testing.assert_allclose(
        estimator.predict_proba(images), estimator.predict_proba(mirrored), rtol=1e-6
    )
    estimator.set_params(flip_average=False)
    single = estimator.predict_proba(images)
    assert np.abs(single - estimator.predict_proba(mirrored)).max() > 1e-4


def test_mixed_precision_leaves_prediction_in_single_precision(table):
    X, y = table
    estimator = small(precision="mixed_bfloat16").fit(X, y)
    assert {weights.dtype for weights in estimator.weights_} == {np.dtype("float32")}
    assert estimator.score(X, y) > 0.9
    probabilities = estimator.predict_proba(X)
    # bfloat16 keeps three digits; the last bits are there only in single precision.
    assert np.abs(probabilities - probabilities.astype(np.float16)).max() > 0


def test_own_network_by_function_and_by_name(table):
    X, y = table

    @network
    def linear_for_this_test(input_shape, n_classes):
        import keras

        inputs = keras.Input(input_shape)
        outputs = keras.layers.Dense(n_classes, activation="softmax")(inputs)
        return keras.Model(inputs, outputs)

    by_name = small(network="linear_for_this_test", network_params=None, epochs=2).fit(X, y)
    by_function = small(network=linear_for_this_test, network_params=None, epochs=2).fit(X, y)
    np.testing.assert_array_equal(by_name.predict_proba(X), by_function.predict_proba(X))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"network": "cnn_99"}, "Unknown network 'cnn_99'"),
        ({"schedule": "sometimes"}, "'schedule' .*'plateau'.* Got 'sometimes'"),
        ({"schedule_params": {"warm_up": 0.1}}, r"'plateau' has no \['warm_up'\]"),
        ({"monitor": "f1"}, "'monitor' .*'accuracy'.* Got 'f1'"),
        ({"loss": "mse"}, "'loss' .*'sparse_categorical_crossentropy'.* Got 'mse'"),
        (
            {"label_smoothing": 0.1},
            "loss='sparse_.* cannot take label_smoothing: set loss='categorical_crossentropy'",
        ),
        (
            {"label_smoothing": 1, "loss": "categorical_crossentropy"},
            r"'label_smoothing' .* in the range \[0.0, 1.0\). Got 1",
        ),
        ({"optimizer": "adamm"}, "optimizer='adamm' cannot be made"),
        (
            {"optimizer_params": {"nesterov": True}},
            r"optimizer='adam' cannot be made with optimizer_params=\{'nesterov': True\}: .+",
        ),
        ({"class_weight": "even"}, "class_weight"),
        ({"time_budget": 0}, r"'time_budget' .* \(0.0, inf\) or None. Got 0"),
        ({"epochs": 0}, r"'epochs' .* an int in the range \[1, inf\). Got 0"),
        ({"batch_size": 0}, r"'batch_size' .* \[1, inf\). Got 0"),
        ({"patience": 0.5}, "'patience' .* an int .* or None. Got 0.5"),
        ({"validation_fraction": 1}, r"'validation_fraction' .* \(0.0, 1.0\) or None. Got 1"),
        ({"augmentation": "flip"}, "'augmentation' .* Got 'flip'"),
    ],
)
def test_wrong_parameters_are_named(table, params, message):
    X, y = table
    with pytest.raises(ValueError, match=message):
        small(**params).fit(X, y)


def test_wrong_shape_is_named(faces):
    images, labels = faces[0][:, ::2, ::2], faces[1]
    estimator = small_cnn(epochs=1).fit(images, labels)
    with pytest.raises(ValueError, match="resize them to"):
        estimator.predict(images[:, ::2, ::2])


def test_progress_is_shown_on_request(table, capsys):
    X, y = table
    small(epochs=2, verbose=1).fit(X, y)
    shown = capsys.readouterr().err
    for figure in ("dense", "epoch 2/2", "loss", "acc", "val_acc", "left"):
        assert figure in shown
    small(epochs=2).fit(X, y)
    assert capsys.readouterr().err == ""
