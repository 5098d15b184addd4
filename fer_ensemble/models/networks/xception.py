"""Small networks of separable convolutions after Xception."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fer_ensemble.models.networks.registry import network

if TYPE_CHECKING:
    import keras


@network
def mini_xception(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Four residual modules of separable convolutions of 16 to 128 filters: 58,423 parameters.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    References
    ----------
    Arriaga, O., Valdenegro-Toro, M., & Plöger, P. (2019). Real-time convolutional neural networks
    for emotion and gender classification. ESANN.
    """
    return _xception(
        input_shape, n_classes, stem=8, filters=(16, 32, 64, 128), name="mini_xception"
    )


@network
def tiny_xception(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Four residual modules of separable convolutions of 8 to 64 filters: 18,314 parameters.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    References
    ----------
    As of :func:`mini_xception`.
    """
    return _xception(input_shape, n_classes, stem=5, filters=(8, 16, 32, 64), name="tiny_xception")


def _xception(
    input_shape: tuple[int, ...], n_classes: int, *, stem: int, filters: Sequence[int], name: str
) -> keras.Model:
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    decay = keras.regularizers.L2(0.01)
    for _ in range(2):
        x = layers.Conv2D(stem, 3, use_bias=False, kernel_regularizer=decay)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    for width in filters:
        x = _separable_module(x, width)
    x = layers.Conv2D(n_classes, 3, padding="same")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.Model(inputs, layers.Softmax(dtype="float32")(x), name=name)


def _separable_module(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    from keras import layers

    shortcut = layers.Conv2D(width, 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = layers.BatchNormalization()(shortcut)
    x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return layers.Add()([x, shortcut])
