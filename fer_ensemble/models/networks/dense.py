"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fer_ensemble.models.networks.registry import network, softmax

if TYPE_CHECKING:
    import keras


@network
def dense(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    units: Sequence[int] = (1024, 512),
    dropout: float = 0.5,
    input_dropout: float = 0.0,
) -> keras.Model:
    """Fully connected network on feature vectors.

    Parameters
    ----------
    input_shape : tuple of int
        Shape of one sample; flattened if it is more than a vector.
    n_classes : int
        Number of classes.
    units : sequence of int, default=(1024, 512)
        Width of each hidden layer.
    dropout : float, default=0.5
        Share of the units dropped after each hidden layer.
    input_dropout : float, default=0.0
        Share of the features dropped.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, *input_shape)`` to ``(n_samples, n_classes)``.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Flatten()(inputs) if len(input_shape) > 1 else inputs
    if input_dropout:
        x = layers.Dropout(input_dropout)(x)
    for width in units:
        x = layers.Dense(width, activation="relu", kernel_initializer="he_uniform")(x)
        x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, softmax(x, n_classes), name="dense")
