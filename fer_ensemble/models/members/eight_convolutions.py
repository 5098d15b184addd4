"""The network of eight convolutions with over- and undersampling."""

from __future__ import annotations

from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.registry import member


@member(
    source="8-convolution CNN, resampled classes",
    parameters=8_816_825,
    multiply_accumulates=97_908_218,
)
def cnn_8() -> KerasClassifier:
    """Eight convolutions and two dense layers, on 5,000 faces of every class.

    Rare classes are oversampled with mirrored and rotated copies, the frequent ones undersampled.
    Published are the amounts, Adam at 1e-4 with a decay of 1e-6 and the choice of the best epoch;
    the batch size and the number of epochs are not.
    """
    return KerasClassifier(
        "cnn_8",
        balance=5000,
        balance_augmentation={"flip": True, "rotation": 20},
        loss="categorical_crossentropy",
        learning_rate=1e-4,
        schedule="inverse_time",
        schedule_params={"decay_rate": 1e-6},
        epochs=60,
        batch_size=64,
        patience=None,
        monitor="accuracy",
    )
