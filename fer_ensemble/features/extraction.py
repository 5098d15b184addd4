"""Features by the name of their transformer, without scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    return LandmarkExtractor([output] if isinstance(output, str) else output, weights)


class LandmarkExtractor:
    """What :class:`~fer_ensemble.features.Landmarks` gives, without scikit-learn.

    Parameters
    ----------
    outputs : sequence of str
        As its parameter `output`.
    weights : bytes, default=None
        As of :func:`find_extractor`.

    Attributes
    ----------
    shape_ : ndarray of float32 of shape (68, 2)
        The mean shape of a face, in 48×48 px.
    """

    def __init__(self, outputs: Sequence[str], weights: bytes | None = None) -> None:
        self._outputs = outputs
        self.shape_, layers = read_landmark_weights()
        self._start = self.shape_
        if weights is not None:
            self._start, layers = read_landmark_weights(weights)
        self._stages = [prepare(stage) for stage in layers]

    def find_points(self, faces: NDArray[np.uint8]) -> NDArray[np.floating]:
        """Find the points of faces; of shape (n_samples, 68, 2), in pixels."""
        return find_points(faces, self._stages, self._start)

    def transform(
        self,
        faces: NDArray[np.uint8],
        points: NDArray[np.floating] | None = None,
        moved: NDArray[np.floating] | None = None,
    ) -> NDArray[np.float32]:
        """Compute features of faces, as of these points where they are given.

        Parameters
        ----------
        faces : ndarray of uint8 of shape (n_samples, height, width)
        points : ndarray of shape (n_samples, 68, 2), default=None
            Those that were found.
        moved : ndarray of shape (n_samples, 68, 2), default=None
            See :func:`~fer_ensemble.features.point_features.point_features`.

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_features)
        """
        found = self.find_points(faces) if points is None else points
        return point_features(faces, found, self.shape_, self._outputs, moved)

    __call__ = transform
