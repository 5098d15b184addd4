"""Features by the name of their transformer, without scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.features.cascade import find_points, prepare
from fer_ensemble.features.landmark_weights import read_landmark_weights
from fer_ensemble.features.oriented_gradients import oriented_gradients
from fer_ensemble.features.point_features import point_features

#: From faces, uint8 of shape (n_samples, height, width), to features (n_samples, n_features).
Extractor: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def find_extractor(
    name: str, parameters: Mapping[str, Any], weights: bytes | None = None
) -> Extractor:
    """Return what computes the features of a transformer.

    Parameters
    ----------
    name : {'HOG', 'Landmarks'}
        Class of the transformer.
    parameters : mapping of str to JSON value
        Its parameters, but for those that change nothing of its result.
    weights : bytes, default=None
        Of landmarks, those of a regressor of the user's own; see
        :func:`~fer_ensemble.features.save_landmark_regressor`.

    Returns
    -------
    callable
        From ``uint8`` faces of shape (n_samples, height, width) to ``float32`` features of shape
        (n_samples, n_features), those that the transformer gives.

    Raises
    ------
    ValueError
        If there is no such transformer, or its weights are damaged.
    """
    if name == "HOG":
        return partial(oriented_gradients, **parameters)
    if name != "Landmarks":
        raise ValueError(f"There are no features {name!r}: upgrade fer-ensemble.")
    output = parameters["output"]
    outputs = [output] if isinstance(output, str) else output
    upright, layers = read_landmark_weights()
    shape = upright
    if weights is not None:
        shape, layers = read_landmark_weights(weights)
    stages = [prepare(stage) for stage in layers]

    def extract(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        return point_features(faces, find_points(faces, stages, shape), upright, outputs)

    return extract
