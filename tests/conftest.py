"""Fixtures shared by all tests."""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

# TensorFlow reads it on import: its start-up notes are no part of a test's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def fer2013_path() -> Path:
    """Path of the real FER2013 (zip, CSV or folder); the test is skipped without it."""
    path = os.environ.get("FER2013_PATH")
    if not path:
        pytest.skip("needs real FER2013: set FER2013_PATH to its zip, CSV or folder")
    return Path(path)


@pytest.fixture(scope="session")
def fer2013(fer2013_path):
    """The faces of the real FER2013, read once: it takes seconds."""
    from fer_ensemble.datasets import load_faces

    return load_faces(fer2013_path, strict=True)


@pytest.fixture(scope="session")
def faces() -> tuple[np.ndarray, np.ndarray]:
    """Synthetic faces and labels, too few to learn much from."""
    from fer_ensemble.datasets import make_faces

    images, labels, _ = make_faces(140, random_state=0)
    return images, labels


@pytest.fixture(scope="session")
def more_faces() -> tuple[np.ndarray, np.ndarray]:
    """Synthetic faces and labels, enough to learn from; disjoint from `faces`."""
    from fer_ensemble.datasets import make_faces

    images, labels, _ = make_faces(700, random_state=1)
    return images, labels


@contextmanager
def eagerly():
    """Run training steps as they are: compiling one takes longer than the few that are taken."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def eager():
    """See `eagerly`."""
    with eagerly():
        yield
