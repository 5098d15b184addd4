"""The registry of architectures, and the output layer that they share."""

from __future__ import annotations

from collections.abc import Callable
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


def softmax(x: keras.KerasTensor, n_classes: int) -> keras.KerasTensor:
    """Close a network with class probabilities.

    Parameters
    ----------
    x : tensor of shape (n_samples, n_units)
    n_classes : int

    Returns
    -------
    tensor of shape (n_samples, n_classes)
        In single precision, which keeps small probabilities apart under mixed precision.
    """
    from keras import layers

    return layers.Dense(n_classes, activation="softmax", dtype="float32")(x)
