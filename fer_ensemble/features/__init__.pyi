from .alterations import ALTERATIONS, alter_faces
from .conditions import (
    CONDITIONS,
    Condition,
    effective_resolution,
    group_faces,
    head_pose,
    measure_faces,
)
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
    "ALTERATIONS",
    "CONDITIONS",
    "HOG",
    "Condition",
    "LandmarkRegressor",
    "Landmarks",
    "alter_faces",
    "effective_resolution",
    "geometry",
    "geometry_names",
    "group_faces",
    "head_pose",
    "load_landmark_regressor",
    "measure_faces",
    "mirror_points",
    "point_errors",
    "save_landmark_regressor",
]
