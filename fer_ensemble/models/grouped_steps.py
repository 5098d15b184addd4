"""Many training steps in one compiled call, for Keras on JAX.

Between two calls of ``train_on_batch``, Keras hands the state of model and optimizer over from its
variables to JAX and back, 5 to 10 ms for a network of some size. A GPU takes that long for a step
and more, and waits meanwhile. Here the state stays on the device for as many steps as are asked
for, and so do the faces of all these steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp
from numpy.typing import NDArray

from fer_ensemble.models.training_data import Samples

# How much of the samples is on the device at a time, at most: FER2013's faces are 60 MB.
_GROUP_BYTES = 256 * 2**20

# Lists of arrays in the order of Keras's variables: those that are trained, those that are not,
# the optimizer's (not in tests), and the metrics'.
State = tuple[list[jax.Array], ...]
# Samples, targets, weights.
Data = tuple[jax.Array, jax.Array, jax.Array | None]


class GroupedSteps:
    """Takes groups of steps, each group in one call.

    Parameters
    ----------
    model : keras.Model
        Compiled, and its optimizer built. Its training and test step are Keras's own.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._train = jax.jit(self._train_group)
        self._test = jax.jit(lambda state, data, n: _repeat(model.test_step, state, data, n))

    def most(self, samples: Samples, batch_size: int) -> int:
        """Say how many batches a group may have.

        Parameters
        ----------
        samples : Samples
        batch_size : int

        Returns
        -------
        int
            All full batches of the samples, or as many as take 256 MB; at least 1.
        """
        n_bytes = batch_size * max(samples.X[:1].nbytes, 1)
        return max(1, min(len(samples.X) // batch_size, _GROUP_BYTES // n_bytes))

    def train(
        self, samples: Samples, rows: Sequence[NDArray[np.intp]], rates: Sequence[float], most: int
    ) -> dict[str, float]:
        """Train on batches of one size.

        Parameters
        ----------
        samples : Samples
        rows : sequence of ndarray of int
            Those of each batch.
        rates : sequence of float
            Learning rate of each step.
        most : int
            Batches of the largest group. Smaller ones are filled up to it, with batches that are
            not trained on: one size of arrays is one compilation.

        Returns
        -------
        dict of str to float
            Mean loss and metrics.
        """
        model = self._model
        padded = np.zeros(most, np.float32)
        padded[: len(rates)] = rates
        data = _lay_out(samples, rows, most)
        self._build(data)
        variables = (*self._variables(), model.optimizer.variables, model.metrics_variables)
        return self._run(lambda state: self._train(state, data, padded, len(rows)), variables)

    def test(
        self, samples: Samples, rows: Sequence[NDArray[np.intp]], most: int
    ) -> dict[str, float]:
        """Measure on batches of one size.

        Parameters
        ----------
        samples, rows, most
            As of :meth:`train`.

        Returns
        -------
        dict of str to float
            Mean loss and metrics.
        """
        data = _lay_out(samples, rows, most)
        self._build(data)
        variables = (*self._variables(), self._model.metrics_variables)
        return self._run(lambda state: self._test(state, data, len(rows)), variables)

    def _build(self, data: Data) -> None:
        # Metrics make their variables at the first step, and Keras has no public name for this.
        self._model._symbolic_build(data_batch=jax.tree.map(lambda array: array[0], data))

    def _variables(self) -> tuple[list[keras.Variable], list[keras.Variable]]:
        return self._model.trainable_variables, self._model.non_trainable_variables

    def _run(
        self, call: Callable[[State], State], variables: tuple[list[keras.Variable], ...]
    ) -> dict[str, float]:
        """Hand the state over to a call and back; return the metrics it comes to."""
        self._model.reset_metrics()
        state = call(tuple([variable.value for variable in kind] for kind in variables))
        for kind, values in zip(variables, state, strict=True):
            for variable, value in zip(kind, values, strict=True):
                variable.assign(value)
        return {name: float(value) for name, value in self._model.get_metrics_result().items()}

    def _train_group(self, state: State, data: Data, rates: jax.Array, n: int) -> State:
        optimizer = self._model.optimizer

        def step(state: State, batch: tuple[Any, ...]) -> tuple[Any, State]:
            *samples, rate = batch
            trained, others, of_optimizer, metrics = state
            scope = keras.StatelessScope(zip(optimizer.variables, of_optimizer, strict=True))
            with scope:
                optimizer.learning_rate = rate
            of_optimizer = [scope.get_current_value(v) for v in optimizer.variables]
            return self._model.train_step((trained, others, of_optimizer, metrics), tuple(samples))

        return _repeat(step, state, (*data, rates), n)


def _repeat(
    step: Callable[..., tuple[Any, State]], state: State, data: tuple[Any, ...], n: int
) -> State:
    """Take `n` steps, one for each of the first entries of the data."""

    def take(i: jax.Array, state: State) -> State:
        return step(state, jax.tree.map(lambda array: array[i], data))[1]

    # The number is no constant of the compiled call, so that one serves groups of every size.
    return jax.lax.fori_loop(0, n, take, state)


def _lay_out(samples: Samples, rows: Sequence[NDArray[np.intp]], most: int) -> Data:
    """Put batches onto the device: arrays of shape (most, batch_size, ...)."""
    places = np.zeros((most, len(rows[0])), np.intp)
    places[: len(rows)] = rows
    weight = None if samples.weight is None else jnp.asarray(samples.weight[places])
    # In a row, since samples may be on disk, and are then chosen by lists of rows alone.
    X = np.asarray(samples.X[places.ravel()]).reshape(*places.shape, *samples.X.shape[1:])
    return jnp.asarray(X), jnp.asarray(samples.targets[places]), weight
