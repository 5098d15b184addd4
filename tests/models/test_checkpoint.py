"""A training that is interrupted and resumed ends as if nothing had happened."""

import numpy as np
import pytest

from fer_ensemble.models import epochs
from fer_ensemble.models.epochs import read_checkpoint, write_checkpoint
from tests.models.stand_ins import small_cnn, small_dense

# Whatever has a state that must be resumed, or draws something.
EVERYTHING = {
    "network": "cnn_2",
    "network_params": {"filters": (4,), "convolutions": (1,), "units": 6, "dropout": 0.3},
    "augmentation": {"flip": True, "noise": 0.05, "mixup": 0.2},
    "balance": "max",
    "balance_augmentation": {"flip": True},
    "class_weight": "balanced",
    "loss": "categorical_crossentropy",
    "label_smoothing": 0.1,
    "optimizer": "adamw",
    "learning_rate": 0.02,
    "optimizer_params": {"weight_decay": 0.01, "use_ema": True, "ema_momentum": 0.8},
    "schedule": "plateau",
    "schedule_params": {"patience": 2, "factor": 0.5},
    "epochs": 12,
    "batch_size": 28,
    "patience": 6,
    "precision": "float32",
}
STEPS_PER_EPOCH = 5


@pytest.fixture(scope="module")
def small_faces(faces):
    images, labels = faces
    return images[:, ::6, ::6], labels


def script_losses(monkeypatch, losses):
    """Put losses in the place of the held-out ones, by the steps that a model was trained."""
    import keras

    test_on_batch = keras.Model.test_on_batch

    def scripted(model, *args, **kwargs):
        figures = test_on_batch(model, *args, **kwargs)
        epoch = int(model.optimizer.iterations) // STEPS_PER_EPOCH
        return {**figures, "loss": losses[epoch - 1], "real_loss": figures["loss"]}

    monkeypatch.setattr(keras.Model, "test_on_batch", scripted)


def record_checkpoints(monkeypatch, *, interrupted_at=None):
    """Note the epochs that are kept; stop as Ctrl-C does, before one of them is."""
    kept = []

    def write(path, model, best, state):
        epoch = len(state["history"]["loss"])
        if epoch == interrupted_at:
            raise KeyboardInterrupt
        kept.append(epoch)
        write_checkpoint(path, model, best, state)

    monkeypatch.setattr(epochs, "write_checkpoint", write)
    return kept


def test_is_resumed_to_the_same_end(small_faces, tmp_path, monkeypatch):
    X, y = small_faces
    # After five epochs the rate was lowered once, and is about to be lowered again; the second was
    # the best, and patience is over after the eighth.
    script_losses(monkeypatch, [1.0, 0.8, *[0.9] * 10])
    unbroken = small_cnn(**EVERYTHING).fit(X, y, validation_data=(X, y))
    rates = [0.02] * 4 + [0.01] * 2 + [0.005] * 2
    assert unbroken.history_["learning_rate"] == pytest.approx(rates)
    path = tmp_path / "new folder" / "state.npz"
    broken = small_cnn(**EVERYTHING, checkpoint=path)
    with monkeypatch.context() as patch:
        kept = record_checkpoints(patch, interrupted_at=6)
        with pytest.raises(KeyboardInterrupt):
            broken.fit(X, y, validation_data=(X, y))
        assert kept == [1, 2, 3, 4, 5]
    with monkeypatch.context() as patch:
        kept = record_checkpoints(patch)
        broken.fit(X, y, validation_data=(X, y))
        assert kept == [6, 7, 8]
    histories = [dict(estimator.history_) for estimator in (unbroken, broken)]
    assert [len(history.pop("seconds")) for history in histories] == [8, 8]
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-5, err_msg=name)
    for ours, expected in zip(broken.weights_, unbroken.weights_, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
    probabilities = [estimator.predict_proba(X) for estimator in (unbroken, broken)]
    np.testing.assert_allclose(*probabilities, atol=1e-5)


def test_only_a_training_to_the_same_end_is_resumed(small_faces, tmp_path):
    X, y = small_faces
    path = tmp_path / "state.npz"

    def seconds(labels=y, **params):
        estimator = small_dense(epochs=1, checkpoint=path, **params)
        return estimator.fit(X, labels).history_["seconds"]

    # One that is resumed at its end trains no more: its times are those of the first.
    last = seconds()
    assert seconds(time_budget=300.0, flip_average=True, verbose=1) == last
    for others in (
        {"learning_rate": 0.002},
        {"learning_rate": 0.002, "labels": np.roll(y, 1)},
        {"learning_rate": 0.002, "labels": np.roll(y, 1), "random_state": 1},
    ):
        before, last = last, seconds(**others)
        assert last != before


@pytest.fixture
def model():
    return make_model(0)


def make_model(seed):
    """A network with dropout, normalisation and momenta, a few steps into its training."""
    import keras

    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Dense(6), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    out = keras.layers.Dense(3, activation="softmax")
    model = keras.Sequential([keras.Input((5,)), *layers, out])
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    return model


def train(model, n_steps):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(16, 5)).astype("float32"), np.arange(16) % 3
    for _ in range(n_steps):
        model.train_on_batch(X, y)
    return model.get_weights()


def test_a_resumed_model_trains_on_as_the_one_that_was_kept(model, tmp_path):
    path = tmp_path / "state.npz"
    train(model, 3)
    best = [np.arange(4.0), np.float32([[1, 2]])]
    state = {"fingerprint": "a", "best_value": float("nan"), "history": {"loss": [0.1, 1 / 3]}}
    write_checkpoint(path, model, best, state)
    expected = train(model, 3)
    other = make_model(1)
    found, found_state = read_checkpoint(path, other, "a")
    for ours, theirs in zip(train(other, 3), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    for ours, theirs in zip(found, best, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert found_state["history"] == state["history"]
    assert np.isnan(found_state["best_value"])


def test_another_fingerprint_or_no_file_is_nothing_to_resume(model, tmp_path):
    path = tmp_path / "state.npz"
    assert read_checkpoint(path, model, "a") is None
    write_checkpoint(path, model, [], {"fingerprint": "a"})
    before = model.get_weights()
    assert read_checkpoint(path, make_model(1), "b") is None
    for ours, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.99])
def test_a_broken_file_is_nothing_to_resume(model, tmp_path, share):
    path = tmp_path / "state.npz"
    write_checkpoint(path, model, [], {"fingerprint": "a"})
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert read_checkpoint(path, model, "a") is None


def test_the_last_checkpoint_stays_until_the_next_one_is_whole(model, tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    write_checkpoint(path, model, [], {"fingerprint": "a", "epoch": 1})

    def half(file, **arrays):
        file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(path, model, [], {"fingerprint": "a", "epoch": 2})
    assert read_checkpoint(path, model, "a") == ([], {"fingerprint": "a", "epoch": 1})
