"""Members on landmarks: the geometry of 68 points, alone or with gradients around the points.

The HOG + CNN ensemble asks for landmark features and for gradient boosting among its members, and
publishes neither recipe nor figure; these are ours.
"""

from __future__ import annotations

from sklearn.preprocessing import StandardScaler

from fer_ensemble.features import Landmarks
from fer_ensemble.models.boosted_trees import BoostedTreesClassifier
from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.members.hog_cnn import BOOSTING, DENSE_TRAINING
from fer_ensemble.models.pipeline import MemberPipeline
from fer_ensemble.models.registry import member

_SOURCE = "HOG + CNN ensemble"


@member(source=_SOURCE)
def boosted_landmarks() -> MemberPipeline:
    """Gradient-boosted trees on the geometry of landmarks, with early stopping."""
    trees = BoostedTreesClassifier(colsample_bytree=0.2, **BOOSTING)
    return MemberPipeline([("landmarks", Landmarks()), ("classifier", trees)])


@member(source=_SOURCE)
def boosted_hog_landmarks() -> MemberPipeline:
    """Gradient-boosted trees on the geometry of landmarks and on HOG around them."""
    trees = BoostedTreesClassifier(colsample_bytree=0.1, **BOOSTING)
    features = Landmarks(output=("geometry", "hog"))
    return MemberPipeline([("landmarks", features), ("classifier", trees)])


@member(source=_SOURCE, parameters=865_287, multiply_accumulates=864_512)
def dense_hog_landmarks() -> MemberPipeline:
    """Dense network on the geometry of landmarks and on HOG around them, mirror image included.

    The training is that of ``dense_hog``.
    """
    network = KerasClassifier(
        "dense",
        network_params={"units": (512, 256), "dropout": 0.4, "input_dropout": 0.1},
        **DENSE_TRAINING,
    )
    features = Landmarks(output=("geometry", "hog"))
    steps = [("landmarks", features), ("scaler", StandardScaler()), ("classifier", network)]
    return MemberPipeline(steps, mirror=True)
