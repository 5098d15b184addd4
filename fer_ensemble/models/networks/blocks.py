"""What every architecture is made with: its registration, and the layers that several share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import keras

#: Every registered architecture by its function's name. Saved ensembles hold these names, so a
#: function that is renamed leaves them without their network.
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

    Examples
    --------
    >>> from fer_ensemble.models import KerasClassifier, network
    >>> @network
    ... def logistic(input_shape, n_classes):
    ...     import keras
    ...     layers = [keras.layers.Flatten(), keras.layers.Dense(n_classes, "softmax")]
    ...     return keras.Sequential([keras.Input(input_shape), *layers])
    >>> KerasClassifier("logistic").network
    'logistic'
    """
    NETWORKS[builder.__name__] = builder
    return builder


# Fitted weights are kept as a list in the network's order, without names, and every layer draws
# its seed from one sequence as it is made. So a change in the order in which a function below
# makes its layers would spoil saved weights, or train other ones from the same seed.


def softmax(x: keras.KerasTensor, n_classes: int) -> keras.KerasTensor:
    """Close a network with class probabilities.

    Parameters
    ----------
    x : tensor of shape (n_samples, n_units)
        The last features.
    n_classes : int
        Number of classes.

    Returns
    -------
    tensor of shape (n_samples, n_classes)
        In single precision, which keeps small probabilities apart under mixed precision.
    """
    from keras import layers

    return layers.Dense(n_classes, activation="softmax", dtype="float32")(x)


def convolution(
    x: keras.KerasTensor, filters: int, kernel_size: int = 3, *, padding: str = "same"
) -> keras.KerasTensor:
    """Convolve and rectify.

    Parameters
    ----------
    x : tensor of shape (n_samples, height, width, n_channels)
        Faces, or what earlier layers made of them.
    filters : int
        Number of filters.
    kernel_size : int, default=3
        Side of a filter.
    padding : {'same', 'valid'}, default='same'
        Whether height and width stay, or lose `kernel_size` - 1.

    Returns
    -------
    tensor of shape (n_samples, height, width, filters)
    """
    from keras import layers

    return layers.Conv2D(filters, kernel_size, padding=padding, activation="relu")(x)


def pooled_block(
    x: keras.KerasTensor, filters: int, n_convolutions: int = 1, *, dropout: float | None = None
) -> keras.KerasTensor:
    """Convolve a few times, halve the side by max-pooling, and drop a share.

    Parameters
    ----------
    x : tensor of shape (n_samples, height, width, n_channels)
        Faces, or what earlier layers made of them.
    filters : int
        Filters of each 3×3 convolution.
    n_convolutions : int, default=1
        Number of convolutions, each of them rectified.
    dropout : float, default=None
        Share of the activations dropped; ``None`` makes no such layer.

    Returns
    -------
    tensor of shape (n_samples, height // 2, width // 2, filters)
    """
    from keras import layers

    for _ in range(n_convolutions):
        x = convolution(x, filters)
    x = layers.MaxPooling2D()(x)
    return x if dropout is None else layers.Dropout(dropout)(x)


def dense_block(x: keras.KerasTensor, units: int, dropout: float) -> keras.KerasTensor:
    """Add a rectified dense layer of which a share is dropped.

    Parameters
    ----------
    x : tensor of shape (n_samples, n_features)
        Flat features.
    units : int
        Width of the layer.
    dropout : float
        Share of the units dropped.

    Returns
    -------
    tensor of shape (n_samples, units)
    """
    from keras import layers

    x = layers.Dense(units, activation="relu")(x)
    return layers.Dropout(dropout)(x)


def normalised_convolution(
    x: keras.KerasTensor, filters: int, kernel_size: int = 3, **options: Any
) -> keras.KerasTensor:
    """Convolve and normalise each batch, without rectifying.

    Parameters
    ----------
    x : tensor of shape (n_samples, height, width, n_channels)
        Faces, or what earlier layers made of them.
    filters : int
        Number of filters.
    kernel_size : int, default=3
        Side of a filter.
    **options
        Further arguments of :class:`keras.layers.Conv2D`; ``padding`` is ``'same'`` by default.

    Returns
    -------
    tensor of shape (n_samples, new_height, new_width, filters)
    """
    from keras import layers

    # No bias: the normalisation subtracts the mean, and adds a shift of its own.
    options = {"padding": "same", "use_bias": False, **options}
    x = layers.Conv2D(filters, kernel_size, **options)(x)
    return layers.BatchNormalization()(x)


def centred_convolution(
    x: keras.KerasTensor,
    filters: int,
    *,
    activation: str | None = None,
    use_bias: bool = True,
) -> keras.KerasTensor:
    """Convolve by 3×3 filters that are kept at zero mean and constant norm.

    That stands in for batch normalisation where there are many convolutions: it costs a pass over
    the weights in place of one over the activations, which are many times as many.

    Parameters
    ----------
    x : tensor of shape (n_samples, height, width, n_channels)
        Faces, or what earlier layers made of them.
    filters : int
        Number of filters.
    activation : str, default=None
        Name of a Keras activation; ``None`` leaves the sums as they are.
    use_bias : bool, default=True
        Whether to add a constant to each filter's sums; pointless before a normalisation.

    Returns
    -------
    tensor of shape (n_samples, height, width, filters)

    References
    ----------
    Huang, L. et al. (2017). Centered weight normalization in accelerating training of deep
    neural networks. ICCV.
    """
    from keras import layers

    from fer_ensemble.models.layers import CentredNorm

    return layers.Conv2D(
        filters,
        3,
        padding="same",
        activation=activation,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        kernel_constraint=CentredNorm(),
    )(x)
