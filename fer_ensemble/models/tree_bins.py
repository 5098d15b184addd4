"""Samples on disk, sorted into bins for XGBoost a batch at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_ensemble.models.training_data import Samples
from fer_ensemble.stored_arrays import BATCH

if TYPE_CHECKING:
    import xgboost

# Where bins begin is estimated on so many samples, evenly spread over all. XGBoost's sketch of half
# a million takes 0.9 GB for HOG features, more than everything else.
_MOST_SKETCHED = 32_768


def stored_bins(
    samples: Samples,
    trained_on: xgboost.DMatrix | None,
    *,
    max_bin: int,
    nthread: int | None,
    pages: Path | None,
) -> xgboost.DMatrix:
    """Sort samples into bins, which take a byte a feature.

    Of more samples than `_MOST_SKETCHED`, so many decide where the bins begin.

    Parameters
    ----------
    samples : Samples
        Whose features are a `StoredArray`.
    trained_on : DMatrix or None
        If they are to be watched: what is trained on, whose bins they are sorted into.
    max_bin : int
        Bins of a feature.
    nthread : int or None
        Threads.
    pages : Path or None
        File for the bins, which are then read a page at a time whenever trees grow by a level. By
        default, they are in memory.

    Returns
    -------
    DMatrix
    """
    import xgboost

    if trained_on is None and len(samples.X) > _MOST_SKETCHED:
        rows = np.linspace(0, len(samples.X) - 1, _MOST_SKETCHED).astype(np.intp)
        trained_on = stored_bins(
            samples.take(rows), None, max_bin=max_bin, nthread=nthread, pages=None
        )
    kind = xgboost.QuantileDMatrix if pages is None else xgboost.ExtMemQuantileDMatrix
    return kind(_batches(samples, pages), ref=trained_on, max_bin=max_bin, nthread=nthread)


def _batches(samples: Samples, pages: Path | None) -> xgboost.DataIter:
    """Give samples to XGBoost, which goes through them several times."""
    import xgboost

    # Defined in here, since its base class is XGBoost's, which is imported late.
    class Batches(xgboost.DataIter):
        def __init__(self) -> None:
            super().__init__(cache_prefix=None if pages is None else str(pages))
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
