"""Features of faces that are on disk, computed a batch at a time and written to disk once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
from sklearn.utils import get_tags

from fer_ensemble.stored_arrays import StoredArray, write_array

# Parameters of a transformer that change nothing of what it computes.
_WITHOUT_EFFECT = ("memory", "n_jobs", "verbose")


class StoredFeatures:
    """What the transformers of a pipeline make of stored samples.

    Transformers that learn nothing from samples, such as HOG and landmarks, have what they compute
    written to disk, once for all pipelines that share the folder. Those that learn a batch at a
    time, such as scalers, change the features whenever they are read.

    Parameters
    ----------
    transformers : sequence of (str, transformer)
        Which are fitted.
    folder : Path
        Where features are written.

    Raises
    ------
    ValueError
        In `fit`, if a transformer learns from all samples at once.
    """

    def __init__(self, transformers: Sequence[tuple[str, Any]], folder: Path) -> None:
        self._transformers = transformers
        self._folder = folder

    def fit(self, X: StoredArray, mirrored: Callable[[Any], Any] | None = None) -> StoredArray:
        """Fit the transformers and return the features.

        Parameters
        ----------
        X : StoredArray of shape (n_samples, ...)
        mirrored : callable, optional
            What makes mirror images of samples, whose features then follow those of the samples.
            Nothing is learned from them.

        Returns
        -------
        StoredArray
            Of shape (n_samples, n_features), or of twice as many rows.
        """
        parts = [X] if mirrored is None else [X, X.mapped(mirrored)]
        for name, transformer in self._transformers:
            if hasattr(transformer, "partial_fit"):
                for batch in parts[0].batches():
                    transformer.partial_fit(batch)
            elif _learns_nothing(transformer):
                transformer.fit(parts[0][:1].__array__())
            else:
                raise ValueError(
                    f"{name} ({type(transformer).__name__}) learns from all samples at once, and "
                    "these are on disk, to be read a batch at a time: take a transformer with "
                    "partial_fit, as IncrementalPCA in place of PCA, or give the samples in memory."
                )
            parts = [self._apply(transformer, part) for part in parts]
        return parts[0] if len(parts) == 1 else parts[0].followed_by(parts[1])

    def transform(self, X: StoredArray) -> StoredArray:
        """Return the features of other samples, by the transformers as they were fitted.

        Parameters
        ----------
        X : StoredArray of shape (n_samples, ...)

        Returns
        -------
        StoredArray of shape (n_samples, n_features)
        """
        for _, transformer in self._transformers:
            X = self._apply(transformer, X)
        return X

    def _apply(self, transformer: Any, X: StoredArray) -> StoredArray:
        if hasattr(transformer, "partial_fit"):
            return X.mapped(transformer.transform)
        params = transformer.get_params()
        named = {name: params[name] for name in params if name not in _WITHOUT_EFFECT}
        path = self._folder / f"{joblib.hash([type(transformer), named, X.digest()])}.npy"
        if path.exists():  # written whole, by another pipeline of the same features
            return StoredArray(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        # What a transformer caches of its own would be every batch once more.
        plain = copy(transformer)
        if "memory" in params:
            plain.set_params(memory=None)
        features = (plain.transform(batch) for batch in X.batches())
        return write_array(path, features, lasting=False)


@contextmanager
def feature_folder(transformers: Sequence[tuple[str, Any]]) -> Iterator[Path]:
    """Find where features may be written: where a transformer caches them, or a folder for now.

    Parameters
    ----------
    transformers : sequence of (str, transformer)

    Yields
    ------
    Path
    """
    given = (getattr(transformer, "memory", None) for _, transformer in transformers)
    place = next((memory for memory in given if isinstance(memory, str | Path)), None)
    if place is not None:
        yield Path(place)
        return
    with TemporaryDirectory(prefix="fer-ensemble-features-") as folder:
        yield Path(folder)


def _learns_nothing(transformer: Any) -> bool:
    # Of a union, scikit-learn's tags say nothing.
    parts = [part for _, part in getattr(transformer, "transformer_list", [])]
    if parts:
        return all(map(_learns_nothing, parts))
    return getattr(transformer, "learns_nothing", False) or not get_tags(transformer).requires_fit
