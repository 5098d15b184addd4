"""Training faces are changed as asked for, each by draws of its own, and no other faces are."""

import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from fer_ensemble.models.augmentation import AUGMENTATIONS, augmentation_layers

# Amounts of every change that a layer makes.
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
SIDE = 24

SCRIPT = """
import numpy as np
import keras
from fer_ensemble.models.augmentation import augmentation_layers

chain = augmentation_layers({augmentation}, 0)
model = keras.Sequential([keras.Input((12, 12, 1)), *chain, keras.layers.Flatten()])
model.add(keras.layers.Dense(2, activation="softmax"))
model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=True)
images = np.random.default_rng(0).uniform(0, 255, (8, 12, 12, 1)).astype("float32")
assert np.isfinite(model.train_on_batch(images, np.arange(8) % 2))
np.testing.assert_array_equal(model.predict_on_batch(images), model.predict_on_batch(images))
assert model.jit_compile
print(keras.backend.backend())
"""


def change(images: np.ndarray, seed: int = 0, **augmentation: Any) -> np.ndarray:
    """Change faces as a training step does."""
    for layer in augmentation_layers(augmentation, seed):
        images = layer(images, training=True)
    return np.asarray(images)


def noisy_faces(n_samples: int = 16, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (n_samples, SIDE, SIDE, channels)).astype(np.float32)


def same_face(n_samples: int = 16) -> np.ndarray:
    return np.repeat(noisy_faces(1), n_samples, axis=0)


def test_every_change_is_tried_here() -> None:
    assert {*CHANGES, "share", "mixup"} == set(AUGMENTATIONS)


@pytest.mark.parametrize("name", CHANGES)
def test_faces_are_changed_only_in_training_and_stay_pixels(name: str) -> None:
    images = noisy_faces(channels=3)
    (layer,) = augmentation_layers({name: CHANGES[name]}, 0)
    np.testing.assert_array_equal(layer(images), images)
    np.testing.assert_array_equal(layer(images, training=False), images)
    changed = np.asarray(layer(images, training=True))
    assert changed.shape == images.shape
    assert changed.dtype == np.float32
    assert not np.array_equal(changed, images)
    assert changed.min() >= -1e-3
    assert changed.max() <= 255 + 1e-3


@pytest.mark.parametrize("name", CHANGES)
def test_each_face_and_each_batch_gets_draws_of_its_own(name: str) -> None:
    images = same_face()
    (layer,) = augmentation_layers({name: CHANGES[name]}, 0)
    changed = np.asarray(layer(images, training=True))
    assert len(np.unique(changed, axis=0)) == (2 if name == "flip" else len(images))
    assert not np.array_equal(changed, layer(images, training=True))


def test_the_seed_decides_the_draws() -> None:
    images = noisy_faces()
    every = {**CHANGES, "share": 0.7}
    np.testing.assert_array_equal(change(images, **every), change(images, **every))
    assert not np.array_equal(change(images, **every), change(images, seed=1, **every))


def test_share_spares_faces_the_whole_chain() -> None:
    images = 120 + noisy_faces(300) / 50
    chain = {"contrast": 0.5, "noise": 0.1, "share": 0.6}
    changed = change(images, **chain)
    spared = (changed == images).all(axis=(1, 2, 3))
    assert 0.3 < spared.mean() < 0.5
    every = change(images, **{**chain, "share": 1})
    np.testing.assert_array_equal(changed[~spared], every[~spared])
    np.testing.assert_array_equal(change(images, **{**chain, "share": 0}), images)


def test_nothing_to_change_is_no_layer() -> None:
    assert augmentation_layers({}, 0) == []
    nothing = {**dict.fromkeys(CHANGES, 0), "flip": False, "share": 0.5, "mixup": 0.2}
    assert augmentation_layers(nothing, 0) == []


def test_a_change_draws_the_same_whatever_the_others_are() -> None:
    images = 120 + noisy_faces() / 50
    flipped = change(images, flip=True)
    again = change(images, flip=True, noise=1e-9, contrast=1e-9)
    np.testing.assert_allclose(flipped, again, atol=1e-3)


def test_errors_name_the_key_and_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"Unknown augmentation \['twist'\].*'mixup'.*'zoom'"):
        augmentation_layers({"twist": 1, "flip": True}, 0)
    for name, greatest in AUGMENTATIONS.items():
        with pytest.raises(ValueError, match=rf"augmentation {name}=-0\.1: take "):
            augmentation_layers({name: -0.1}, 0)
        if greatest < math.inf:
            with pytest.raises(ValueError, match=rf"{name}=999: take 0 to {greatest}\."):
                augmentation_layers({name: 999}, 0)
    with pytest.raises(ValueError, match="share=nan"):
        augmentation_layers({"share": math.nan}, 0)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_training_step_compiles_as_a_whole(backend: str) -> None:
    script = SCRIPT.format(augmentation={**CHANGES, "share": 0.5})
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [backend]
