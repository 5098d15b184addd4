"""The embedded default: synthetic faces as a data set, for a first fit without any download."""

from __future__ import annotations

import numpy as np

from fer_ensemble.datasets.dataset import FaceDataset


def synthetic_dataset(
    n_samples: int = 1500, *, random_state: int | np.random.RandomState | None = None
) -> FaceDataset:
    """Draw synthetic faces as a data set.

    Parameters
    ----------
    n_samples : int, default=1500
        How many faces.
    random_state : int, RandomState instance or None, default=None
        Seed of the faces.

    Returns
    -------
    FaceDataset
        All of the split ``'train'``, named ``synthetic_00000`` and on. Figures from them say
        nothing about real faces.
    """
    from fer_ensemble.datasets.synthetic import make_faces

    images, labels, _ = make_faces(n_samples, random_state=random_state)
    return FaceDataset(
        images,
        labels,
        split=np.full(n_samples, "train"),
        names=np.array([f"synthetic_{i:05d}" for i in range(n_samples)], dtype=object),
    )
