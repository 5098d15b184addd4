"""The nearest peer: the mini-Xception of 58,423 parameters that the package ``fer`` ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_ensemble.models import NETWORKS

N_PARAMETERS = 58_423
_SIDE = 64
_BATCH = 256


def load_peer(weights: Path | None) -> keras.Model:
    """Load the peer's network, or build one that is as large.

    Parameters
    ----------
    weights : Path or None
        Its ``emotion_model.hdf5``; without it, weights are drawn, which take the same time.

    Returns
    -------
    keras.Model
        From faces of shape (n_samples, 64, 64, 1) to probabilities.

    Raises
    ------
    ValueError
        If the file holds another network.
    """
    if weights is None:
        network = NETWORKS["mini_xception"]((_SIDE, _SIDE, 1), 7)
    else:
        network = keras.models.load_model(weights, compile=False)
    if network.count_params() != N_PARAMETERS or network.input_shape[1:] != (_SIDE, _SIDE, 1):
        raise ValueError(f"{weights} is not the network of {N_PARAMETERS:,} parameters.")
    return network


def peer_faces(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Bring faces to the size and the range that the peer was trained on.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)

    Returns
    -------
    ndarray of float32 of shape (n_samples, 64, 64, 1)
        From -1 to 1.
    """
    import cv2

    large = np.stack([cv2.resize(face, (_SIDE, _SIDE)) for face in faces])
    return (large[..., np.newaxis] / 127.5 - 1).astype(np.float32)


def predict_peer(network: Any, faces: NDArray[np.float32]) -> NDArray[np.float64]:
    """Predict in batches of 256.

    Parameters
    ----------
    network : keras.Model
        As of :func:`load_peer`.
    faces : ndarray of float32 of shape (n_samples, 64, 64, 1)
        As of :func:`peer_faces`.

    Returns
    -------
    ndarray of shape (n_samples, 7)
        Columns in our order of the expressions, which is also its.
    """
    parts = [
        network.predict_on_batch(faces[start : start + _BATCH])
        for start in range(0, len(faces), _BATCH)
    ]
    probabilities = np.concatenate(parts).astype(np.float64)
    return probabilities / probabilities.sum(axis=1, keepdims=True)
