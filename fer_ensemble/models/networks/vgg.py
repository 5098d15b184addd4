"""Networks after VGG: 3×3 convolutions between poolings that halve the side.

Two small ones that are published under that name, a large one that is normalised throughout, and a
baseline with its tuned and regularised successors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fer_ensemble.models.networks.blocks import (
    convolution,
    dense_block,
    network,
    normalised_convolution,
    pooled_block,
    softmax,
)

if TYPE_CHECKING:
    import keras


@network
def vgg_style(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Four blocks of two convolutions, half of the activations dropped after each.

    Layers, shapes and 528,295 parameters are published for grayscale faces of 48×48.

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
    Simonyan, K., & Zisserman, A. (2015). Very deep convolutional networks for large-scale image
    recognition. ICLR.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    # The published shapes ask for these paddings: were all of them "same", 3×3 places would be left
    # at the end in place of 2×2, and far more than 528,295 parameters.
    for width, second_padding in ((32, "same"), (64, "valid"), (96, "valid"), (128, "same")):
        x = convolution(x, width)
        x = convolution(x, width, padding=second_padding)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(0.5)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, softmax(x, n_classes), name="vgg_style")


@network
def improved_vgg(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Eight convolutions in four blocks of growing depth, with a single dropout.

    Layers and 647,111 parameters are published for grayscale faces of 48×48.

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
    Simonyan, K., & Zisserman, A. (2015). Very deep convolutional networks for large-scale image
    recognition. ICLR.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for width, n_convolutions in ((32, 1), (64, 2), (64, 2), (128, 3)):
        x = pooled_block(x, width, n_convolutions)
    x = layers.Dropout(0.5)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, softmax(x, n_classes), name="improved_vgg")


@network
def normalised_vgg(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (64, 128, 256, 512),
    convolutions: Sequence[int] = (2, 2, 3, 3),
    units: int = 1024,
    dropout: float = 0.25,
    dense_dropout: float = 0.4,
) -> keras.Model:
    """VGG with a normalisation after every convolution, made to teach smaller networks.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(64, 128, 256, 512)
        Filters of each block's convolutions.
    convolutions : sequence of int, default=(2, 2, 3, 3)
        Convolutions of each block.
    units : int, default=1024
        Width of the dense layer.
    dropout : float, default=0.25
        Share of the activations dropped after each block.
    dense_dropout : float, default=0.4
        Share dropped after the dense layer.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    References
    ----------
    Simonyan, K., & Zisserman, A. (2015). Very deep convolutional networks for large-scale image
    recognition. ICLR.

    Ioffe, S., & Szegedy, C. (2015). Batch normalization: accelerating deep network training by
    reducing internal covariate shift. ICML.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, n_convolutions in zip(filters, convolutions, strict=True):
        for _ in range(n_convolutions):
            x = layers.ReLU()(normalised_convolution(x, width, kernel_initializer="he_normal"))
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(units, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dropout(dense_dropout)(x)
    return keras.Model(inputs, softmax(x, n_classes), name="normalised_vgg")


@network
def baseline_cnn(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (32, 64, 128, 256),
    dropout: Sequence[float] = (0.1, 0.2, 0.3, 0.4),
    units: int = 128,
) -> keras.Model:
    """Four normalised convolutions, with dropout that rises with depth.

    Published are the number of convolutions, batch normalisation and the rising dropout.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(32, 64, 128, 256)
        Filters of each convolution.
    dropout : sequence of float, default=(0.1, 0.2, 0.3, 0.4)
        Share of the activations dropped after each; the dense layer drops half.
    units : int, default=128
        Width of the dense layer.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for width, share in zip(filters, dropout, strict=True):
        x = convolution(x, width)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(share)(x)
    x = layers.Flatten()(x)
    x = dense_block(x, units, 0.5)
    return keras.Model(inputs, softmax(x, n_classes), name="baseline_cnn")


@network
def tuned_cnn(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (64, 128, 256),
    dropout: float = 0.2,
    units: int = 128,
) -> keras.Model:
    """Three convolutional blocks and global average pooling; a search chooses their sizes.

    What the published search chose is not known: ``fer-ensemble tune tuned_cnn`` searches anew.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(64, 128, 256)
        Filters of each block's convolution.
    dropout : float, default=0.2
        Share of the activations dropped after each block and after the dense layer.
    units : int, default=128
        Width of the dense layer.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for width in filters:
        x = pooled_block(x, width, dropout=dropout)
    x = layers.GlobalAveragePooling2D()(x)
    x = dense_block(x, units, dropout)
    return keras.Model(inputs, softmax(x, n_classes), name="tuned_cnn")


@network
def regularised_cnn(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (128, 128, 256, 256, 512),
    negative_slope: float = 0.1,
    dropout: float = 0.25,
    units: int = 512,
) -> keras.Model:
    """Five padded blocks with leaky rectifiers, average pooling and a normalised dense layer.

    Published are the blocks, filters from 128 to 512, the dense layer of 512 and its dropout; the
    filters between, the slope ("small") and the dropout of the blocks are not.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(128, 128, 256, 256, 512)
        Filters of each block's convolution.
    negative_slope : float, default=0.1
        Slope of the rectifiers below zero.
    dropout : float, default=0.25
        Share of the activations dropped after each block; the dense layer drops half.
    units : int, default=512
        Width of the dense layer.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for width in filters:
        x = layers.Conv2D(width, 3, padding="same")(x)
        x = layers.LeakyReLU(negative_slope)(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(dropout)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(units)(x)
    x = layers.LeakyReLU(negative_slope)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, softmax(x, n_classes), name="regularised_cnn")
