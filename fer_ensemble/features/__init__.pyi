from .geometry import geometry, geometry_names
from .hog import HOG
from .landmark_regressor import LandmarkRegressor
from .landmark_weights import (
    load_landmark_regressor,
    save_landmark_regressor,
)
from .landmarks import Landmarks
from .points import mirror_points, point_errors

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
