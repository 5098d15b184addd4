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
from fer_ensemble.artifact.states import (
    Ensemble,
    EnsembleState,
    describe_state,
    restore_state,
)
from fer_ensemble.datasets import emotion_names

_LIBRARIES = ("fer-ensemble", "keras", "numpy", "scikit-image", "scikit-learn", "skops", "xgboost")
_ARRAYS = "validation.npz"
_FINAL_ESTIMATOR = "_final_estimator.skops"


def save_ensemble(
    ensemble: Ensemble,
    path: str | os.PathLike[str],
    *,
    data: dict[str, Any] | None = None,
    face_size: int = 48,
    overwrite: bool = False,
) -> Path:
    """Save a fitted ensemble as a directory: a manifest and a file for each member.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
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
    >>>     >>> X, y = load_iris(return_X_y=True)
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
    state = describe_state(ensemble)
    final = state.final_estimator
    final_content = None if final is None else dump_member("final_estimator", final)
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
    stored_final = None
    if final_content is not None:
        stored_final = store(directory, _FINAL_ESTIMATOR, final_content)
    kept = {entry.stored.file for entry in members} | (
        {_FINAL_ESTIMATOR} if stored_final else set()
    )
    for file in directory.glob("*.skops"):
        if file.name not in kept:
            file.unlink()  # of the ensemble that stood here before
    classes = ensemble.classes_.tolist()
    write_manifest(
        directory,
        Manifest(
            classes=classes,
            class_names=emotion_names(classes),
            preprocessing={"size": face_size, "color": "gray", "dtype": "uint8"},
            ensemble=state.parameters,
            members=members,
            final_estimator=stored_final,
            validation=_store_arrays(directory, state.arrays),
            data=data or {},
            versions={"python": platform.python_version()}
            | {name: version(name) for name in _LIBRARIES},
        ),
    )
    return directory


def load_ensemble(path: str | os.PathLike[str]) -> Ensemble:
    """Load a saved ensemble. No code in the artifact is run; networks are built by this package.

    Every file's hash is checked before it is parsed.

    Parameters
    ----------
    path : path-like
        Directory that :func:`save_ensemble` or ``fer-ensemble fit`` made.

    Returns
    -------
    VotingEnsemble or StackingEnsemble
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
    final = None
    if manifest.final_estimator is not None:
        content = read_verified(directory, manifest.final_estimator)
        final = load_member("final_estimator", content)
    arrays = _load_arrays(directory, manifest.validation)
    try:
        ensemble = restore_state(members, EnsembleState(manifest.ensemble, arrays, final))
        ensemble.classes_ = np.asarray(manifest.classes)
        ensemble.fit_times_ = {
            entry.name: entry.fit_seconds for entry in manifest.members if entry.fit_seconds
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"{directory}: its manifest is damaged ({error}). Fit or copy it again."
        ) from error
    return ensemble


def _store_arrays(directory: Path, arrays: dict[str, Any]) -> StoredFile | None:
    if not arrays:
        return None
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return store(directory, _ARRAYS, stream.getvalue())


def _load_arrays(directory: Path, stored: StoredFile | None) -> dict[str, Any]:
    if stored is None:
        return {}
    content = io.BytesIO(read_verified(directory, stored))
    with np.load(content, allow_pickle=False) as stream:
        return {name: stream[name] for name in stream.files}
