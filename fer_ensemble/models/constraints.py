"""Constraints on weights, applied after every training step."""

from __future__ import annotations

import keras
from keras import ops

# The norm of He's initialisation, which keeps the variance of activations through rectifiers.
_NORM = 2**0.5


class CentredNorm(keras.constraints.Constraint):
    """Keeps each filter of a convolution at zero mean and at the norm √2.

    References
    ----------
    Huang, L. et al. (2017). Centered weight normalization in accelerating training of deep
    neural networks. ICCV.
    """

    def __call__(self, w: keras.KerasTensor) -> keras.KerasTensor:
        """Project filters.

        Parameters
        ----------
        w : tensor of shape (height, width, n_channels, n_filters)

        Returns
        -------
        tensor of the same shape
        """
        axes = tuple(range(len(w.shape) - 1))
        centred = w - ops.mean(w, axis=axes, keepdims=True)
        norm = ops.sqrt(ops.sum(ops.square(centred), axis=axes, keepdims=True))
        return centred * (_NORM / (norm + keras.config.epsilon()))
