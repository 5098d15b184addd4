"""The best epoch of a training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


class BestEpoch:
    """The best epoch so far.

    Parameters
    ----------
    lowest : bool
        Whether lower values are better.

    Attributes
    ----------
    value : float or None
        What the best epoch was chosen by.
    wait : int
        Epochs since then.
    weights : list of ndarray
        The network's weights at its end.
    """

    def __init__(self, *, lowest: bool) -> None:
        self._sign = -1 if lowest else 1
        self.value: float | None = None
        self.wait = 0
        self.weights: list[NDArray[Any]] = []

    def offer(self, value: float, network: keras.Model) -> bool:
        """Take an epoch into account.

        Parameters
        ----------
        value : float
        network : keras.Model

        Returns
        -------
        bool
            Whether it is the best so far.
        """
        # A first epoch that diverged still leaves weights to return.
        if (
            self.value is None
            or np.isnan(self.value)
            or self._sign * value > self._sign * self.value
        ):
            self.value, self.wait, self.weights = value, 0, network.get_weights()
            return True
        self.wait += 1
        return False
