"""Samples sorted into bins for XGBoost: from memory at once, or from disk a batch at a time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from fer_ensemble.models.training_data import Samples
from fer_ensemble.stored_arrays import BATCH, StoredArray

if TYPE_CHECKING:
    import xgboost


class Bins:
    """Makes what XGBoost trains on, which takes a byte a feature in place of four.

    Parameters
    ----------
    max_bin : int
        Bins of a feature.
    n_jobs : int or None
        Threads.
    pages : str or None
        Folder for the bins of stored samples, which are then read a page at a time whenever trees
        grow by a level. By default, bins are in memory.
    """

    def __init__(self, max_bin: int, n_jobs: int | None, pages: str | None) -> None:
        self._max_bin = max_bin
        self._n_jobs = n_jobs
        self._pages = pages
        self._n_made = 0

    def of(self, samples: Samples, trained_on: xgboost.DMatrix | None = None) -> xgboost.DMatrix:
        """Sort samples into bins.

        Parameters
        ----------
        samples : Samples
        trained_on : DMatrix, optional
            If they are to be watched: what is trained on, whose bins they are sorted into.

        Returns
        -------
        DMatrix
        """
        import xgboost

        options = {"nthread": self._n_jobs}
        if not isinstance(samples.X, StoredArray):
            if trained_on is not None:
                return xgboost.DMatrix(np.asarray(samples.X), samples.targets, **options)
            return xgboost.QuantileDMatrix(
                samples.X, samples.targets, weight=samples.weight, max_bin=self._max_bin, **options
            )
        options |= {"max_bin": self._max_bin, "ref": trained_on}
        if self._pages is None:
            return xgboost.QuantileDMatrix(_batches(samples, None), **options)
        self._n_made += 1
        prefix = os.path.join(self._pages, str(self._n_made))
        return xgboost.ExtMemQuantileDMatrix(_batches(samples, prefix), **options)


def _batches(samples: Samples, cache_prefix: str | None) -> xgboost.DataIter:
    """Give samples to XGBoost, which goes through them several times."""
    import xgboost

    # Defined in here, since its base class is XGBoost's, which is imported late.
    class Batches(xgboost.DataIter):
        def __init__(self) -> None:
            super().__init__(cache_prefix=cache_prefix)
            self._start = 0

        def next(self, input_data: object) -> bool:
            rows = slice(self._start, self._start + BATCH)
            if self._start >= len(samples.X):
                return False
            weight = None if samples.weight is None else samples.weight[rows]
            features = np.asarray(samples.X[rows], np.float32)
            input_data(data=features, label=samples.targets[rows], weight=weight)  # type: ignore[operator]
            self._start += BATCH
            return True

        def reset(self) -> None:
            self._start = 0

    return Batches()
