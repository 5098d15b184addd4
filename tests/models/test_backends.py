"""The same weights give the same probabilities on every Keras backend, and each trains alike."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.models import create_member
from tests.models.stand_ins import small_cnn

pytestmark = pytest.mark.slow

# One process for all tests, since starting a backend takes seconds. What fails in one part is
# reported by the test of that part.
SCRIPT = """
import json
import sys
import traceback
import numpy as np
import keras
from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.models import KerasClassifier, create_member, epochs
from fer_ensemble.models.networks import residual
from tests.models.stand_ins import (
    learn_from_a_saturated_start,
    small_dense,
    train_augmented_step,
)

directory = sys.argv[1]
images = np.load(f"{directory}/images.npy")
labels = np.load(f"{directory}/labels.npy")


def predict():
    probabilities = load_ensemble(f"{directory}/given").predict_member_proba(images)
    np.save(f"{directory}/of_given.npy", probabilities)


def train():
    quick = {"epochs": 1, "random_state": 0, "batch_size": 256, "precision": "float32"}
    small = {"network_params": {"filters": [4], "units": 6}}
    small_residual = {"network_params": {"filters": [4, 8], "blocks": [0, 1]}}
    members = [
        ("cnn_1", create_member("cnn_1", **quick, **small, augmentation={"mixup": 0.4})),
        ("se_resnet", create_member("se_resnet", **quick, **small_residual, balance={0: 30})),
    ]
    ensemble = VotingEnsemble(members, random_state=0).fit(images, labels)
    np.save(f"{directory}/of_made.npy", ensemble.predict_member_proba(images))
    save_ensemble(ensemble, f"{directory}/made")


