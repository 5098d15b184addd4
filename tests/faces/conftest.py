"""A photograph with one face."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """An astronaut's portrait of 512 by 512 pixels, in the order blue, green, red."""
    import skimage.data

    return np.ascontiguousarray(skimage.data.astronaut()[..., ::-1])
