"""A member whose fit is kept on disk."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import has_fit_parameter

from fer_ensemble.artifact.files import ArtifactError, StoredFile, read_verified, store
from fer_ensemble.artifact.manifest import MANIFEST
from fer_ensemble.artifact.states import dump_member, load_member
from fer_ensemble.artifact.storage import save_ensemble
from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.ensemble.member_fits import sample_weight_keyword
from fer_ensemble.models import find_parameters

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


_UNFINISHED = "unfinished"


def fit_resumable(
    ensemble: VotingEnsemble,
    X: NDArray[Any],
    y: ArrayLike,
    path: str | os.PathLike[str],
    *,
    sample_weight: ArrayLike | None = None,
    validation_data: tuple[NDArray[Any], ArrayLike] | None = None,
    data: dict[str, Any] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_member: Callable[[str, str], None] | None = None,
) -> VotingEnsemble:
    """Fit an ensemble and save it; each member is kept as soon as it is fitted.

    Of a network in training, the state after each epoch is kept.

    Parameters
    ----------
    ensemble : VotingEnsemble
        Unfitted, with an integer `random_state`, so that a resumed fit holds out the same faces.
    X : ndarray of shape (n_samples, height, width)
        Training faces.
    y : array-like of shape (n_samples,)
        Their labels.
    path : path-like
        Directory for the artifact.
    sample_weight : array-like of shape (n_samples,), default=None
        How much each face counts. Every member must take weights.
    validation_data : tuple of (X, y), default=None
        Held-out faces, in place of a share of `X`.
    data : dict, default=None
        What the faces are, for the manifest.
    resume : bool, default=False
        Whether to take members over from an interrupted fit there, and to go on with the network
        that was in training. Either is done only on the same faces with the same parameters.
    overwrite : bool, default=False
        Whether to discard a saved ensemble or an interrupted fit there.
    on_member : callable, default=None
        Called with a member's name and ``'fitting'``, ``'fitted'`` or ``'kept'``.

    Returns
    -------
    VotingEnsemble
        The fitted ensemble, saved under `path`.

    Raises
    ------
    ArtifactError
        If something stands under `path` and neither `resume` nor `overwrite` says what to do.
    ValueError
        If there are weights, and a member takes none.
    """
    if sample_weight is not None:
        _check_weighable(ensemble)
    directory = Path(path)
    unfinished = directory / _UNFINISHED
    _claim(directory, unfinished, resume, overwrite)
    unfinished.mkdir(parents=True, exist_ok=True)
    # Cached features are pickled, so they have no place in the folder that becomes an artifact.
    with TemporaryDirectory(prefix="fer-ensemble-features-") as features:
        ensemble.set_params(
            members=[
                (name, KeptMember(member, name, str(unfinished), features, on_member or _silent))
                for name, member in ensemble.members
            ]
        )
        try:
            ensemble.fit(X, y, sample_weight=sample_weight, validation_data=validation_data)
        finally:
            ensemble.set_params(members=[(name, kept.member) for name, kept in ensemble.members])
    ensemble.members_ = [(name, kept.fitted_) for name, kept in ensemble.members_]
    ensemble.fit_times_ = {
        name: json.loads((unfinished / f"{name}.json").read_text())["seconds"]
        for name, _ in ensemble.members_
    }
    save_ensemble(ensemble, directory, data=data, face_size=X.shape[1], overwrite=True)
    shutil.rmtree(unfinished)
    return ensemble


def _silent(name: str, stage: str) -> None:
    pass


def _check_weighable(ensemble: VotingEnsemble) -> None:
    unable = [name for name, member in ensemble.members if sample_weight_keyword(member) is None]
    if unable:
        raise ValueError(
            f"The fit of {', '.join(unable)} takes no sample weights: leave them, or the weights, "
            "out."
        )


def _claim(directory: Path, unfinished: Path, resume: bool, overwrite: bool) -> None:
    """Make sure that nothing of the user's is lost under the path."""
    if directory.exists() and not directory.is_dir():
        raise ArtifactError(f"{directory} is a file: choose a folder.")
    if overwrite:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        return
    if unfinished.is_dir() and any(unfinished.iterdir()):
        if not resume:
            raise ArtifactError(
                f"{directory} holds an interrupted fit: --resume goes on with it, "
                "--overwrite starts anew."
            )
    elif (directory / MANIFEST).exists():
        raise ArtifactError(
            f"{directory} holds a saved ensemble already: choose another folder, or --overwrite it."
        )
