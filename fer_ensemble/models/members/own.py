"""Members on landmarks: the geometry of 68 points, alone or with gradients around the points.

The HOG + CNN ensemble asks for landmark features and for gradient boosting among its members, and
publishes neither recipe nor figure; these are ours.
"""

from __future__ import annotations

from typing import Any

from sklearn.preprocessing import StandardScaler

from fer_ensemble.features import Landmarks
from fer_ensemble.models.boosted_trees import BoostedTreesClassifier
from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.members.published import BOOSTING, DENSE_TRAINING
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


_TRAINING: dict[str, Any] = {
    "augmentation": {"flip": True, "rotation": 10, "translation": 0.1, "zoom": 0.1},
    "loss": "categorical_crossentropy",
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "optimizer_params": {"weight_decay": 1e-2},
    "schedule": "one_cycle",
    "batch_size": 64,
    "patience": None,
    "monitor": "accuracy",
}


@member(source="Arriaga et al. 2019", parameters=58_423, multiply_accumulates=5_520_448)
def mini_xception() -> KerasClassifier:
    """Four residual modules of 16 to 128 separable filters.

    After the authors' public training: batches of 32, Adam, a learning rate that falls to a tenth
    after twelve epochs on a plateau, rotations, shifts, zoom and mirror images.
    """
    return KerasClassifier(
        "mini_xception",
        augmentation={"flip": True, "rotation": 10, "translation": 0.1, "zoom": 0.1},
        loss="categorical_crossentropy",
        schedule_params={"factor": 0.1, "patience": 12},
        epochs=200,
        patience=50,
    )


@member(source="fer-ensemble", parameters=939_255, multiply_accumulates=41_749_824)
def fast_cnn() -> KerasClassifier:
    """The blocks of cnn_2 with a quarter of its multiplications, for quick prediction.

    Most of its filters see the face at a quarter of its side, where processors are fastest. A
    network so small takes more epochs and less dropout.
    """
    return KerasClassifier(
        "cnn_2",
        network_params={
            "filters": (16, 32, 64, 160),
            "convolutions": (1, 2, 3, 3),
            "units": 192,
            "dropout": 0.1,
        },
        epochs=120,
        **_TRAINING,
    )


@member(source="fer-ensemble", parameters=1_963_615, multiply_accumulates=159_939_328)
def se_resnet() -> KerasClassifier:
    """Residual network with squeeze-excitation and stochastic depth, made for 48×48 faces.

    One-cycle AdamW with smoothed labels. Probabilities are averaged over each face and its
    mirror image.
    """
    return KerasClassifier(
        "se_resnet",
        label_smoothing=0.1,
        epochs=32,
        flip_average=True,
        **_TRAINING,
    )
