"""Fixtures of the models' tests."""

import pytest


@pytest.fixture
def eager():
    """Training steps run as they are: compiling one takes longer than the few that are taken."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
