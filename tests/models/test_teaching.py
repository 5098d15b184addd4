"""Networks learn from others that see the very same views, and keep averages of all they have."""

import numpy as np
import pytest

from fer_ensemble.models import BoostedTreesClassifier, KerasClassifier, epochs
from tests.models.stand_ins import small_dense

STILL = {"schedule": "constant", "patience": None, "validation_fraction": None}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4)).astype("float32")
    return X, (X[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def teacher(table):
    X, y = table
    return small_dense(**STILL, epochs=30, learning_rate=0.01, precision="float32").fit(X, y)


def student(**params):
    defaults = {**STILL, "epochs": 60, "learning_rate": 0.02, "precision": "float32"}
    return small_dense(**{**defaults, "random_state": 7, **params})


def test_a_network_learns_what_its_teacher_thinks(table, teacher):
    X, y = table
    # Labels drawn at random tell nothing: what it knows of the classes, it has from its teacher.
    noise = np.random.default_rng(1).integers(0, 2, len(y))
    before = [array.copy() for array in teacher.weights_]
    taught = student(teacher_weight=1.0).fit(X, noise, teachers=[teacher])
    assert np.abs(taught.predict_proba(X) - teacher.predict_proba(X)).mean() < 0.02
    alone = student().fit(X, noise)
    assert np.abs(alone.predict_proba(X) - teacher.predict_proba(X)).mean() > 0.2
    for array, expected in zip(teacher.weights_, before, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_the_loss_is_shared_between_labels_and_the_mean_of_teachers(table, teacher):
    X, y = table
    teachers = [teacher, student(epochs=1).fit(X, 1 - y)]
    opinion = np.mean([one.predict_proba(X) for one in teachers], axis=0)
    weight = np.linspace(0.5, 1.5, len(X))
    # At no rate, figures are those of the network that is returned; in one batch, of all samples.
    still = {"optimizer": "sgd", "learning_rate": 0.0, "epochs": 1, "batch_size": len(X)}
    fitted = student(**still, teacher_weight=0.3).fit(X, y, sample_weight=weight, teachers=teachers)
    log = np.log(fitted.predict_proba(X))
    of_labels = -log[np.arange(len(y)), y]
    of_teachers = -(opinion * log).sum(axis=1)
    expected = (weight * (0.7 * of_labels + 0.3 * of_teachers)).mean()
    assert fitted.history_["loss"][0] == pytest.approx(expected, rel=1e-4)
    # Accuracy, and the loss on held-out samples, are against labels alone.
    right = np.average(fitted.predict(X) == y, weights=weight)
    assert fitted.history_["accuracy"][0] == pytest.approx(right, rel=1e-4)
    fitted = student(**still).fit(X, y, validation_data=(X, y), teachers=[teacher])
    log = np.log(fitted.predict_proba(X))
    held_out = -log[np.arange(len(y)), y].mean()
    assert fitted.history_["val_loss"][0] == pytest.approx(held_out, rel=1e-4)


def test_without_any_weight_teachers_are_not_heard(table, teacher):
    X, y = table
    alone = student(epochs=3).fit(X, y)
    taught = student(epochs=3, teacher_weight=0.0).fit(X, y, teachers=[teacher])
    np.testing.assert_allclose(taught.predict_proba(X), alone.predict_proba(X), atol=1e-5)


def test_teachers_see_mixed_views():
    seen = []

    def watching(input_shape, n_classes):
        import keras

        class Watch(keras.layers.Layer):
            def __init__(self):
                super().__init__()
                self.contrast = self.add_weight(shape=(), trainable=False)
                seen.append(self.contrast)

            def call(self, faces):
                distance = keras.ops.abs(keras.ops.cast(faces, "float32") - 127.5)
                self.contrast.assign(keras.ops.mean(distance))
                return faces

        layers = [Watch(), keras.layers.Flatten(), keras.layers.Dense(n_classes, "softmax")]
        return keras.Sequential([keras.Input(input_shape), *layers])

    # Black and white: only a blend of two such faces has greys.
    labels = np.tile([0, 1], 10)
    images = np.zeros((20, 4, 4), np.uint8) + (255 * labels).astype(np.uint8)[:, None, None]
    teacher = KerasClassifier(watching, epochs=1, **STILL, random_state=0).fit(images, labels)

    def contrast(**params):
        seen.clear()
        one = small_dense(network=flat, network_params=None, epochs=1, batch_size=20, **params)
        one.set_params(**STILL).fit(images, labels, teachers=[teacher])
        return max(float(value) for value in seen)

    assert contrast() == pytest.approx(127.5)
    assert contrast(augmentation={"mixup": 8.0}) < 127


def flat(input_shape, n_classes):
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(n_classes, "softmax")]
    return keras.Sequential([keras.Input(input_shape), *layers])


def test_a_teacher_that_is_none_is_named(table, teacher):
    X, y = table
    trees = BoostedTreesClassifier(n_estimators=2, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"A BoostedTreesClassifier cannot teach.*soft_labels"):
        student().fit(X, y, teachers=[trees])
    with pytest.raises(ValueError, match=r"classes \[0, 1\], but here they are \[0, 1, 2\]"):
        student().fit(X, y + (X[:, 1] > 0), teachers=[teacher])
    with pytest.raises(ValueError, match=r"shape of samples \(4,\).*\(3,\)"):
        student().fit(X[:, :3], y, teachers=[teacher])
    with pytest.raises(Exception, match="not fitted"):
        student().fit(X, y, teachers=[student()])


def test_a_taught_training_is_resumed_and_its_teachers_are_not_kept(table, teacher, tmp_path):
    X, y = table
    large = small_dense(
        **STILL, network_params={"units": (3000,), "dropout": 0.0}, epochs=1, random_state=0
    ).fit(X, y)
    checkpoint = tmp_path / "state.npz"
    params = {"epochs": 4, "checkpoint": checkpoint, "batch_size": 40}
    unbroken = student(**{**params, "checkpoint": None}).fit(X, y, teachers=[large])
    write = epochs.write_checkpoint

    def interrupted(*args):
        write(*args)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs, "write_checkpoint", interrupted)
        with pytest.raises(KeyboardInterrupt):
            student(**params).fit(X, y, teachers=[large])
    assert checkpoint.stat().st_size < sum(array.nbytes for array in large.weights_)
    resumed = student(**params).fit(X, y, teachers=[large])
    assert len(resumed.history_["loss"]) == 4
    np.testing.assert_allclose(resumed.weights_[0], unbroken.weights_[0], atol=1e-6)
    # Another teacher is another training.
    anew = student(**params).fit(X, y, teachers=[teacher])
    assert np.abs(anew.weights_[0] - resumed.weights_[0]).max() > 1e-5


def normalised(input_shape, n_classes):
    import keras

    layers = [keras.layers.BatchNormalization(momentum=0.5), keras.layers.Dense(n_classes)]
    return keras.Sequential([keras.Input(input_shape), *layers, keras.layers.Softmax()])


def test_batch_statistics_are_averaged_with_the_weights(table):
    X, y = table
    # One step an epoch, so that the statistics after each step are those of a shorter training.
    whole = {**STILL, "optimizer": "sgd", "learning_rate": 0.1, "batch_size": len(X)}
    whole |= {"precision": "float32", "random_state": 0}
    raw = [KerasClassifier(normalised, **whole, epochs=n).fit(X + 5, y).weights_ for n in (1, 2, 3)]
    average = raw[0]
    for weights in raw[1:]:
        average = [0.6 * a + 0.4 * w for a, w in zip(average, weights, strict=True)]
    averaging = {"use_ema": True, "ema_momentum": 0.6}
    fitted = KerasClassifier(normalised, **whole, optimizer_params=averaging, epochs=3)
    fitted.fit(X + 5, y)
    for ours, expected in zip(fitted.weights_, average, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    # The moving mean, after gamma and beta.
    assert np.abs(fitted.weights_[2] - raw[-1][2]).max() > 0.1


def test_what_is_excluded_does_not_decay(table):
    X, y = table

    def biases(**more):
        decay = {"weight_decay": 0.5, **more}
        fitted = student(optimizer="adamw", optimizer_params=decay, epochs=20).fit(X + 1, y)
        return np.abs(fitted.weights_[-1]).sum()

    kept = biases(exclude_from_weight_decay=["bias"])
    assert kept > biases()
    with pytest.raises(ValueError, match="optimizer='sgdx'"):
        student(optimizer="sgdx").fit(X, y)
