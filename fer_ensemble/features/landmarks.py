"""The points of a face, and features around them, as a transformer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from fer_ensemble.features.landmark_weights import load_landmark_regressor
from fer_ensemble.features.point_features import OUTPUTS, point_features
from fer_ensemble.features.points import as_points
from fer_ensemble.pixels import check_faces


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

    # Read where samples come a batch at a time.
    learns_nothing = True

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
        check_faces(X, "Landmarks")
        shipped = load_landmark_regressor()
        self.regressor_ = shipped if self.regressor is None else self.regressor
        self.shape_ = shipped.shape_
        self.n_features_out_ = sum(len(OUTPUTS[output]()) for output in self._outputs())
        return self

    def transform(
        self, X: ArrayLike, points: ArrayLike | None = None, moved: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Compute the features.

        Parameters
        ----------
        X : array-like of uint8 of shape (n_samples, height, width)
            Grayscale faces.
        points : array-like of shape (n_samples, 68, 2), default=None
            Points from elsewhere, in pixels of the faces, x then y in iBUG's order: dlib's as they
            are, or those of MediaPipe's points that correspond to iBUG's. Faces whose points are
            not all finite get the regressor's, as all do by default.
        moved : array-like of shape (n_samples, 68, 2), default=None
            Points that the face is to be measured by instead, such as those of a mouth less wide:
            'points' and 'geometry' are theirs, 'hog' stays.

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_features_out)

        Raises
        ------
        ValueError
            If faces or points have another shape or type, or their numbers differ.
        """
        check_is_fitted(self)
        faces = check_faces(X, "Landmarks")
        found = self._find(faces, points)
        told = None if moved is None else as_points(moved)
        return point_features(faces, found, self.shape_, self._outputs(), told)

    def find_points(self, X: ArrayLike) -> NDArray[np.floating]:
        """Find the 68 points of each face.

        Parameters
        ----------
        X : array-like of uint8 of shape (n_samples, height, width)

        Returns
        -------
        ndarray of float of shape (n_samples, 68, 2)
            In pixels of the faces, NaN where none are found.
        """
        check_is_fitted(self)
        return self._find(check_faces(X, "Landmarks"), None)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the features, such as ``left_eye_0_x_px``, ``mouth_openness``, ``hog_jaw_8_0``.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str of shape (n_features_out,)
        """
        check_is_fitted(self)
        names = [name for output in self._outputs() for name in OUTPUTS[output]()]
        return np.array(names, dtype=object)

    def _outputs(self) -> tuple[str, ...]:
        outputs = (self.output,) if isinstance(self.output, str) else tuple(self.output)
        unknown = [output for output in outputs if output not in OUTPUTS]
        if unknown or not outputs:
            raise ValueError(
                f"output={self.output!r}: choose {', '.join(map(repr, OUTPUTS))}, or some of them "
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
