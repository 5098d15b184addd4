"""What a training makes of a batch beside changing each face: mixtures, teachers, averages.

All of it is layers of the model that is trained, so that it runs inside the compiled step on every
backend, and nothing of it is part of the network that is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

# Whatever `keras.json` says: the type of pixels, and of shares of labels.
_FLOAT = "float32"
# Least and greatest share of a face that a pasted box takes. As published, the share is uniform
# over 0 to 1; beyond a half, though, only the roles of the two faces change.
_PASTED_AREA = (0.05, 0.4)


class Mix(keras.layers.Layer):
    """Mixes each face of a training batch with the one that stands opposite in it.

    Batches are shuffled, so the one opposite is any other face. A step blends all faces of its
    batch, by a share drawn from a Beta distribution (mixup), or it pastes a square of the other
    face into each, at a place drawn for the batch (CutMix). The share of a face that is its own is
    kept for the loss.

    Parameters
    ----------
    alpha : float
        Both parameters of the Beta distribution; 0.2 mixes little, 1 draws the share uniformly, 0
        never blends.
    cutmix : float
        Probability that a step pastes, 0–1.
    seed : int
        Seed of the draws.

    References
    ----------
    Zhang, H. et al. (2018). mixup: beyond empirical risk minimization. ICLR.

    Yun, S. et al. (2019). CutMix: regularization strategy to train strong classifiers with
    localizable features. ICCV.
    """

    def __init__(self, alpha: float, cutmix: float, seed: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self._alpha = alpha
        self._cutmix = cutmix
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
        opposite = ops.flip(faces, axis=0)
        mixed, share = faces, 1.0
        if self._alpha:
            share = keras.random.beta((), self._alpha, self._alpha, dtype=_FLOAT, seed=self._draws)
            mixed = share * faces + (1 - share) * opposite
        if self._cutmix:
            box = self._box(*faces.shape[1:3])
            is_pasted = self._draw() < self._cutmix
            mixed = ops.where(is_pasted, ops.where(box, opposite, faces), mixed)
            # The box covers whole pixels, so that its area is counted, not taken as drawn.
            own = 1 - ops.mean(ops.cast(box, "float32"))
            share = ops.where(is_pasted, own, share)
        # Kept as a weight of the layer, because the loss is computed outside it.
        self.share.assign(share)
        return mixed

    def _box(self, height: int, width: int) -> keras.KerasTensor:
        """Draw a square of a face: a mask of shape (1, height, width, 1)."""
        shrink = ops.sqrt(self._draw(*_PASTED_AREA))
        masks = []
        for side, shape in ((height, (1, height, 1, 1)), (width, (1, 1, width, 1))):
            length = shrink * side
            start = self._draw() * (side - length)
            centres = ops.reshape(ops.arange(side, dtype="float32") + 0.5, shape)
            masks.append(ops.logical_and(centres > start, centres < start + length))
        return ops.logical_and(*masks)

    def _draw(self, low: float = 0.0, high: float = 1.0) -> keras.KerasTensor:
        return keras.random.uniform((), low, high, dtype=_FLOAT, seed=self._draws)


class MeanOpinion(keras.layers.Layer):
    """Gives the mean probabilities of networks that stay as they are.

    Parameters
    ----------
    networks : sequence of keras.Model
        From faces to probabilities.
    """

    def __init__(self, networks: Sequence[keras.Model], **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.networks = list(networks)
        # Only now that they are there: it is said to the layers that are there when it is said.
        self.trainable = False

    def call(self, faces: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Ask every network.

        Parameters
        ----------
        faces : tensor of shape (n_samples, height, width, channels)
        training : bool, default=False
            Outside training nobody asks for their opinion, and none is computed.

        Returns
        -------
        tensor of shape (n_samples, n_classes)
        """
        if not training:
            n_classes = self.networks[0].output_shape[-1]
            return ops.zeros((ops.shape(faces)[0], n_classes))
        opinions = [network(faces, training=False) for network in self.networks]
        return ops.mean(ops.stack([ops.cast(one, "float32") for one in opinions]), axis=0)


