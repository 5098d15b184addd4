"""Small networks after VGG: stacks of 3×3 convolutions between poolings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fer_ensemble.models.networks.registry import network, softmax

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
    for width, second_padding in ((32, "same"), (64, "valid"), (96, "valid"), (128, "same")):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.Conv2D(width, 3, padding=second_padding, activation="relu")(x)
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
        for _ in range(n_convolutions):
            x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, softmax(x, n_classes), name="improved_vgg")
