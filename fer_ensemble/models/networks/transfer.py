"""Networks that start from ImageNet weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_ensemble.models.networks.blocks import convolution, network, softmax

if TYPE_CHECKING:
    import keras


@network
def mobilenet_v2(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    weights: str | None = "imagenet",
    origin: str = "keras",
) -> keras.Model:
    """MobileNetV2 under a convolution of 128 and dense layers of 1,024, 1,024 and 512.

    5,835,975 parameters for faces of 48×48 and seven classes, as published.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255; one channel is stacked to three.
    n_classes : int
        Number of classes.
    weights : str or None, default='imagenet'
        Where the base starts: ``'imagenet'`` takes Keras's weights, downloaded or cached, and
        warns and starts at random where neither can be had; a path reads a local
        ``.weights.h5`` file; ``None`` starts at random.
    origin : {'keras', 'torchvision'}, default='keras'
        Whose conventions the base follows: torchvision's are for a file of its weights, which
        ``experiments.imagenet_weights`` converts.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    Raises
    ------
    ValueError
        If `weights` is no file, or a file of another network; if `origin` is unknown.

    References
    ----------
    Sandler, M. et al. (2018). MobileNetV2: inverted residuals and linear bottlenecks. CVPR.
    """
    import keras
    from keras import layers

    if origin not in ("keras", "torchvision"):
        raise ValueError(f"origin={origin!r}: choose 'keras' or 'torchvision'.")
    inputs = keras.Input(input_shape)
    x = _three_channels(inputs)
    if origin == "keras":
        # To -1 … 1, as the pictures were that the weights come from.
        x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    else:
        # Where a stride halves an even side, torchvision pads before the first pixel and Keras
        # after the last one: the same once faces, and kernels in the file, are turned round.
        x = keras.ops.flip(_normalised(x), axis=(1, 2))
    x = _base(keras.applications.MobileNetV2, weights, x)(x)
    x = convolution(x, 128)
    x = layers.Flatten()(x)
    for width in (1024, 1024, 512):
        x = layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, softmax(x, n_classes), name="mobilenet_v2")


@network
def resnet50(
    input_shape: tuple[int, ...], n_classes: int, *, weights: str | None = "imagenet"
) -> keras.Model:
    """ResNet50 under global average pooling and a dense layer of 1,024.

    25,693,063 parameters for seven classes, as published.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255; one channel is stacked to three.
    n_classes : int
        Number of classes.
    weights : str or None, default='imagenet'
        Where the base starts, as of :func:`mobilenet_v2`.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    Raises
    ------
    ValueError
        If `weights` is no file, or a file of another network.

    References
    ----------
    He, K. et al. (2016). Deep residual learning for image recognition. CVPR.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    # The mean colour of ImageNet, blue first: what the weights were trained on.
    x = layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68])(_three_channels(inputs))
    x = _base(keras.applications.ResNet50, weights, x)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1024, activation="relu")(x)
    return keras.Model(inputs, softmax(x, n_classes), name="resnet50")


@network
def efficientnet(
    input_shape: tuple[int, ...],
    n_classes: int,
    *,
    size: int = 224,
    weights: str | None = "imagenet",
) -> keras.Model:
    """EfficientNetB0 on faces that are enlarged inside the network.

    Its authors enlarged the whole data set to 224×224 in colour beforehand (21 GB in single
    precision) and gave up; here only the batch at hand is ever enlarged.

    Parameters
    ----------
    input_shape : tuple of int
        Height, width and channels of one face of pixels 0–255; one channel is stacked to three.
    n_classes : int
        Number of classes.
    size : int, default=224
        Side in pixels that faces are enlarged to.
    weights : str or None, default='imagenet'
        Where the base starts, as of :func:`mobilenet_v2`.

    Returns
    -------
    keras.Model
        Network from ``(n_samples, height, width, channels)`` to ``(n_samples, n_classes)``.

    Raises
    ------
    ValueError
        If `weights` is no file, or a file of another network.

    References
    ----------
    Tan, M., & Le, Q. (2019). EfficientNet: rethinking model scaling for convolutional neural
    networks. ICML.
    """
    import keras
    from keras import layers

    inputs = keras.Input(input_shape)
    # Left to its default, this layer would switch all later ones to training in a plain call.
    x = layers.Resizing(size, size, dtype="float32")(inputs, training=False)
    # The base itself divides by 255.
    x = _normalised(_three_channels(x), divisor=1)
    x = _unnormalised(keras.applications.EfficientNetB0, weights, x)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, softmax(x, n_classes), name="efficientnet")


def _three_channels(x: keras.KerasTensor) -> keras.KerasTensor:
    from keras import layers

    return layers.Concatenate()([x, x, x]) if x.shape[-1] == 1 else x


def _normalised(x: keras.KerasTensor, divisor: float = 255) -> keras.KerasTensor:
    """Bring ImageNet's colours to mean 0, and to deviation 1 once they are divided by 255."""
    from keras import layers

    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    scale = 1 / (divisor * deviation)
    return layers.Rescaling(scale.tolist(), (-255 * mean * scale).tolist())(x)


def _unnormalised(
    application: Callable[..., keras.Model], weights: str | None, x: keras.KerasTensor
) -> keras.Model:
    """Build a base whose own normalisation does nothing.

    Keras builds another one for ``'imagenet'`` than for files or random weights, with constants
    that are not among its weights: a fitted network could not be rebuilt from those.
    """
    base = _base(application, None, x)
    if weights is None:
        return base
    started = _base(application, weights, x)
    # The first three are of the normalisation: mean, variance and count.
    base.set_weights([*base.get_weights()[:3], *started.get_weights()[3:]])
    return base


def _base(
    application: Callable[..., keras.Model], weights: str | None, x: keras.KerasTensor
) -> keras.Model:
    """Build a network of Keras's applications for the shape of `x`, without its top."""
    shape = tuple(x.shape[1:])

    def build(start: Any) -> keras.Model:
        return application(include_top=False, weights=start, input_shape=shape)

    if weights is None:
        return build(None)
    if weights == "imagenet":
        try:
            return build("imagenet")
        except Exception as error:  # Keras raises a bare Exception when a download fails
            warnings.warn(
                f"{application.__name__} starts at random: its ImageNet weights are neither cached "
                f"nor to be downloaded ({error}). weights=None starts at random without asking.",
                stacklevel=2,
            )
            return build(None)
    if not Path(weights).is_file():
        raise ValueError(
            f"weights={weights!r}: there is no such file. Give 'imagenet', None, or the path "
            "of a .weights.h5 file."
        )
    try:
        return build(weights)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"weights={weights!r} is no weight file, or one of another network than "
            f"{application.__name__} without its top: {str(error).partition(chr(10))[0]}"
        ) from error
