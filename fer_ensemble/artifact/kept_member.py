"""A member whose fit is kept on disk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import has_fit_parameter

from fer_ensemble.artifact.files import StoredFile, read_verified, store, write_atomically
from fer_ensemble.artifact.members import dump_member, load_member
from fer_ensemble.ensemble.fitting import sample_weight_keyword
from fer_ensemble.models.registry import find_parameters

# What a member is fitted with but does not depend on.
_INDIFFERENT = ("checkpoint", "memory", "n_jobs", "verbose")


class KeptMember(ClassifierMixin, BaseEstimator):
    """A member whose fit is read from disk if it was done before, else written there.

    Parameters
    ----------
    member : classifier
        Unfitted.
    name : str
        Its name in the ensemble.
    directory : str
        Where fits are kept.
    features : str
        Folder in which members share the features that they extract.
    on_member : callable
        Called with the name and ``'fitting'``, ``'fitted'`` or ``'kept'``.

    Attributes
    ----------
    fitted_ : classifier
        The fitted member.
    classes_ : ndarray of shape (n_classes,)
    """

    def __init__(
        self,
        member: Any,
        name: str,
        directory: str,
        features: str,
        on_member: Callable[[str, str], None],
    ) -> None:
        self.member = member
        self.name = name
        self.directory = directory
        self.features = features
        self.on_member = on_member

    def fit(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None = None,
        validation_data: tuple[NDArray[Any], NDArray[Any]] | None = None,
    ) -> KeptMember:
        """Read the fit of the same member on the same data, or do it and keep it.

        Parameters
        ----------
        X : ndarray of shape (n_samples, height, width)
            Faces.
        y : ndarray of shape (n_samples,)
            Their labels.
        sample_weight : ndarray of shape (n_samples,), default=None
            How much each counts.
        validation_data : tuple of (X, y), default=None
            Held-out faces, for members that watch them.

        Returns
        -------
        KeptMember
        """
        weighting = () if sample_weight is None else (sample_weight,)
        fingerprint = self._fingerprint(X, y, validation_data, *weighting)
        fitted = self._read(fingerprint)
        if fitted is not None:
            self.on_member(self.name, "kept")
        else:
            self.on_member(self.name, "fitting")
            fitted = clone(self.member)
            keywords = _fit_keywords(fitted, sample_weight, validation_data)
            unfinished = Path(self.directory) / f"{self.name}.checkpoint"
            # Members with the same features share them; a saved member must not point there.
            places = _unset(fitted, "memory", self.features)
            places |= _unset(fitted, "checkpoint", str(unfinished))
            fitted.set_params(**places)
            started = time.perf_counter()
            fitted.fit(X, y, **keywords)
            fitted.set_params(**dict.fromkeys(places))
            self._write(fitted, fingerprint, time.perf_counter() - started)
            unfinished.unlink(missing_ok=True)
            self.on_member(self.name, "fitted")
        self.fitted_ = fitted
        self.classes_ = fitted.classes_
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Probabilities of shape (n_samples, n_classes), as the fitted member gives them."""
        return self.fitted_.predict_proba(X)

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Labels of shape (n_samples,), as the fitted member gives them."""
        return self.fitted_.predict(X)

    def _fingerprint(self, *data: Any) -> str:
        params = {
            name: value
            for name, value in self.member.get_params().items()
            if name.split("__")[-1] not in _INDIFFERENT
            and not hasattr(value, "get_params")
            and name != "steps"
        }
        return str(joblib.hash([type(self.member).__name__, params, data]))

    def _read(self, fingerprint: str) -> Any:
        directory = Path(self.directory)
        try:
            entry = json.loads((directory / f"{self.name}.json").read_text())
            if entry["fingerprint"] != fingerprint:
                return None
            content = read_verified(directory, StoredFile(**entry["stored"]))
            return load_member(self.name, content)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # nothing usable was kept: the member is fitted again

    def _write(self, fitted: Any, fingerprint: str, seconds: float) -> None:
        directory = Path(self.directory)
        stored = store(directory, f"{self.name}.skops", dump_member(self.name, fitted))
        entry = {
            "fingerprint": fingerprint,
            "seconds": seconds,
            "stored": {"file": stored.file, "sha256": stored.sha256},
        }
        write_atomically(directory / f"{self.name}.json", json.dumps(entry).encode())


def _fit_keywords(
    member: Any,
    sample_weight: NDArray[np.float64] | None,
    validation_data: tuple[NDArray[Any], NDArray[Any]] | None,
) -> dict[str, Any]:
    """Return what a member's ``fit`` takes of these."""
    keywords: dict[str, Any] = {}
    if has_fit_parameter(member, "validation_data"):
        keywords["validation_data"] = validation_data
    weight_keyword = sample_weight_keyword(member)
    if sample_weight is not None and weight_keyword is not None:
        keywords[weight_keyword] = sample_weight
    return keywords


def _unset(member: Any, parameter: str, value: str) -> dict[str, str]:
    """Give a value to the parameters of that name that have none."""
    params = member.get_params()
    return {name: value for name in find_parameters(member, parameter) if params[name] is None}
