"""Fitted landmark regressors as files of plain arrays, and the one that comes with the package."""

from __future__ import annotations

import hashlib
import itertools
import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.bounded_files import read_arrays
from fer_ensemble.features.cascade import Layers

if TYPE_CHECKING:
    from fer_ensemble.features.landmark_regressor import LandmarkRegressor

#: Weights trained on FER2013's Training faces by ``experiments/landmarks.py``, and their hash.
SHIPPED = Path(__file__).parent / "landmarks68.npz"
SHIPPED_SHA256 = "7e31beaa1d02b9c1cc43db9cc6847f4d527f2e79cbdc76dacac89ceaea7068b0"
_MOST_BYTES = 64 * 2**20


def load_landmark_regressor(
    path: str | os.PathLike[str] | bytes | None = None,
) -> LandmarkRegressor:
    """Load a fitted landmark regressor; nothing in the file can run code.

    Parameters
    ----------
    path : path-like or bytes, default=None
        What :func:`save_landmark_regressor` wrote, or the content of it; by default the weights
        that come with the package. Those were trained on FER2013's Training faces, with points of
        MediaPipe Face Mesh as truth.

    Returns
    -------
    LandmarkRegressor
        Fitted. Of its parameters only those that shape its networks are those of its training.

    Raises
    ------
    ValueError
        If the file is no such file, or the package's own is damaged.

    Examples
    --------
    >>> from fer_ensemble.datasets import make_faces
    >>> from fer_ensemble.features import load_landmark_regressor
    >>> load_landmark_regressor().predict(make_faces(2, random_state=0).images).shape
    (2, 68, 2)
    """
    from fer_ensemble.features.landmark_regressor import LandmarkRegressor

    shape, stages = read_landmark_weights(path)
    hidden = tuple(len(biases) for _, biases in stages[0][:-1])
    regressor = LandmarkRegressor(hidden, n_stages=len(stages))
    regressor.shape_, regressor.stages_ = shape, stages
    return regressor


def read_landmark_weights(
    path: str | os.PathLike[str] | bytes | None = None,
) -> tuple[NDArray[np.float32], list[Layers]]:
    """Read what :func:`load_landmark_regressor` makes an estimator of, without scikit-learn.

    Parameters
    ----------
    path : path-like or bytes, default=None
        As of :func:`load_landmark_regressor`.

    Returns
    -------
    shape : ndarray of float32 of shape (68, 2)
    stages : list of list of (weights, biases)

    Raises
    ------
    ValueError
        If the file is no such file, or the package's own is damaged.
    """
    if isinstance(path, bytes):
        content, path = path, "weights in memory"
    else:
        content = Path(SHIPPED if path is None else path).read_bytes()
    if path is None and hashlib.sha256(content).hexdigest() != SHIPPED_SHA256:
        raise ValueError(f"{SHIPPED}: damaged. Install fer-ensemble again.")
    try:
        arrays = read_arrays(content, _MOST_BYTES)
        if arrays["shape"].shape != (68, 2) or not _are_finite(arrays["shape"]):
            raise ValueError("its mean shape is not one of 68 points")
        return arrays["shape"], _read_stages(arrays)
    except KeyError as error:
        raise ValueError(
            f"{path}: not a file of landmark weights (it has no {error.args[0]})."
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: not a file of landmark weights ({error}).") from error


def save_landmark_regressor(regressor: LandmarkRegressor, path: str | os.PathLike[str]) -> str:
    """Write a fitted landmark regressor to a file of plain arrays.

    Parameters
    ----------
    regressor : LandmarkRegressor
        Fitted.
    path : path-like
        Such as ``landmarks.npz``.

    Returns
    -------
    str
        SHA-256 of the file, in hexadecimal.
    """
    content = dump_landmark_weights(regressor)
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def dump_landmark_weights(regressor: LandmarkRegressor) -> bytes:
    """Turn a fitted landmark regressor into the content of a file of plain arrays.

    Parameters
    ----------
    regressor : LandmarkRegressor
        Fitted.

    Returns
    -------
    bytes
    """
    arrays = {"shape": regressor.shape_}
    for i, layers in enumerate(regressor.stages_):
        for j, (weights, biases) in enumerate(layers):
            arrays[f"stage{i}_weights{j}"] = weights
            arrays[f"stage{i}_biases{j}"] = biases
    content = BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    return content.getvalue()


def _check_layers(layers: Layers, name: str) -> None:
    """Check that each layer takes what the one before it gives."""
    widths = [weights.shape for weights, _ in layers]
    chained = all(a[1:] == b[:1] for a, b in itertools.pairwise(widths))
    if not chained or any(
        weights.ndim != 2
        or weights.shape[1:] != biases.shape
        or not (_are_finite(weights) and _are_finite(biases))
        for weights, biases in layers
    ):
        raise ValueError(f"the layers of its {name} do not fit each other")


def _are_finite(array: NDArray[np.generic]) -> bool:
    return array.dtype.kind == "f" and bool(np.isfinite(array).all())


def _read_stages(arrays: dict[str, np.ndarray]) -> list[Layers]:
    stages: list[Layers] = []
    while f"stage{len(stages)}_weights0" in arrays:
        name = f"stage{len(stages)}"
        layers: Layers = []
        while f"{name}_weights{len(layers)}" in arrays:
            number = len(layers)
            layers.append((arrays[f"{name}_weights{number}"], arrays[f"{name}_biases{number}"]))
        _check_layers(layers, name)
        stages.append(layers)
    if not stages:
        raise ValueError("it has no stages")
    return stages
