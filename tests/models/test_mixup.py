"""Faces are mixed with those opposite, and their labels with them."""

import numpy as np
import pytest

from fer_ensemble.models import KerasClassifier


def mixup(alpha=1.0, seed=0):
    from fer_ensemble.models.mixup import MixUp

    return MixUp(alpha, seed, name="mixup")


def noisy_faces(n_samples=6):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (n_samples, 4, 4, 1)).astype("float32")


def test_nothing_is_mixed_outside_training():
    layer, faces = mixup(), noisy_faces()
    np.testing.assert_array_equal(layer(faces), faces)
    np.testing.assert_array_equal(layer(faces, training=False), faces)
    assert float(layer.share) == 1


@pytest.mark.parametrize("n_samples", [6, 7])
def test_each_face_is_mixed_with_the_one_opposite(n_samples):
    layer, faces = mixup(), noisy_faces(n_samples)
    mixed, share = np.asarray(layer(faces, training=True)), float(layer.share)
    assert 0.01 < share < 0.99
    np.testing.assert_allclose(mixed, share * faces + (1 - share) * faces[::-1], rtol=1e-4)


def test_alpha_decides_how_evenly_and_the_seed_what_is_drawn():
    def shares(alpha, seed=0):
        layer, faces = mixup(alpha, seed), noisy_faces(2)
        drawn = []
        for _ in range(100):
            layer(faces, training=True)
            drawn.append(float(layer.share))
        return np.array(drawn)

    for alpha in (0.2, 1.0, 8.0):
        # The variance of the Beta distribution of two equal parameters.
        deviation = np.sqrt(1 / (4 * (2 * alpha + 1)))
        drawn = shares(alpha)
        assert abs(drawn.mean() - 0.5) < 4 * deviation / 10
        assert 0.75 * deviation < drawn.std() < 1.25 * deviation
    np.testing.assert_array_equal(shares(0.2), shares(0.2))
    assert not np.array_equal(shares(0.2), shares(0.2, seed=1))


@pytest.mark.parametrize("alpha", [0, -0.1])
def test_alpha_is_positive(alpha):
    with pytest.raises(ValueError, match=f"mixup={alpha}: it takes a positive number"):
        mixup(alpha)


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 6).astype("float32")])
def test_the_loss_is_the_mixture_of_both_labels(weight):
    import keras

    from fer_ensemble.models.mixup import MixedModel

    keras.utils.set_random_seed(0)
    decay = keras.regularizers.L2(0.1)
    dense = keras.layers.Dense(3, activation="softmax", kernel_regularizer=decay)
    head = keras.Sequential([keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), dense])
    inputs = keras.Input((4, 4, 1))
    layer = mixup()
    model = MixedModel(inputs, head(layer(inputs)))
    still = keras.optimizers.SGD(0.0)
    model.compile(still, "sparse_categorical_crossentropy", jit_compile=False)
    faces, targets = noisy_faces(), np.array([0, 1, 2, 2, 0, 0])
    loss = model.train_on_batch(faces, targets, sample_weight=weight)
    share = float(layer.share)
    assert 0.01 < share < 0.99
    log = np.log(np.asarray(head(share * faces + (1 - share) * faces[::-1])))
    rows, w = np.arange(6), np.ones(6) if weight is None else weight
    own = -(w * log[rows, targets]).mean()
    opposite = -(w[::-1] * log[rows, targets[::-1]]).mean()
    penalty = 0.1 * np.square(np.asarray(dense.kernel)).sum()
    assert float(loss) == pytest.approx(share * own + (1 - share) * opposite + penalty, rel=1e-4)
    plain = -np.log(np.asarray(head(faces)))[rows, targets].mean() + penalty
    assert float(model.test_on_batch(faces, targets)) == pytest.approx(plain, rel=1e-4)


def test_networks_are_trained_with_it_and_predict_without(faces):
    images, labels = faces[0][:64, ::6, ::6], faces[1][:64]
    small = {"filters": (4,), "convolutions": (1,), "units": 6}
    params = {"network_params": small, "epochs": 2, "precision": "float32"}

    def fit(augmentation):
        estimator = KerasClassifier("cnn_2", **params, augmentation=augmentation, random_state=0)
        return estimator.fit(images, labels).predict_proba(images)

    mixed = fit({"mixup": 0.2})
    np.testing.assert_allclose(mixed, fit({"mixup": 0.2}), atol=1e-6)
    assert np.abs(mixed - fit(None)).max() > 1e-3
    np.testing.assert_array_equal(fit({"mixup": 0}), fit(None))
