"""The named members and their recipes."""

from __future__ import annotations

from sklearn.preprocessing import StandardScaler

from fer_ensemble.features import HOG
from fer_ensemble.models.boosted_trees import BoostedTreesClassifier
from fer_ensemble.models.keras_classifier import KerasClassifier
from fer_ensemble.models.pipeline import MemberPipeline
from fer_ensemble.models.registry import member


@member(source="HOG + CNN ensemble", parameters=2_135_047, multiply_accumulates=2_133_504)
def dense_hog() -> MemberPipeline:
    """Dense network on HOG features.

    The published recipe: batches of 32, Adam, a learning rate that falls to a quarter on a
    plateau, early stopping. Layer widths are not published.
    """
    return MemberPipeline(
        [
            ("hog", HOG()),
            ("scaler", StandardScaler()),
            ("classifier", KerasClassifier("dense", batch_size=32, epochs=100)),
        ]
    )


@member(source="HOG + CNN ensemble")
def boosted_hog() -> MemberPipeline:
    """Gradient-boosted trees on HOG features, with early stopping."""
    trees = BoostedTreesClassifier(n_estimators=300, max_depth=5, colsample_bytree=0.2)
    return MemberPipeline([("hog", HOG()), ("classifier", trees)])


@member(source="HOG + CNN ensemble", parameters=2_503_431, multiply_accumulates=160_507_648)
def cnn_2() -> KerasClassifier:
    """Plain convolutional network of ten 3×3 convolutions, on the pixels.

    The published training (Adam, a falling learning rate, up to 200 epochs) takes a GPU; this
    one-cycle schedule ends fully annealed after 32 epochs. Probabilities are averaged over each
    face and its mirror image.
    """
    return KerasClassifier(
        "cnn_2",
        augmentation={"flip": True, "rotation": 10, "translation": 0.1},
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=1e-2,
        schedule="one_cycle",
        epochs=32,
        batch_size=64,
        patience=None,
        monitor="accuracy",
        flip_average=True,
    )
