"""Architectures: functions from an input shape to an uncompiled Keras network.

A network takes what the estimator feeds it (pixels 0–255 or features) and ends in a softmax.
Register one with :func:`network` and :class:`~fer_ensemble.models.KerasClassifier` finds it by
name, which is also how an artifact rebuilds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import keras

NETWORKS: dict[str, Callable[..., keras.Model]] = {}

_Builder = TypeVar("_Builder", bound=Callable[..., object])


def network(builder: _Builder) -> _Builder:
    """Register an architecture under its function's name.

    Parameters
    ----------
    builder : callable
        ``builder(input_shape, n_classes, **network_params)`` returning an uncompiled
        :class:`keras.Model`.

    Returns
    -------
    callable
        The builder itself, so that this serves as a decorator.
    """
    NETWORKS[builder.__name__] = builder
    return builder


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
    return keras.Model(inputs, _softmax(x, n_classes), name="dense")


@network
def cnn_2(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (32, 64, 128, 256),
    convolutions: Sequence[int] = (2, 2, 3, 3),
    units: int = 256,
    dropout: float = 0.2,
) -> keras.Model:
    """Plain convolutional network: blocks of 3×3 convolutions, each closed by max-pooling.

    The published description is "simple CNN" and no more. Batch normalisation after every
    convolution doubles the time of an epoch on a CPU, so there is one a block, after the pooling;
    in between, filters are kept at zero mean and constant norm, which costs next to nothing.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(32, 64, 128, 256)
        Filters of each block.
    convolutions : sequence of int, default=(2, 2, 3, 3)
        Convolutions in each block.
    units : int, default=256
        Width of the dense layer.
    dropout : float, default=0.2
        Share of the activations dropped after each block; the dense layer drops half.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    References
    ----------
    Huang, L. et al. (2017). Centered weight normalization in accelerating training of deep
    neural networks. ICCV. (The source of the constraint on the filters.)
    """
    import keras
    from keras import layers

    from fer_ensemble.models.constraints import CentredNorm

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, n_convolutions in zip(filters, convolutions, strict=True):
        for i in range(n_convolutions):
            # The block's last convolution is normalised before it is rectified.
            normalised = i == n_convolutions - 1
            x = layers.Conv2D(
                width,
                3,
                padding="same",
                activation=None if normalised else "relu",
                use_bias=not normalised,
                kernel_initializer="he_normal",
                kernel_constraint=CentredNorm(),
            )(x)
        x = layers.MaxPooling2D()(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(units, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, _softmax(x, n_classes), name="cnn_2")


def _softmax(x: keras.KerasTensor, n_classes: int) -> keras.KerasTensor:
    from keras import layers

    # Single precision keeps small probabilities apart under mixed precision.
    return layers.Dense(n_classes, activation="softmax", dtype="float32")(x)