class AveragedStatistics(keras.layers.Layer):
    """Passes logits on, and keeps moving averages of a network's batch statistics meanwhile.

    Keras's optimizers average weights (``use_ema``). Means and variances of batch normalisation
    are no weights that an optimizer changes: those of the latest step would be joined to averaged
    weights that they do not belong to.

    Parameters
    ----------
    network : keras.Model
        The network that comes before.
    momentum : float
        Share of an average that stays in a step.
    """

    def __init__(self, network: keras.Model, momentum: float, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self._momentum = momentum
        # Seeds of random layers, whole numbers, are among the variables that are not trained.
        statistics = [v for v in network.non_trainable_variables if v.dtype.startswith("float")]
        self._started = self.add_weight(shape=(), initializer="zeros", trainable=False)
        averages = [self.add_weight(shape=v.shape, trainable=False) for v in statistics]
        self.pairs = list(zip(statistics, averages, strict=True))

    def call(self, logits: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Average what the network's forward pass has just left.

        Parameters
        ----------
        logits : tensor of shape (n_samples, n_classes)
        training : bool, default=False

        Returns
        -------
        tensor of the same shape
        """
        if training:
            # The first average is the first value.
            momentum = self._started * self._momentum
            for statistic, average in self.pairs:
                average.assign(momentum * average + (1 - momentum) * statistic)
            self._started.assign(1.0)
        return logits


class TrainingModel(keras.Model):
    """A functional model whose loss knows how faces were mixed, and what teachers make of them.

    With teachers, its outputs are ``logits`` and ``opinion``; without, the logits alone.

    Attributes
    ----------
    teacher_weight : float
        Share of the loss that is against the opinion; the rest is against the labels.
    teacher_loss : keras.losses.Loss
        Between two distributions over the classes.

    References
    ----------
    Hinton, G., Vinyals, O., & Dean, J. (2015). Distilling the knowledge in a neural network.

    Beyer, L. et al. (2022). Knowledge distillation: a good teacher is patient and consistent.
    CVPR. (The source of showing teachers the very view that the network sees.)
    """

    teacher_weight = 0.0
    teacher_loss: keras.losses.Loss

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Compute the loss against both labels of each mixture and against the opinion.

        Parameters
        ----------
        x, y, y_pred, sample_weight, training
            As in :meth:`keras.Model.compute_loss`.

        Returns
        -------
        scalar tensor
        """
        logits = _logits(y_pred)
        loss = self._label_loss(x, y, logits, sample_weight, training)
        if not training or logits is y_pred:
            return loss
        opinion = self.teacher_loss(y_pred["opinion"], logits, sample_weight)
        # Penalties of the weights are in the loss against labels, and count in full.
        opinion += sum(self.losses)
        return (1 - self.teacher_weight) * loss + self.teacher_weight * opinion

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Measure the network's own answers; arguments as in Keras."""
        return super().compute_metrics(x, y, _logits(y_pred), sample_weight)

    def _label_loss(self, x: Any, y: Any, logits: Any, weight: Any, training: bool) -> Any:
        own = super().compute_loss(x, y, logits, weight, training)
        mix = next((layer for layer in self.layers if isinstance(layer, Mix)), None)
        if not training or mix is None:
            return own
        # Against both labels in turn, and not against a mixed one: class indices can't be mixed.
        opposite_weight = None if weight is None else ops.flip(weight, axis=0)
        opposite = super().compute_loss(x, ops.flip(y, axis=0), logits, opposite_weight, training)
        return mix.share * own + (1 - mix.share) * opposite


def _logits(y_pred: Any) -> Any:
    return y_pred["logits"] if isinstance(y_pred, dict) else y_pred
