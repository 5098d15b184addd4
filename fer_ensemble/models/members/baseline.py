"""The baseline network, the tuned one, the regularised one, and a transfer at full size.

Published for the regularised network: label smoothing, Adam at 0.001, a learning rate that falls
on a plateau of the held-out accuracy, early stopping, and augmentation of a part of the faces.
"""

from __future__ import annotations

from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.registry import member

_SOURCE = "Baseline, tuned and regularised CNN"


@member(source=_SOURCE, parameters=685_703, multiply_accumulates=32_809_856)
def baseline_cnn() -> KerasClassifier:
    """Four normalised convolutions with rising dropout."""
    return KerasClassifier("baseline_cnn", epochs=50, batch_size=64)


@member(source=_SOURCE, parameters=403_463, multiply_accumulates=86_295_424)
def tuned_cnn() -> KerasClassifier:
    """Three convolutional blocks whose sizes a search chooses; here those it starts from."""
    return KerasClassifier("tuned_cnn", epochs=50, batch_size=64)


@member(source=_SOURCE, parameters=2_482_567, multiply_accumulates=162_172_416)
def regularised_cnn() -> KerasClassifier:
    """Five leaky blocks of 128 to 512 filters, with smoothed labels."""
    return KerasClassifier(
        "regularised_cnn",
        augmentation={
            "flip": True,
            "rotation": 10,
            "translation": 0.1,
            "zoom": 0.1,
            "shear": 10,
            "share": 0.5,
        },
        loss="categorical_crossentropy",
        label_smoothing=0.1,
        schedule_params={"factor": 0.5},
        epochs=100,
        batch_size=64,
        monitor="accuracy",
    )


@member(source=_SOURCE, parameters=4_058_538, multiply_accumulates=384_543_712)
def efficientnet() -> KerasClassifier:
    """EfficientNetB0 from ImageNet weights, on faces enlarged to 224×224.

    Its authors gave it up for want of memory; faces are enlarged inside the network here. No
    recipe is published.
    """
    return KerasClassifier(
        "efficientnet",
        network_params={"size": 224, "weights": "imagenet"},
        augmentation={"flip": True, "rotation": 10, "translation": 0.1},
        loss="categorical_crossentropy",
        learning_rate=5e-4,
        schedule="one_cycle",
        epochs=10,
        patience=None,
        monitor="accuracy",
    )
