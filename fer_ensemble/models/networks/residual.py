"""Residual networks that start from scratch: with plain convolutions, or with separable ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fer_ensemble.models.networks.blocks import (
    centred_convolution,
    network,
    normalised_convolution,
    softmax,
)

if TYPE_CHECKING:
    import keras

# Channels to one of a squeeze's. The paper takes 16, for several times as many channels as here.
_SQUEEZE = 8


@network
def resnet(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (64, 128, 256, 512),
    blocks: Sequence[int] = (2, 2, 2, 2),
) -> keras.Model:
    """ResNet-18.

    The published system is known by its accuracy only; this is the smallest network of that name.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(64, 128, 256, 512)
        Filters of each stage.
    blocks : sequence of int, default=(2, 2, 2, 2)
        Residual blocks of each stage.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    References
    ----------
    He, K. et al. (2016). Deep residual learning for image recognition. CVPR.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    # The paper's beginning, made for 224×224: it leaves 12×12 places of a face of 48×48, and the
    # last stage sees 2×2. Hence so few multiplications to so many parameters.
    x = layers.ReLU()(normalised_convolution(x, filters[0], 7, strides=2))
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for stage, (width, n_blocks) in enumerate(zip(filters, blocks, strict=True)):
        for block in range(n_blocks):
            strides = 2 if stage and not block else 1
            shortcut = x
            if strides > 1 or x.shape[-1] != width:
                shortcut = normalised_convolution(x, width, 1, strides=strides)
            x = layers.ReLU()(normalised_convolution(x, width, strides=strides))
            x = normalised_convolution(x, width)
            x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, softmax(x, n_classes), name="resnet")


@network
def se_resnet(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (32, 64, 128, 256),
    blocks: Sequence[int] = (0, 1, 1, 1),
    activation: str = "relu",
    dropout: float = 0.3,
    stage_dropout: float = 0.1,
    drop_path: float = 0.1,
) -> keras.Model:
    """Residual network with squeeze-excitation and stochastic depth, made for 48×48 faces.

    Of our own design. Few filters while the face is large and residual blocks once it is not: on
    a processor, the memory that activations take costs more than multiplications do. Filters are
    kept at zero mean and constant norm, so that only the end of each branch is normalised.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(32, 64, 128, 256)
        Filters of each stage; between stages, max-pooling halves the side.
    blocks : sequence of int, default=(0, 1, 1, 1)
        Residual blocks of each stage, after its first convolution.
    activation : str, default='relu'
        Name of a Keras activation.
    dropout : float, default=0.3
        Share of the pooled features dropped.
    stage_dropout : float, default=0.1
        Share of the activations dropped after each stage.
    drop_path : float, default=0.1
        Share of the faces that skip the last stage's branches in a training step; rises to that
        from stage to stage.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    References
    ----------
    He, K. et al. (2016). Deep residual learning for image recognition. CVPR.

    Hu, J., Shen, L., & Sun, G. (2018). Squeeze-and-excitation networks. CVPR.

    Huang, G. et al. (2016). Deep networks with stochastic depth. ECCV.

    Huang, L. et al. (2017). Centered weight normalization in accelerating training of deep
    neural networks. ICCV.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    last = len(filters) - 1
    for stage, (width, n_blocks) in enumerate(zip(filters, blocks, strict=True)):
        if stage:
            x = layers.MaxPooling2D()(x)
        x = centred_convolution(x, width, use_bias=False)
        x = layers.BatchNormalization()(x)
        x = layers.Activation(activation)(x)
        for _ in range(n_blocks):
            branch = layers.Activation(activation)(centred_convolution(x, width))
            branch = centred_convolution(branch, width, use_bias=False)
            branch = _squeeze_excitation(layers.BatchNormalization()(branch))
            if drop_path:
                # One draw for all of a face's branch: it is there as a whole, or not at all.
                branch = layers.Dropout(drop_path * stage / last, noise_shape=(None, 1, 1, 1))(
                    branch
                )
            x = layers.Activation(activation)(layers.Add()([x, branch]))
        if stage_dropout:
            x = layers.Dropout(stage_dropout)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, softmax(x, n_classes), name="se_resnet")


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


def _squeeze_excitation(x: keras.KerasTensor) -> keras.KerasTensor:
    from keras import layers

    width = x.shape[-1]
    scale = layers.GlobalAveragePooling2D(keepdims=True)(x)
    scale = layers.Conv2D(width // _SQUEEZE, 1, activation="relu")(scale)
    scale = layers.Conv2D(width, 1, activation="sigmoid")(scale)
    return layers.Multiply()([x, scale])


def _xception(
    input_shape: tuple[int, ...], n_classes: int, *, stem: int, filters: Sequence[int], name: str
) -> keras.Model:
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    decay = keras.regularizers.L2(0.01)
    for _ in range(2):
        x = normalised_convolution(x, stem, padding="valid", kernel_regularizer=decay)
        x = layers.ReLU()(x)
    for width in filters:
        x = _separable_module(x, width)
    x = layers.Conv2D(n_classes, 3, padding="same")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32")(x)
    return keras.Model(inputs, layers.Activation("softmax", dtype="float32")(x), name=name)


def _separable_module(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    from keras import layers

    from fer_ensemble.models.layers import SeparableConv2D

    shortcut = normalised_convolution(x, width, 1, strides=2)
    x = SeparableConv2D(width)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = SeparableConv2D(width)(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    return layers.Add()([x, shortcut])
