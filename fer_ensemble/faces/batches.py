"""The rule by which inputs are gathered into batches."""

from __future__ import annotations

# Pictures in which there is no face must not hold back the rows of those before them for long.
_INPUTS_A_FACE = 2


class Gathering:
    """Tells when a batch is full: by the number of its faces, or of its inputs.

    A batch is full with the input that brings it to `batch_size` faces or to twice as many inputs.
    An input is never divided. The rule depends on nothing but the faces of the inputs since the
    last batch, so that whoever knows the inputs that were written knows where the batches ended.

    Parameters
    ----------
    batch_size : int
        Faces in a batch.

    Raises
    ------
    ValueError
        If `batch_size` is below 1.
    """

    def __init__(self, batch_size: int) -> None:
        """Begin the first batch."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {batch_size}")
        self._batch_size = batch_size
        self._n_faces = self._n_inputs = 0

    def add(self, n_faces: int) -> bool:
        """Add an input.

        Parameters
        ----------
        n_faces : int
            How many faces it shows.

        Returns
        -------
        bool
            Whether the batch is full with it; the next input begins a new one.
        """
        self._n_faces += n_faces
        self._n_inputs += 1
        full = (
            self._n_faces >= self._batch_size or self._n_inputs >= _INPUTS_A_FACE * self._batch_size
        )
        if full:
            self._n_faces = self._n_inputs = 0
        return full
