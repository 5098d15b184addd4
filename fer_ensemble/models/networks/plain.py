"""Plain networks, layer upon layer: a fully connected one, and small convolutional ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fer_ensemble.models.networks.blocks import (
    centred_convolution,
    convolution,
    dense_block,
    network,
    pooled_block,
    softmax,
)

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


@network
def cnn_1(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (32, 64, 128),
    units: int = 128,
    dropout: float = 0.25,
) -> keras.Model:
    """Small convolutional network: one 3×3 convolution and max-pooling a block.

    The published system is known by its accuracy only; this is the plainest network of its kind.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(32, 64, 128)
        Filters of each block.
    units : int, default=128
        Width of the dense layer.
    dropout : float, default=0.25
        Share of the activations dropped after each block; the dense layer drops half.

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
    x = layers.Flatten()(x)
    x = dense_block(x, units, 0.5)
    return keras.Model(inputs, softmax(x, n_classes), name="cnn_1")


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

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    for width, n_convolutions in zip(filters, convolutions, strict=True):
        for i in range(n_convolutions):
            # The block's last convolution is pooled before it is normalised and rectified, which
            # then takes a quarter of the work.
            if i < n_convolutions - 1:
                x = centred_convolution(x, width, activation="relu")
            else:
                x = centred_convolution(x, width, use_bias=False)
        x = layers.MaxPooling2D()(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(units, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, softmax(x, n_classes), name="cnn_2")


@network
def cnn_8(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    filters: Sequence[int] = (28, 56, 112, 224),
    units: Sequence[int] = (1978, 1978),
) -> keras.Model:
    """Eight convolutions, two dense layers: max-pooling, normalisation, dropout after every two.

    Published are the order of the layers, 840 non-trainable parameters (420 normalised channels)
    and 8,816,399 parameters in all. Filters that double from block to block and have 420 channels
    in the sum, with two dense layers of equal width, come to 8,816,825: 426 more.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    filters : sequence of int, default=(28, 56, 112, 224)
        Filters of both convolutions of each block.
    units : sequence of int, default=(1978, 1978)
        Widths of the dense layers.

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
        x = pooled_block(x, width, 2)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.25)(x)
    x = layers.Flatten()(x)
    for width in units:
        x = dense_block(x, width, 0.5)
    return keras.Model(inputs, softmax(x, n_classes), name="cnn_8")


@network
def wide_cnn(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    dropout: float = 0.25,
    dense_dropout: float = 0.25,
) -> keras.Model:
    """Four wide blocks: 3×3 convolutions of 32 and 64, 5×5 of 128, 3×3 of 512 and 512.

    Layers and parameter counts are published (4,492,935 trainable, 3,968 others); the shares that
    are dropped are not.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255.
    n_classes : int
        Number of classes.
    dropout : float, default=0.25
        Share of the activations dropped after each block.
    dense_dropout : float, default=0.25
        Share of the units dropped after each dense layer.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    x = convolution(x, 32)
    # The first convolution stands in the first block, unnormalised: 3,968 non-trainable parameters
    # are those of the other four and of the two dense layers, and leave none for it.
    for width, kernel_size in ((64, 3), (128, 5), (512, 3), (512, 3)):
        x = convolution(x, width, kernel_size)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(x)
    for width in (256, 512):
        x = layers.Dense(width, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(dense_dropout)(x)
    return keras.Model(inputs, softmax(x, n_classes), name="wide_cnn")
