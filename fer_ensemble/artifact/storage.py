"""Saving and loading whole ensembles."""

from __future__ import annotations

import io
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fer_ensemble.artifact.manifest import (
    MANIFEST,
    ArtifactError,
    Manifest,
    StoredFile,
    StoredMember,
    read_manifest,
    read_verified,
    store,
    write_manifest,
)
from fer_ensemble.artifact.members import describe_parameters, dump_member, load_member
from fer_ensemble.datasets import emotion_names
from fer_ensemble.ensemble import VotingEnsemble

_LIBRARIES = ("fer-ensemble", "keras", "numpy", "scikit-image", "scikit-learn", "skops", "xgboost")
_VALIDATION = "validation.npz"
_VALIDATION_ARRAYS = (
    "validation_indices_",
    "validation_labels_",
    "validation_probabilities_",
    "validation_sample_weight_",
)


def save_ensemble(
    ensemble: VotingEnsemble,
    path: str | os.PathLike[str],
    *,
    data: dict[str, Any] | None = None,
    face_size: int = 48,
    overwrite: bool = False,
) -> Path:
    """Save a fitted ensemble as a directory: a manifest and a file for each member.

    Parameters
    ----------
    ensemble : VotingEnsemble
        Fitted, of members made of estimators of scikit-learn and this package.
    path : path-like
        Directory to make.
    data : dict, default=None
        What the ensemble was fitted on, to be told by the manifest; JSON values.
    face_size : int, default=48
        Side of the faces that the members take, in pixels.
    overwrite : bool, default=False
        Whether an ensemble that stands there already may be replaced.

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    ArtifactError
        If another ensemble stands there, or a member cannot be saved safely.
    sklearn.exceptions.NotFittedError
        If the ensemble is not fitted.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from fer_ensemble import load_ensemble, save_ensemble
    >>> from fer_ensemble.ensemble import VotingEnsemble
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = VotingEnsemble([("bayes", GaussianNB())], random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_ensemble(save_ensemble(ensemble, folder))
    >>> bool((again.predict(X) == ensemble.predict(X)).all())
    True
    """
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(ensemble)
    directory = Path(path)
    if (directory / MANIFEST).exists() and not overwrite:
        raise ArtifactError(
            f"{directory} holds a saved ensemble already: choose another folder, or overwrite it."
        )
    contents = [(name, member, dump_member(name, member)) for name, member in ensemble.members_]
    directory.mkdir(parents=True, exist_ok=True)
    # Without a manifest, an interrupted save reads as no ensemble rather than as a mixed one.
    (directory / MANIFEST).unlink(missing_ok=True)
    members = [
        StoredMember(
            name,
            describe_parameters(member),
            store(directory, f"{name}.skops", content),
            ensemble.fit_times_.get(name),
        )
        for name, member, content in contents
    ]
    for file in directory.glob("*.skops"):
        if file.name not in {entry.stored.file for entry in members}:
            file.unlink()  # a member of the ensemble that stood here before
    classes = ensemble.classes_.tolist()
    weights = ensemble.weights_
    write_manifest(
        directory,
        Manifest(
            classes=classes,
            class_names=emotion_names(classes),
            preprocessing={"size": face_size, "color": "gray", "dtype": "uint8"},
            ensemble={
                "rule": ensemble.rule,
                "weights": None if weights is None else weights.tolist(),
                "validation_fraction": ensemble.validation_fraction,
            },
            members=members,
            validation=_store_validation(directory, ensemble),
            data=data or {},
            versions={"python": platform.python_version()}
            | {name: version(name) for name in _LIBRARIES},
        ),
    )
    return directory


def load_ensemble(path: str | os.PathLike[str]) -> VotingEnsemble:
    """Load a saved ensemble. No code in the artifact is run; networks are built by this package.

    Every file's hash is checked before it is parsed.

    Parameters
    ----------
    path : path-like
        Directory that :func:`save_ensemble` or ``fer-ensemble fit`` made.

    Returns
    -------
    VotingEnsemble
        Fitted, ready to predict.

    Raises
    ------
    ArtifactError
        If there is no ensemble, a file is missing, altered or cut short, it was made by a later
        release, or it holds anything but the types that an ensemble is made of.
    """
    directory = Path(path)
    manifest = read_manifest(directory)
    members = [
        (entry.name, load_member(entry.name, read_verified(directory, entry.stored)))
        for entry in manifest.members
    ]
    try:
        weights = manifest.ensemble["weights"]
        ensemble = VotingEnsemble(
            members,
            rule=manifest.ensemble["rule"],
            validation_fraction=manifest.ensemble["validation_fraction"],
        )
        ensemble.classes_ = np.asarray(manifest.classes)
        ensemble.members_ = members
        ensemble.weights_ = None if weights is None else np.asarray(weights, dtype=np.float64)
        ensemble.fit_times_ = {
            entry.name: entry.fit_seconds for entry in manifest.members if entry.fit_seconds
        }
        for name, array in _load_validation(directory, manifest.validation).items():
            setattr(ensemble, name, array)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{directory}: its manifest is damaged ({error}). Fit or copy it again."
        ) from error
    return ensemble


def _store_validation(directory: Path, ensemble: VotingEnsemble) -> StoredFile | None:
    arrays = {name: getattr(ensemble, name) for name in _VALIDATION_ARRAYS}
    arrays = {name: array for name, array in arrays.items() if array is not None}
    if not arrays:
        return None
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return store(directory, _VALIDATION, stream.getvalue())


def _load_validation(directory: Path, stored: StoredFile | None) -> dict[str, Any]:
    arrays: dict[str, Any] = dict.fromkeys(_VALIDATION_ARRAYS)
    if stored is not None:
        with np.load(io.BytesIO(read_verified(directory, stored)), allow_pickle=False) as stream:
            arrays |= {name: stream[name] for name in _VALIDATION_ARRAYS if name in stream}
    return arrays
