"""A learning rate that falls when nothing improves any more."""

from __future__ import annotations

from collections.abc import Mapping


class Plateau:
    """Lowers a rate after epochs without improvement, as Keras's ``ReduceLROnPlateau``.

    Parameters
    ----------
    params : mapping of str to float
        ``factor`` by which the rate falls, ``patience`` in epochs, and ``min_lr``, below which it
        does not fall.
    learning_rate : float
        The rate at the start.

    Attributes
    ----------
    factor : float
        What to multiply the rate with.
    """

    def __init__(self, params: Mapping[str, float], learning_rate: float) -> None:
        self._params = params
        self._lowest = min(1.0, params["min_lr"] / learning_rate) if learning_rate else 1.0
        self._wait = 0
        self.factor = 1.0

    def watched(self, improved: bool) -> None:
        """Take an epoch into account.

        Parameters
        ----------
        improved : bool
            Whether it was the best so far.
        """
        self._wait = 0 if improved else self._wait + 1
        if self._wait >= self._params["patience"]:
            self.factor = max(self.factor * self._params["factor"], self._lowest)
            self._wait = 0

    def state(self) -> list[float]:
        """Return what :meth:`resume` takes."""
        return [self.factor, self._wait]

    def resume(self, factor: float, wait: int) -> None:
        """Go on where another one stopped.

        Parameters
        ----------
        factor : float
        wait : int
            Epochs since the latest improvement or fall.
        """
        self.factor, self._wait = factor, wait
