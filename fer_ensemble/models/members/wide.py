"""The wide network of four blocks."""

from __future__ import annotations

from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.registry import member


@member(source="4-block wide CNN", parameters=4_496_903, multiply_accumulates=332_279_296)
def wide_cnn() -> KerasClassifier:
    """Four blocks of up to 512 filters and two normalised dense layers.

    Published are Adam at 1e-4, batches of 64, 65 epochs and early stopping after ten epochs
    without a lower held-out loss; how faces are augmented is not.
    """
    return KerasClassifier(
        "wide_cnn",
        augmentation={"flip": True, "rotation": 10, "translation": 0.1, "zoom": 0.1},
        loss="categorical_crossentropy",
        learning_rate=1e-4,
        schedule="constant",
        epochs=65,
        batch_size=64,
    )
