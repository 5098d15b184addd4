"""Estimators of small networks, which train in a second, and a step with every augmentation."""

import numpy as np

from fer_ensemble.models import KerasClassifier
from fer_ensemble.models.augmentation import augmentation_layers

#: Amounts of every change of faces that a layer makes.
CHANGES = {
    "flip": True,
    "rotation": 20,
    "translation": 0.2,
    "zoom": 0.2,
    "shear": 20,
    "crop": 0.2,
    "contrast": 0.5,
    "sharpness": 1,
    "noise": 0.1,
    "erasing": 1,
}
#: Parameters of ``cnn_1``.
SMALL_CNN = {"filters": (4,), "units": 6, "dropout": 0.0}


def small_dense(**params):
    """A network of one hidden layer for tables, without dropout."""
    network_params = {"units": (16,), "dropout": 0.0}
    defaults = {"network": "dense", "network_params": network_params, "random_state": 0}
    return KerasClassifier(**{**defaults, **params})


def small_cnn(**params):
    """A network of one convolution for faces."""
    defaults = {"network": "cnn_1", "network_params": SMALL_CNN, "random_state": 0}
    return KerasClassifier(**{**defaults, **params})


def train_augmented_step():
    """Compile a training step with every change as a whole, by XLA, and take it."""
    import keras

    chain = augmentation_layers({**CHANGES, "share": 0.5}, 0)
    model = keras.Sequential([keras.Input((12, 12, 1)), *chain, keras.layers.Flatten()])
    model.add(keras.layers.Dense(2, activation="softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=True)
    images = np.random.default_rng(0).uniform(0, 255, (8, 12, 12, 1)).astype("float32")
    assert np.isfinite(model.train_on_batch(images, np.arange(8) % 2))
    np.testing.assert_array_equal(model.predict_on_batch(images), model.predict_on_batch(images))
    assert model.jit_compile


def oversure(input_shape, n_classes):
    """A network whose softmax is saturated by its first weights."""
    import keras

    start = keras.initializers.RandomNormal(stddev=1e4, seed=3)
    layers = [keras.layers.Flatten(), keras.layers.Dense(n_classes, "softmax", True, start)]
    return keras.Sequential([keras.Input(input_shape), *layers])


def learn_from_a_saturated_start():
    """Train such a network; a loss of clipped probabilities would leave it as it is."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4)).astype("float32")
    y = (X[:, 0] > 0).astype(int)
    params = {"schedule": "constant", "patience": None, "validation_fraction": None}
    for loss in ("sparse_categorical_crossentropy", "categorical_crossentropy"):
        network = KerasClassifier(
            oversure, loss=loss, epochs=12, learning_rate=1000.0, random_state=0, **params
        )
        losses = network.fit(X, y).history_["loss"]
        # Far above what probabilities clipped at 1e-7 allow, and falling.
        assert losses[0] > 100
        assert losses[-1] < losses[0] / 2
