"""Transfer from ImageNet, and two small VGGs beside it.

Published for all: Adam, batches of 32, five or ten epochs. No augmentation is, and no learning
rate: at Keras's default of 0.001 the small VGGs never leave the commonest class on FER2013, so
theirs is lower.
"""

from __future__ import annotations

from typing import Any

from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.registry import member

_VGG_LEARNING_RATE = 3e-4
_SOURCE = "Transfer learning and small VGGs"
_TRAINING: dict[str, Any] = {
    "loss": "categorical_crossentropy",
    "schedule": "constant",
    "patience": None,
    "monitor": "accuracy",
}


@member(source=_SOURCE, parameters=5_835_975, multiply_accumulates=24_565_376)
def mobilenet_v2() -> KerasClassifier:
    """MobileNetV2 from ImageNet weights, under three dense layers."""
    return KerasClassifier(
        "mobilenet_v2", network_params={"weights": "imagenet"}, epochs=10, **_TRAINING
    )


@member(source=_SOURCE, parameters=25_693_063, multiply_accumulates=205_310_976)
def resnet50() -> KerasClassifier:
    """ResNet50 from ImageNet weights, under a dense layer of 1,024."""
    return KerasClassifier(
        "resnet50", network_params={"weights": "imagenet"}, epochs=5, **_TRAINING
    )


@member(source=_SOURCE, parameters=528_295, multiply_accumulates=67_960_704)
def vgg_style() -> KerasClassifier:
    """Four blocks of two convolutions with strong dropout."""
    return KerasClassifier("vgg_style", learning_rate=_VGG_LEARNING_RATE, epochs=10, **_TRAINING)


@member(source=_SOURCE, parameters=647_111, multiply_accumulates=56_550_272)
def improved_vgg() -> KerasClassifier:
    """Eight convolutions in four blocks of growing depth."""
    return KerasClassifier("improved_vgg", learning_rate=_VGG_LEARNING_RATE, epochs=10, **_TRAINING)
