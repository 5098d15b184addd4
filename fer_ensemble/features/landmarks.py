"""Histograms of gradients around the points of a face."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from fer_ensemble.features.batches import in_batches
from fer_ensemble.features.cascade import as_faces
from fer_ensemble.features.geometry import geometry, geometry_names
from fer_ensemble.features.landmark_weights import load_landmark_regressor
from fer_ensemble.features.points import POINT_NAMES, as_points, fit_similarity

# Where expressions show: brows, eyes, bridge and sides of the nose, lips and chin.
_PLACES = (
    *(17, 19, 21, 22, 24, 26),
    *(36, 37, 39, 41, 42, 44, 45, 46),
    *(27, 30, 31, 35),
    *(48, 50, 51, 52, 54, 56, 57, 58, 62, 66),
    *(6, 8, 10),
)
# The shape is laid out in a square of this side with a border for the windows of outer points.
_SIDE = 72
_BORDER = 12
_WINDOW = 16
_ORIENTATIONS = 8
_VALUES = 4 * _ORIENTATIONS
# As many faces at once as stay, with their gradients, in a processor's cache.
_BATCH = 16


def local_hog(
    faces: NDArray[np.uint8], points: NDArray[np.floating], shape: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Describe the neighbourhoods of points, in faces brought upright by them.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)
    points : ndarray of shape (n_samples, 68, 2)
        In pixels of the faces.
    shape : ndarray of shape (68, 2)
        The shape to which faces are brought upright, in a square of 48×48 px.

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_features)
        The columns of :func:`local_hog_names`: histograms of 8 signed directions in 2×2 cells,
        normalised together, of a window a quarter as wide as the face; NaN for a face whose points
        are not finite or all the same.

    References
    ----------
    Dalal, N. and Triggs, B. (2005). Histograms of oriented gradients for human detection. CVPR.
    """
    features = np.full((len(faces), len(_PLACES) * _VALUES), np.nan, np.float32)
    known = np.flatnonzero(np.ptp(points, axis=1).max(axis=1) > 0)  # NaN is not above 0
    if not known.size:
        return features

    def describe(faces: NDArray[np.uint8], points: NDArray[np.floating]) -> NDArray[np.float32]:
        to_crop = fit_similarity(points, shape * (_SIDE / 48) + _BORDER)
        side = _SIDE + 2 * _BORDER
        crops = to_crop.warp(faces, side, border=faces.shape[2] // 4)
        corners = np.rint(to_crop.apply(points)[:, _PLACES] - _WINDOW / 2).astype(int)
        corners = corners.clip(0, side - _WINDOW)
        # All in one call, as `cascade.describe` does.
        tall = np.pad(crops, ((0, 0), (1, 1), (0, 0)), "reflect").reshape(-1, side)
        corners[:, :, 1] += 1 + np.arange(len(crops))[:, None] * (side + 2)
        places = [(x, y) for x, y in corners.reshape(-1, 2).tolist()]
        histograms: NDArray[np.float32] = _hog().compute(tall, locations=places)
        return histograms.reshape(len(faces), -1)

    features[known] = in_batches(describe, faces[known], points[known], size=_BATCH)
    return features


def local_hog_names() -> list[str]:
    """Name the columns of :func:`local_hog`.

    Returns
    -------
    list of str
        The point and the number of the value, as in ``hog_left_eye_0_31``.
    """
    return [f"hog_{POINT_NAMES[place]}_{i}" for place in _PLACES for i in range(_VALUES)]


@cache
def _hog() -> Any:
    import cv2

    cell = _WINDOW // 2
    # The values between directions and threshold are OpenCV's defaults; the last asks for signed.
    return cv2.HOGDescriptor(
        (_WINDOW, _WINDOW),
        (_WINDOW, _WINDOW),
        (cell, cell),
        (cell, cell),
        _ORIENTATIONS,
        1,
        -1,
        0,
        0.2,
        False,
        64,
        True,
    )


_NAMES: dict[str, Callable[[], list[str]]] = {
    "points": lambda: [f"{name}_{axis}_px" for name in POINT_NAMES for axis in "xy"],
    "geometry": geometry_names,
    "hog": local_hog_names,
}


class Landmarks(TransformerMixin, BaseEstimator):
    """The 68 iBUG points of each face, its geometry, and gradients around the points.

    Parameters
    ----------
    output : {'points', 'geometry', 'hog'} or tuple of these, default='geometry'
        What to give, in this order: the points themselves in pixels, what
        :func:`~fer_ensemble.features.geometry` measures on them, or histograms of gradients
        around them.
    regressor : estimator, default=None
        What finds the points: a fitted object whose ``predict`` takes faces of shape
        ``(n_samples, height, width)`` and returns points of shape ``(n_samples, 68, 2)``, NaN
        where it finds none. It is used as it is; inside what clones its parts, as a pipeline in
        an ensemble, wrap it in :class:`sklearn.frozen.FrozenEstimator`. By default that of
        :func:`~fer_ensemble.features.load_landmark_regressor`.

    Attributes
    ----------
    regressor_ : estimator
        What finds the points.
    shape_ : ndarray of float32 of shape (68, 2)
        The mean shape to which faces are brought upright for 'hog', in 48×48 px.
    n_features_out_ : int
        Length of a feature vector.

    Notes
    -----
    A face without points has NaN in every column. The default regressor always finds some; it
    cannot tell that a picture is no face.

    References
    ----------
    Sagonas, C. et al. (2013). 300 Faces In-The-Wild Challenge: the first facial landmark
    localization challenge. ICCV workshops.

    Examples
    --------
    >>> from fer_ensemble.datasets import make_faces
    >>> from fer_ensemble.features import Landmarks
    >>> faces = make_faces(4, random_state=0).images
    >>> landmarks = Landmarks(output=("points", "hog")).fit(faces)
    >>> landmarks.transform(faces).shape == (4, landmarks.n_features_out_)
    True
    """

    def __init__(
        self, output: str | tuple[str, ...] = "geometry", *, regressor: Any = None
    ) -> None:
        self.output = output
        self.regressor = regressor

    def fit(self, X: ArrayLike, y: object = None) -> Landmarks:
        """Take the regressor; nothing is learned from the faces.

        Parameters
        ----------
        X : array-like of uint8 of shape (n_samples, height, width)
            Grayscale faces.
        y : ignored

        Returns
        -------
        Landmarks
            The transformer itself.

        Raises
        ------
        ValueError
            If `X` is not a stack of grayscale faces, or `output` is unknown.
        """
        as_faces(X)
        shipped = load_landmark_regressor()
        self.regressor_ = shipped if self.regressor is None else self.regressor
        self.shape_ = shipped.shape_
        self.n_features_out_ = sum(len(_NAMES[output]()) for output in self._outputs())
        return self

    def transform(self, X: ArrayLike, points: ArrayLike | None = None) -> NDArray[np.float32]:
        """Compute the features.

        Parameters
        ----------
        X : array-like of uint8 of shape (n_samples, height, width)
            Grayscale faces.
        points : array-like of shape (n_samples, 68, 2), default=None
            Points from elsewhere, in pixels of the faces, x then y in iBUG's order: dlib's as they
            are, or those of MediaPipe's points that correspond to iBUG's. Faces whose points are
            not all finite get the regressor's, as all do by default.

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_features_out_)

        Raises
        ------
        ValueError
            If faces or points have another shape or type, or their numbers differ.
        """
        check_is_fitted(self)
        faces = as_faces(X)
        found = self._find(faces, points)
        parts: dict[str, Callable[[], NDArray[np.floating]]] = {
            "points": lambda: found.reshape(len(found), -1),
            "geometry": lambda: geometry(found),
            "hog": lambda: local_hog(faces, found, self.shape_),
        }
        columns = [parts[output]() for output in self._outputs()]
        return np.concatenate(columns, axis=1).astype(np.float32, copy=False)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the features, such as ``left_eye_0_x_px``, ``mouth_openness``, ``hog_jaw_8_0``.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str of shape (n_features_out_,)
        """
        check_is_fitted(self)
        names = [name for output in self._outputs() for name in _NAMES[output]()]
        return np.array(names, dtype=object)

    def _outputs(self) -> tuple[str, ...]:
        outputs = (self.output,) if isinstance(self.output, str) else tuple(self.output)
        unknown = [output for output in outputs if output not in _NAMES]
        if unknown or not outputs:
            raise ValueError(
                f"output={self.output!r}: choose {', '.join(map(repr, _NAMES))}, or some of them "
                "as a tuple."
            )
        return outputs

    def _find(self, faces: NDArray[np.uint8], points: ArrayLike | None) -> NDArray[np.floating]:
        if points is None:
            return as_points(self.regressor_.predict(faces))
        given = as_points(points)
        if len(given) != len(faces):
            raise ValueError(
                f"{len(faces)} faces but points of {len(given)}: give the points of every face, "
                "NaN where none were found."
            )
        lacking = np.isnan(given[:, 0, 0])
        if lacking.any():
            given[lacking] = self.regressor_.predict(faces[lacking])
        return given

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags
