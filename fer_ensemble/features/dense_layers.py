"""A small dense network in NumPy: the regressor's, so that features need no deep learning."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Weights (n_inputs, n_outputs) and biases (n_outputs,) of each layer, the first one first.
Layers = list[tuple[NDArray[Any], NDArray[Any]]]

_Array = NDArray[np.float32]


def run_layers(layers: Layers, inputs: _Array) -> _Array:
    """Run a network of rectified dense layers and a linear one at its end.

    Parameters
    ----------
    layers : list of (weights, biases)
        In any precision; computed in single.
    inputs : ndarray of float32 of shape (n_samples, n_inputs)

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_outputs)
    """
    return _activations(layers, inputs)[-1]


class PointTraining:
    """Trains dense layers to predict points, by Adam with decoupled weight decay.

    The loss is the mean distance of the points, weighted by face: unlike its square it is little
    moved by the few faces whose points were given wrongly.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, units of each hidden layer, outputs (two for each point).
    bias : ndarray of shape (n_outputs,)
        What the network is to predict at the start.
    n_steps : int
        Steps in all: the learning rate falls to zero over them by half a cosine.
    learning_rate, weight_decay : float
    random : RandomState

    Attributes
    ----------
    layers : list of (weights, biases)
        As they are now.

    References
    ----------
    Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization. ICLR.
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        bias: NDArray[Any],
        n_steps: int,
        *,
        learning_rate: float,
        weight_decay: float,
        random: np.random.RandomState,
    ) -> None:
        self.layers: Layers = []
        for n_in, n_out in pairwise(sizes):
            weights = random.standard_normal((n_in, n_out)) * np.sqrt(2 / n_in)
            self.layers.append((weights.astype(np.float32), np.zeros(n_out, np.float32)))
        self.layers[-1][0][:] *= 0.1
        self.layers[-1][1][:] = bias
        self._rates = learning_rate * (1 + np.cos(np.pi * np.arange(n_steps) / n_steps)) / 2
        self._decay = weight_decay
        self._moments = [[np.zeros_like(p), np.zeros_like(p)] for p in self._parameters()]
        self._step = 0

    def step(self, inputs: _Array, points: _Array, weight: _Array) -> float:
        """Take one step on a batch.

        Parameters
        ----------
        inputs : ndarray of shape (n_samples, n_inputs)
        points : ndarray of shape (n_samples, n_points, 2)
        weight : ndarray of shape (n_samples,)

        Returns
        -------
        float
            Loss before the step.
        """
        activations = _activations(self.layers, inputs)
        difference = activations[-1].reshape(points.shape) - points
        # The small number keeps the gradient finite where a point is met exactly.
        distance = np.sqrt((difference**2).sum(axis=2) + 0.01)
        share = weight / weight.size / points.shape[1]
        gradient = difference / distance[..., None] * share[:, None, None]
        self._update(self._gradients(activations, gradient.reshape(len(inputs), -1)))
        return float(share @ distance.sum(axis=1))

    def _parameters(self) -> list[_Array]:
        return [parameter for layer in self.layers for parameter in layer]

    def _gradients(self, activations: list[_Array], gradient: _Array) -> list[_Array]:
        """Gradients of the parameters in their order, by going back through the layers."""
        found: list[_Array] = []
        for number in reversed(range(len(self.layers))):
            inputs = activations[number]
            found = [inputs.T @ gradient, gradient.sum(axis=0), *found]
            if number:
                gradient = (gradient @ self.layers[number][0].T) * (inputs > 0)
        return found

    def _update(self, gradients: list[_Array]) -> None:
        rate = np.float32(self._rates[self._step])
        self._step += 1
        steps = zip(self._parameters(), gradients, self._moments, strict=True)
        for parameter, gradient, (mean, square) in steps:
            mean += np.float32(0.1) * (gradient - mean)
            square += np.float32(0.001) * (gradient**2 - square)
            if parameter.ndim == 2:
                parameter *= np.float32(1 - rate * self._decay)
            unbiased = np.sqrt(square / np.float32(1 - 0.999**self._step)) + np.float32(1e-8)
            parameter -= rate / np.float32(1 - 0.9**self._step) * mean / unbiased


def _activations(layers: Layers, inputs: _Array) -> list[_Array]:
    """Inputs, then the output of each layer."""
    found = [inputs]
    for number, (weights, biases) in enumerate(layers, start=1):
        outputs = found[-1] @ weights.astype(np.float32, copy=False)
        outputs += biases
        if number < len(layers):
            np.maximum(outputs, 0, out=outputs)
        found.append(outputs)
    return found
