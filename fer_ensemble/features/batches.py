"""Work on many faces a batch at a time, in threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.processors import count_processors


def in_batches(
    function: Callable[..., NDArray[Any]], *arrays: NDArray[Any], size: int
) -> NDArray[Any]:
    """Call a function on batches of the rows of arrays, as many at once as there are processors.

    Parameters
    ----------
    function : callable
        Takes a part of each array and returns one row for each of its rows. It gains by threads as
        far as it is NumPy's or OpenCV's work on many faces, which lets other threads run.
    *arrays : ndarray of shape (n_samples, ...)
    size : int
        Rows of a batch: as few as stay, with what is computed from them, in a processor's cache.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        What the function returned for all rows.
    """
    if len(arrays[0]) <= size:
        return function(*arrays)
    import cv2  # noqa: F401 - before there are threads: two that import it at once may both fail

    starts = range(0, len(arrays[0]), size)
    batches = [[array[start : start + size] for array in arrays] for start in starts]
    with ThreadPoolExecutor(min(len(batches), count_processors())) as threads:
        return np.concatenate(list(threads.map(lambda batch: function(*batch), batches)))
