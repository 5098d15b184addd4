"""Members beyond the published systems that started this project."""

from __future__ import annotations

from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.registry import member


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


@member(source="fer-ensemble", parameters=1_963_615, multiply_accumulates=159_939_328)
def se_resnet() -> KerasClassifier:
    """Residual network with squeeze-excitation and stochastic depth, made for 48×48 faces.

    One-cycle AdamW with smoothed labels. Probabilities are averaged over each face and its
    mirror image.
    """
    return KerasClassifier(
        "se_resnet",
        augmentation={"flip": True, "rotation": 10, "translation": 0.1, "zoom": 0.1},
        loss="categorical_crossentropy",
        label_smoothing=0.1,
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
