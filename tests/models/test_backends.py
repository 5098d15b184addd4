"""The same weights give the same probabilities on every Keras backend."""

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

given, made, probabilities = sys.argv[1:]
faces = make_faces(140, random_state=0)
np.save(probabilities, load_ensemble(given).predict_member_proba(faces.images))
member = create_member("cnn_2", epochs=1, random_state=0, network_params={
    "filters": [4, 8], "convolutions": [1, 2], "units": 8})
ensemble = VotingEnsemble([("cnn_2", member)], random_state=0)
save_ensemble(ensemble.fit(faces.images, faces.labels), made)
import keras
print(keras.backend.backend())
"""


def test_weights_move_between_tensorflow_and_jax(faces, tmp_path):
    images, labels = faces
    small = {"network_params": {"filters": [4, 8], "convolutions": [1, 2], "units": 8}}
    members = [
        ("cnn_2", create_member("cnn_2", epochs=2, random_state=0, **small)),
        ("dense_hog", create_member("dense_hog", classifier__epochs=2, random_state=0)),
    ]
    ensemble = VotingEnsemble(members, random_state=0).fit(images, labels)
    given = save_ensemble(ensemble, tmp_path / "given")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, given, tmp_path / "made", tmp_path / "jax.npy"],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["jax"]
    on_jax = np.load(tmp_path / "jax.npy")
    np.testing.assert_allclose(ensemble.predict_member_proba(images), on_jax, atol=1e-4)
    trained_on_jax = load_ensemble(tmp_path / "made")
    assert trained_on_jax.predict_proba(images).shape == (140, 7)
