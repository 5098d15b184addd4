"""Mixup: training on mixtures of two faces and of their labels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class MixUp(keras.layers.Layer):
    """Mixes each face of a training batch with the one that stands opposite in it.

    Batches are shuffled, so the one opposite is any other face. The share of the face itself is
    drawn from a Beta distribution once for each batch, and kept for the loss.

    Parameters
    ----------
    alpha : float
        Both parameters of the Beta distribution; 0.2 mixes little, 1 draws the share uniformly.
    seed : int
        Seed of the draws.

    References
    ----------
    Zhang, H. et al. (2018). mixup: beyond empirical risk minimization. ICLR.
    """

    def __init__(self, alpha: float, seed: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        if alpha <= 0:
            raise ValueError(f"augmentation has mixup={alpha}: it takes a positive number.")
        self._alpha = alpha
        self._draws = keras.random.SeedGenerator(seed)
        self.share = self.add_weight(shape=(), initializer="ones", trainable=False, name="share")

    def call(self, faces: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Mix a batch.

        Parameters
        ----------
        faces : tensor of shape (n_samples, height, width, channels)
        training : bool, default=False
            Nothing is mixed outside training.

        Returns
        -------
        tensor of the same shape
        """
        if not training:
            return faces
        share = keras.random.beta((), self._alpha, self._alpha, seed=self._draws)
        self.share.assign(share)
        return share * faces + (1 - share) * ops.flip(faces, axis=0)


class MixedModel(keras.Model):
    """A functional model whose loss mixes labels as its layer ``mixup`` mixed faces."""

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Compute the loss against both labels of each mixture.

        Parameters
        ----------
        x, y, y_pred, sample_weight, training
            As in :meth:`keras.Model.compute_loss`.

        Returns
        -------
        scalar tensor
        """
        own = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return own
        share = self.get_layer("mixup").share
        opposite_weight = None if sample_weight is None else ops.flip(sample_weight, axis=0)
        opposite = super().compute_loss(x, ops.flip(y, axis=0), y_pred, opposite_weight, training)
        return share * own + (1 - share) * opposite
