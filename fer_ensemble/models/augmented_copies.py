"""Changed copies of faces, for the protocol that balances before it splits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.models.balancing import augment_once
from fer_ensemble.models.members.hog_cnn import AUGMENTATION


def augment_copies(faces: NDArray[np.uint8], random_state: int) -> NDArray[np.uint8]:
    """Change faces at random, as the balancing of the HOG + CNN ensemble does.

    Parameters
    ----------
    faces : ndarray of shape (n_samples, height, width), uint8
    random_state : int
        Seed.

    Returns
    -------
    ndarray of the same shape and type

    See Also
    --------
    fer_ensemble.datasets.PROTOCOLS : The balanced one takes this as its ``augment``.
    """
    changed: NDArray[np.uint8] = augment_once(faces[..., np.newaxis], AUGMENTATION, random_state)
    return changed[..., 0]
