"""The same weights give the same probabilities on every Keras backend, and each trains alike."""

import os
import subprocess
import sys

import numpy as np

from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.models import create_member

SCRIPT = """
import sys
import numpy as np
from fer_ensemble import load_ensemble, save_ensemble
from fer_ensemble.datasets import make_faces
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.models import create_member

given, made, of_given, of_made = sys.argv[1:]
images, labels, _ = make_faces(140, random_state=0)
np.save(of_given, load_ensemble(given).predict_member_proba(images))
quick = {"epochs": 1, "random_state": 0, "batch_size": 256, "precision": "float32"}
quick["augmentation"] = {"flip": True}
small = {"network_params": {"filters": [4, 8], "blocks": [0, 1]}}
members = [
    ("cnn_1", create_member("cnn_1", **quick, balance={0: 30})),
    ("se_resnet", create_member("se_resnet", **quick, **small)),
    ("tiny_xception", create_member("tiny_xception", **quick)),
]
ensemble = VotingEnsemble(members, random_state=0).fit(images, labels)
np.save(of_made, ensemble.predict_member_proba(images))
save_ensemble(ensemble, made)
import keras
print(keras.backend.backend())
"""

RESUMED = """
import sys
import numpy as np
import keras
from fer_ensemble.datasets import make_faces
from fer_ensemble.models import KerasClassifier, epochs

images, labels, _ = make_faces(70, random_state=0)
params = {
    "network_params": {"filters": (4,), "convolutions": (1,), "units": 6},
    "augmentation": {"flip": True, "mixup": 0.4},
    "optimizer": "adamw",
    "optimizer_params": {"use_ema": True, "ema_momentum": 0.8},
    "schedule": "one_cycle",
    "epochs": 3,
    "batch_size": 21,
    "patience": None,
    "precision": "float32",
    "random_state": 0,
}
unbroken = KerasClassifier("cnn_2", **params).fit(images[:, ::6, ::6], labels)
broken = KerasClassifier("cnn_2", **params, checkpoint=sys.argv[1])
write = epochs.write_checkpoint

def interrupted(*args):
    write(*args)
    raise KeyboardInterrupt

epochs.write_checkpoint = interrupted
try:
    broken.fit(images[:, ::6, ::6], labels)
    raise AssertionError("it was not interrupted")
except KeyboardInterrupt:
    epochs.write_checkpoint = write
broken.fit(images[:, ::6, ::6], labels)
for ours, expected in zip(broken.weights_, unbroken.weights_, strict=True):
    np.testing.assert_allclose(ours, expected, atol=1e-5)
np.testing.assert_allclose(broken.history_["loss"], unbroken.history_["loss"], rtol=1e-4)
print(keras.backend.backend())
"""


def run_on_jax(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["jax"]


def test_weights_move_between_tensorflow_and_jax(faces, tmp_path):
    images, labels = faces
    small = {"network_params": {"filters": [4, 8], "convolutions": [1, 2], "units": 8}}
    members = [
        ("cnn_2", create_member("cnn_2", epochs=2, random_state=0, **small)),
        ("dense_hog", create_member("dense_hog", classifier__epochs=2, random_state=0)),
    ]
    ensemble = VotingEnsemble(members, random_state=0).fit(images, labels)
    given, made = save_ensemble(ensemble, tmp_path / "given"), tmp_path / "made"
    of_given, of_made = tmp_path / "given.npy", tmp_path / "made.npy"
    run_on_jax(SCRIPT, given, made, of_given, of_made)
    here = ensemble.predict_member_proba(images)
    np.testing.assert_allclose(np.load(of_given), here, atol=1e-4)
    trained_on_jax = load_ensemble(made).predict_member_proba(images)
    assert trained_on_jax.shape == (140, 3, 7)
    np.testing.assert_allclose(trained_on_jax, np.load(of_made), atol=1e-4)


def test_an_interrupted_training_goes_on_to_the_same_end_on_jax(tmp_path):
    run_on_jax(RESUMED, tmp_path / "state.npz")
