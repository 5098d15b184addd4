"""Members of the HOG + CNN ensemble.

Published for all networks: Adam, a learning rate that falls on a plateau, early stopping that
restores the best weights, up to 100 epochs (200 for ``cnn_2``), and augmentation by noise,
mirroring, contrast, sharpening and cropping. The amounts are not published.
"""

from __future__ import annotations

from typing import Any

from sklearn.preprocessing import StandardScaler

from fer_ensemble.features import HOG
from fer_ensemble.models.boosted_trees import BoostedTreesClassifier
from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.pipeline import MemberPipeline
from fer_ensemble.models.registry import member

_SOURCE = "HOG + CNN ensemble"
#: What the ensemble's balancing and augmentation do to faces.
AUGMENTATION = {"noise": 0.05, "flip": True, "contrast": 0.25, "sharpness": 0.5, "crop": 0.1}
#: How dense networks on features are trained here.
DENSE_TRAINING: dict[str, Any] = {
    "optimizer": "adamw",
    "learning_rate": 3e-4,
    "optimizer_params": {"weight_decay": 0.02},
    "schedule": "one_cycle",
    "epochs": 20,
    "batch_size": 128,
    "patience": None,
    "monitor": "accuracy",
}
#: How trees on features are boosted here, but for the share of the features that each tree sees.
BOOSTING: dict[str, Any] = {
    "n_estimators": 400,
    "learning_rate": 0.15,
    "max_depth": 5,
    "max_bin": 64,
}
# The learning rates seen, 6.56e-4 and 4.78e-4, are 0.001 × 0.9⁴ and 0.001 × 0.9⁷.
_SLOW_PLATEAU: dict[str, Any] = {
    "augmentation": AUGMENTATION,
    "schedule_params": {"factor": 0.9},
    "loss": "categorical_crossentropy",
}


@member(source=_SOURCE, parameters=11_183_431, multiply_accumulates=94_346_752)
def resnet() -> KerasClassifier:
    """ResNet-18 from scratch."""
    return KerasClassifier("resnet", augmentation=AUGMENTATION, loss="categorical_crossentropy")


@member(source=_SOURCE, parameters=683_527, multiply_accumulates=22_487_936)
def cnn_1() -> KerasClassifier:
    """Small convolutional network of three 3×3 convolutions."""
    return KerasClassifier("cnn_1", **_SLOW_PLATEAU)


@member(source=_SOURCE, parameters=18_314, multiply_accumulates=1_847_492)
def tiny_xception() -> KerasClassifier:
    """Four residual modules of 8 to 64 separable filters."""
    return KerasClassifier("tiny_xception", **_SLOW_PLATEAU)


@member(source=_SOURCE, parameters=2_135_047, multiply_accumulates=2_133_504)
def dense_hog() -> MemberPipeline:
    """Dense network on HOG features of each face and of its mirror image.

    Layer widths are not published. The published training (``dense_hog_published``) stops early
    on the official split, overfitted; larger batches and a low one-cycle rate generalise better.
    """
    network = KerasClassifier(
        "dense",
        network_params={"units": (1024, 512), "dropout": 0.4, "input_dropout": 0.1},
        **DENSE_TRAINING,
    )
    steps = [("hog", HOG()), ("scaler", StandardScaler()), ("classifier", network)]
    return MemberPipeline(steps, mirror=True)


@member(source=_SOURCE, parameters=2_135_047, multiply_accumulates=2_133_504)
def dense_hog_published() -> MemberPipeline:
    """Dense network on HOG features, trained as published."""
    network = KerasClassifier("dense", network_params={"units": (1024, 512)})
    return MemberPipeline([("hog", HOG()), ("scaler", StandardScaler()), ("classifier", network)])


@member(source=_SOURCE)
def boosted_hog() -> MemberPipeline:
    """Gradient-boosted trees on HOG features, with early stopping."""
    trees = BoostedTreesClassifier(colsample_bytree=0.2, **BOOSTING)
    return MemberPipeline([("hog", HOG()), ("classifier", trees)])


@member(source=_SOURCE, parameters=2_503_431, multiply_accumulates=160_507_648)
def cnn_2() -> KerasClassifier:
    """Plain convolutional network of ten 3×3 convolutions, on the pixels.

    The published training (``cnn_2_published``) takes a GPU; this one-cycle schedule ends fully
    annealed after 32 epochs. Probabilities are averaged over each face and its mirror image.
    """
    return KerasClassifier(
        "cnn_2",
        augmentation={"flip": True, "rotation": 10, "translation": 0.1},
        optimizer="adamw",
        learning_rate=1e-3,
        optimizer_params={"weight_decay": 1e-2},
        schedule="one_cycle",
        epochs=32,
        batch_size=64,
        patience=None,
        monitor="accuracy",
        flip_average=True,
    )


@member(source=_SOURCE, parameters=2_503_431, multiply_accumulates=160_507_648)
def cnn_2_published() -> KerasClassifier:
    """The network of cnn_2, trained as published."""
    return KerasClassifier(
        "cnn_2",
        augmentation=AUGMENTATION,
        loss="categorical_crossentropy",
        epochs=200,
        batch_size=256,
    )
