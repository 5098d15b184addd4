"""Features: scikit-learn transformers from faces to vectors."""

from fer_ensemble.features.geometry import geometry, geometry_names
from fer_ensemble.features.hog import HOG
from fer_ensemble.features.landmark_regressor import LandmarkRegressor
from fer_ensemble.features.landmark_weights import (
    load_landmark_regressor,
    save_landmark_regressor,
)
from fer_ensemble.features.landmarks import Landmarks
from fer_ensemble.features.points import mirror_points, point_errors

__all__ = [
    "HOG",
    "LandmarkRegressor",
    "Landmarks",
    "geometry",
    "geometry_names",
    "load_landmark_regressor",
    "mirror_points",
    "point_errors",
    "save_landmark_regressor",
]
