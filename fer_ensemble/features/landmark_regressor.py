"""The 68 points of a small face, by a cascade of dense networks on its gradients."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from fer_ensemble.features.cascade import (
    SIDE,
    Layers,
    find_points,
    prepare,
    to_side,
    upright_shape,
)
from fer_ensemble.features.points import as_points, point_errors
from fer_ensemble.features.regressor_training import train_stage
from fer_ensemble.pixels import check_faces

# Kept here, not in the estimators: so they are neither saved nor compared.
_CONVERTED: WeakKeyDictionary[LandmarkRegressor, tuple[list[Layers], list[Layers]]]
_CONVERTED = WeakKeyDictionary()


class LandmarkRegressor(BaseEstimator):
    """Finds the 68 iBUG points in cropped grayscale faces.

    A cascade: the first stage estimates the points from histograms of gradients of the whole
    face, each further stage brings the face upright by the estimate and corrects it. Stages are
    dense networks, trained on randomly turned, scaled, shifted and mirrored faces for the mean
    distance of the points in units of the eyes' distance. Estimates for a face and for its mirror
    image are averaged. :func:`~fer_ensemble.features.load_landmark_regressor` gives one that was
    trained on FER2013's Training faces.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int, default=(112, 112)
        Units of the hidden layers of every stage.
    n_stages : int, default=2
        Stages of the cascade.
    epochs : int, default=16
        Passes over the training faces, for each stage.
    batch_size : int, default=256
        Faces in a training step.
    learning_rate : float, default=0.0015
        Of Adam at the start; it falls to zero by half a cosine.
    weight_decay : float, default=0.01
        Decoupled decay of the weights.
    rotation : float, default=25
        Faces are turned by up to so many degrees in training.
    zoom : float, default=0.2
        Largest change of their size, as its natural logarithm.
    shift : float, default=3
        Most pixels, of 48, by which they are shifted along either axis.
    random_state : int, RandomState instance or None, default=None
        Seed of the weights at the start, the order of the faces and their changes.
    verbose : int, default=0
        1 prints a line for each epoch.

    Attributes
    ----------
    shape_ : ndarray of float32 of shape (68, 2)
        The mean shape, to which faces are brought upright.
    stages_ : list of list of tuple of ndarray
        Weights (half precision) and biases of the layers of each stage.
    n_left_out_ : int
        Training faces that were left out since a point of theirs was not finite.

    References
    ----------
    Xiong, X. and De la Torre, F. (2013). Supervised descent method and its applications to face
    alignment. CVPR.

    Kowalski, M. et al. (2017). Deep alignment network: a convolutional neural network for robust
    face alignment. CVPR workshops.

    Examples
    --------
    >>> import numpy as np
    >>> from fer_ensemble.datasets import make_faces
    >>> from fer_ensemble.features import LandmarkRegressor
    >>> faces = make_faces(20, random_state=0).images
    >>> points = np.random.default_rng(0).uniform(0, 48, (20, 68, 2))
    >>> LandmarkRegressor(epochs=1, random_state=0).fit(faces, points).predict(faces).shape
    (20, 68, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like"],
        "n_stages": [Interval(Integral, 1, None, closed="left")],
        "epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "rotation": [Interval(Real, 0, None, closed="left")],
        "zoom": [Interval(Real, 0, None, closed="left")],
        "shift": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        hidden_layer_sizes: tuple[int, ...] = (112, 112),
        *,
        n_stages: int = 2,
        epochs: int = 16,
        batch_size: int = 256,
        learning_rate: float = 1.5e-3,
        weight_decay: float = 0.01,
        rotation: float = 25,
        zoom: float = 0.2,
        shift: float = 3,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_stages = n_stages
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.rotation = rotation
        self.zoom = zoom
        self.shift = shift
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: ArrayLike, y: ArrayLike) -> LandmarkRegressor:
        """Train the stages, one after the other.

        Parameters
        ----------
        X : array-like of uint8 of shape (n_samples, height, width)
            Grayscale faces.
        y : array-like of shape (n_samples, 68, 2)
            Their points: x then y in pixels from the picture's upper left edge, in iBUG's order.
            Faces with a point that is not finite are left out.

        Returns
        -------
        LandmarkRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If faces or points have another shape or type, their numbers differ, no face has all
            points, or a parameter is out of its range.
        """
        self._validate_params()
        faces, points = check_faces(X, "LandmarkRegressor"), as_points(y)
        if len(points) != len(faces):
            raise ValueError(
                f"{len(faces)} faces but points of {len(points)}: give the points of every face, "
                "NaN where none were found."
            )
        known = np.isfinite(points[:, 0, 0])
        self.n_left_out_ = int((~known).sum())
        if not known.any():
            raise ValueError(f"None of the {len(faces)} faces has points that are all finite.")
        small, scale = to_side(faces[known], SIDE)
        points = (points[known] / scale).astype(np.float32)
        random = check_random_state(self.random_state)
        self.shape_ = upright_shape(points)
        self.stages_: list[Layers] = []
        for _ in range(self.n_stages):
            self.stages_.append(train_stage(self, small, points, random))
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float32]:
        """Find the points.

        Parameters
        ----------
        X : array-like of uint8 of shape (n_samples, height, width)
            Grayscale faces of any size; they are resized to 48×48.

        Returns
        -------
        ndarray of float32 of shape (n_samples, 68, 2)
            x then y, in pixels of the faces as given; a point may lie outside its picture. Those
            of a face do not depend on the faces beside it.

        Raises
        ------
        ValueError
            If the faces have another shape or type.
        """
        check_is_fitted(self)
        faces = check_faces(X, "LandmarkRegressor")
        return find_points(faces, self._stages_to_compute(), self.shape_)

    def _stages_to_compute(self) -> list[Layers]:
        """The stages with weights in single precision, converted once."""
        stages, converted = _CONVERTED.get(self, (None, []))
        if stages is not self.stages_:
            converted = [prepare(layers) for layers in self.stages_]
            _CONVERTED[self] = self.stages_, converted
        return converted

    def score(self, X: ArrayLike, y: ArrayLike) -> float:
        """Compare found points with given ones.

        Parameters
        ----------
        X : array-like of uint8 of shape (n_samples, height, width)
            Faces.
        y : array-like of shape (n_samples, 68, 2)
            Their points; faces with a point that is not finite are left out.

        Returns
        -------
        float
            The mean error in units of the distance of the eyes' outer corners, negated so that
            more is better.
        """
        return -float(np.nanmean(point_errors(self.predict(X), y)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        return tags