def resume():
    params = {
        "network_params": {"units": (8,), "dropout": 0.3},
        "augmentation": {"flip": True, "noise": 0.1},
        "optimizer": "adamw",
        "optimizer_params": {"use_ema": True, "ema_momentum": 0.8},
        "schedule": "one_cycle",
        "epochs": 2,
        "batch_size": 21,
        "patience": None,
        "precision": "float32",
    }
    unbroken = small_dense(**params).fit(images, labels)
    broken = small_dense(**params, checkpoint=f"{directory}/state.npz")
    write = epochs.write_checkpoint

    def interrupted(*args):
        write(*args)
        raise KeyboardInterrupt

    epochs.write_checkpoint = interrupted
    try:
        broken.fit(images, labels)
        raise AssertionError("it was not interrupted")
    except KeyboardInterrupt:
        epochs.write_checkpoint = write
    broken.fit(images, labels)
    for ours, expected in zip(broken.weights_, unbroken.weights_, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    np.testing.assert_allclose(broken.history_["loss"], unbroken.history_["loss"], rtol=1e-4)


def one_module(input_shape, n_classes):
    # An Xception with a penalty on its weights as all have, and a quarter of their modules.
    return residual._xception(input_shape, n_classes, stem=2, filters=(4,), name="one_module")


def group():
    # Many steps in one call come to what one at a time comes to.
    cases = [
        (
            "dense",
            images.reshape(len(images), -1),
            # The last batches are smaller, of training and of validation; and a group ends where
            # weights are kept, in the midst of an epoch.
            {
                "network_params": {"units": (8,)},
                "batch_size": 17,
                "time_budget": 600.0,
                "schedule": "cosine",
                "snapshots": 3,
            },
        ),
        (
            "se_resnet",
            images,
            {
                "network_params": {"filters": [4, 8], "blocks": [0, 1]},
                "augmentation": {"flip": True, "rotation": 10, "mixup": 0.4, "cutmix": 0.3},
                "optimizer": "adamw",
                "optimizer_params": {"use_ema": True, "ema_momentum": 0.8, "global_clipnorm": 1.0},
                "schedule": "one_cycle",
            },
        ),
        (one_module, images, {"schedule_params": {"patience": 1}}),
    ]
    for network, X, params in cases:
        # 140 samples: 7 steps an epoch and more, 35 in all.
        quick = {"epochs": 5, "batch_size": 20, "random_state": 0, "precision": "float32"}
        params = {**quick, "validation_fraction": None, **params}
        weight = np.linspace(0.5, 1.5, len(X))
        teachers = [load_ensemble(f"{directory}/given").members_[0][1]]
        held_out = (np.tile(X, (2, 1)), np.tile(labels, 2)) if network == "dense" else None
        single, grouped = (
            KerasClassifier(network, **params, steps_per_execution=steps).fit(
                X,
                labels,
                sample_weight=weight,
                validation_data=held_out,
                teachers=teachers if network == "se_resnet" else [],
            )
            for steps in (1, "auto")
        )
        for ours, expected in zip(grouped.weights_, single.weights_, strict=True):
            np.testing.assert_allclose(ours, expected, atol=2e-3)
        for name in set(single.history_) - {"seconds"}:
            np.testing.assert_allclose(grouped.history_[name], single.history_[name], rtol=1e-3)


errors = {"backend": keras.backend.backend()}
parts = (predict, train, resume, group, train_augmented_step, learn_from_a_saturated_start)
for part in parts:
    try:
        part()
        errors[part.__name__] = None
    except Exception:
        errors[part.__name__] = traceback.format_exc()
print(json.dumps(errors))
"""


# Compiling takes most of the time; what is compiled runs for a few steps only.
XLA_FLAGS = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


@pytest.fixture(scope="module")
def small_faces(faces):
    images, labels = faces
    return images[:, ::3, ::3], labels


@pytest.fixture(scope="module")
def ensemble(small_faces):
    members = [
        ("cnn_1", small_cnn(epochs=2)),
        ("dense_hog", create_member("dense_hog", classifier__epochs=2, random_state=0)),
    ]
    return VotingEnsemble(members, random_state=0).fit(*small_faces)


@pytest.fixture(scope="module")
def on_jax(small_faces, ensemble, tmp_path_factory):
    """The folder in which every part of the script has run on JAX, and what went wrong in each."""
    directory = tmp_path_factory.mktemp("jax")
    for name, array in zip(("images", "labels"), small_faces, strict=True):
        np.save(directory / f"{name}.npy", array)
    save_ensemble(ensemble, directory / "given")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, directory],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": XLA_FLAGS},
    )
    assert done.returncode == 0, done.stderr
    errors = json.loads(done.stdout)
    assert errors.pop("backend") == "jax"
    return directory, errors


def test_weights_predict_the_same_on_jax(small_faces, ensemble, on_jax):
    directory, errors = on_jax
    assert errors["predict"] is None, errors["predict"]
    here = ensemble.predict_member_proba(small_faces[0])
    np.testing.assert_allclose(np.load(directory / "of_given.npy"), here, atol=1e-4)


def test_weights_that_jax_trained_predict_the_same_here(small_faces, on_jax):
    directory, errors = on_jax
    assert errors["train"] is None, errors["train"]
    probabilities = load_ensemble(directory / "made").predict_member_proba(small_faces[0])
    assert probabilities.shape == (140, 2, 7)
    np.testing.assert_allclose(probabilities, np.load(directory / "of_made.npy"), atol=1e-4)


def test_a_training_is_resumed_to_the_same_end_on_jax(on_jax):
    assert on_jax[1]["resume"] is None, on_jax[1]["resume"]


def test_a_training_step_with_every_augmentation_compiles_as_a_whole_on_jax(on_jax):
    assert on_jax[1]["train_augmented_step"] is None, on_jax[1]["train_augmented_step"]


def test_a_saturated_network_learns_on_jax(on_jax):
    assert on_jax[1]["learn_from_a_saturated_start"] is None, on_jax[1][
        "learn_from_a_saturated_start"
    ]


def test_many_steps_in_one_call_train_as_one_at_a_time_on_jax(on_jax):
    assert on_jax[1]["group"] is None, on_jax[1]["group"]
