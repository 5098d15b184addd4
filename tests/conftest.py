"""Fixtures shared by all rooms."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fer2013_path() -> Path:
    """Path of the real FER2013 (zip, CSV or folder); the test is skipped without it."""
    path = os.environ.get("FER2013_PATH")
    if not path:
        pytest.skip("needs real FER2013: set FER2013_PATH to its zip, CSV or folder")
    return Path(path)
