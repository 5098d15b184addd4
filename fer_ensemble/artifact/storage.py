"""Saving and loading whole ensembles."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.artifact.exported_members import (
    describe_exported,
    dump_extractors,
    open_exported,
    restore_exported,
)
from fer_ensemble.artifact.manifest import (
    GRAPH_ENDING,
    MODEL_CARD,
    MOST_ARRAYS,
    ArtifactError,
    Manifest,
    StoredFile,
    StoredMember,
    describe_file,
    has_ensemble,
    installed_version,
    read_manifest,
    read_verified,
    write_artifact,
)
from fer_ensemble.artifact.member_files import (
    MOST_EXPANDED,
    dump_member,
    expanded_size,
    load_member,
)
from fer_ensemble.artifact.model_card import make_model_card
from fer_ensemble.artifact.states import (
    EnsembleState,
    describe_parameters,
    describe_state,
    restore_state,
)
from fer_ensemble.bounded_files import read_arrays
from fer_ensemble.datasets import emotion_names
from fer_ensemble.ensemble import DYNAMIC_RULES, BaseEnsemble, DynamicEnsemble
from fer_ensemble.ensemble.evidence import check_classes
from fer_ensemble.models import OnnxClassifier, last_step

_LIBRARIES = (
    "python",
    "fer-ensemble",
    "keras",
    "numpy",
    "scikit-learn",
    "skops",
    "xgboost",
)
_ARRAYS = "validation.npz"
_STATE_ENDING = ".skops"
# Two underscores, which no member's name may hold: its file is never a member's.
_FINAL_ESTIMATOR = "final__estimator"


def save_ensemble(
    ensemble: BaseEnsemble,
    path: str | os.PathLike[str],
    *,
    data: dict[str, Any] | None = None,
    face_size: int = 48,
    overwrite: bool = False,
) -> Path:
    """Save a fitted ensemble as a directory: a manifest, a model card, a file for each member.

    Parameters
    ----------
    ensemble : VotingEnsemble or StackingEnsemble
        Fitted, of members made of estimators of scikit-learn and this package.
    path : path-like
        Directory to make.
    data : dict, default=None
        What the ensemble was fitted on, for the manifest; JSON values.
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
    if has_ensemble(directory) and not overwrite:
        raise ArtifactError(
            f"{directory} holds a saved ensemble already: choose another folder, or overwrite it."
        )
    state = describe_state(ensemble)
    files = _dump(ensemble, state)
    stored = {name: describe_file(name, content) for name, content in files.items()}
    manifest = _describe(ensemble, state, stored, data or {}, face_size)
    card = make_model_card(ensemble, manifest).encode()
    write_artifact(directory, {**files, MODEL_CARD: card}, manifest)
    for file in directory.iterdir():
        if file.suffix in (_STATE_ENDING, GRAPH_ENDING, ".npz") and file.name not in files:
            file.unlink(missing_ok=True)  # of the ensemble that stood here before
    return directory


def record_answers(path: str | os.PathLike[str], ensemble: BaseEnsemble) -> None:
    """Write what an ensemble says of held-out faces into its artifact; no graph is written anew.

    Parameters
    ----------
    path : path-like
        The artifact.
    ensemble : VotingEnsemble or StackingEnsemble
        What was loaded from there, and was given ``answers_``.

    Raises
    ------
    ArtifactError
        If there is no artifact, or its manifest is damaged.
    OSError
        If it cannot be written to.
    """
    manifest, content = read_manifest(path), _pack(describe_state(ensemble).arrays)
    told = replace(manifest, validation=describe_file(_ARRAYS, content))
    write_artifact(Path(path), {_ARRAYS: content}, told)


def load_ensemble(path: str | os.PathLike[str]) -> BaseEnsemble:
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
    stored = {entry.name: read_verified(directory, entry.stored) for entry in manifest.members}
    _check_sizes(directory, manifest, stored)
    final = None
    if manifest.final_estimator is not None:
        final = _load_final(manifest.final_estimator, directory)
    packed = None if manifest.validation is None else read_verified(directory, manifest.validation)
    try:
        size = manifest.preprocessing["size"]
        members = [
            (entry.name, _load_member(directory, entry, stored[entry.name], size))
            for entry in manifest.members
        ]
        for name, member in members:
            check_classes(member.classes_, manifest.classes, name)
        arrays = {} if packed is None else _unpack(packed, len(members), len(manifest.classes))
        ensemble = restore_state(members, EnsembleState(manifest.ensemble, arrays, final))
        ensemble.classes_ = np.asarray(manifest.classes)
        if isinstance(ensemble, DynamicEnsemble) and ensemble.rule in DYNAMIC_RULES:
            ensemble.find_competence()  # damage is told now, not at the first prediction
        ensemble.fit_times_ = {
            entry.name: entry.fit_seconds for entry in manifest.members if entry.fit_seconds
        }
    except ArtifactError:
        raise
    except (AttributeError, EOFError, KeyError, TypeError, ValueError, BadZipFile) as error:
        raise ArtifactError(
            f"{directory}: its manifest is damaged ({error}). Fit or copy it again."
        ) from error
    return ensemble


def _dump(ensemble: BaseEnsemble, state: EnsembleState) -> dict[str, bytes]:
    """Turn all that is fitted into files, by their names."""
    files = dict(_dump_member(name, name, member) for name, member in ensemble.members_)
    for name, member in ensemble.members_:
        if f"{name}{GRAPH_ENDING}" in files:
            files |= dump_extractors(name, member)
    if state.final_estimator is not None:
        files |= dict([_dump_member("final_estimator", _FINAL_ESTIMATOR, state.final_estimator)])
    if state.arrays:
        files[_ARRAYS] = _pack(state.arrays)
    return files


def _dump_member(name: str, stem: str, member: Any) -> tuple[str, bytes]:
    if isinstance(last_step(member), OnnxClassifier):
        return f"{stem}{GRAPH_ENDING}", last_step(member).graph
    return f"{stem}{_STATE_ENDING}", dump_member(name, member)


def _check_sizes(directory: Path, manifest: Manifest, stored: dict[str, bytes]) -> None:
    """Refuse an ensemble that would take too much memory, before any of it is expanded."""
    total = 0
    for entry in manifest.members:
        content = stored[entry.name]
        try:
            total += len(content) if entry.exported is not None else expanded_size(content)
        except ValueError as error:
            raise ArtifactError(
                f"The member {entry.name!r} of {directory} cannot be loaded: {error}."
            ) from error
    if total > MOST_EXPANDED:
        raise ArtifactError(
            f"{directory}: its members would take {total / 2**20:,.0f} MiB of memory, and "
            f"{MOST_EXPANDED / 2**20:,.0f} MiB is the limit."
        )


def _load_final(stored: StoredFile, directory: Path) -> Any:
    content = read_verified(directory, stored)
    if stored.file.endswith(GRAPH_ENDING):
        return open_exported("final_estimator", content)
    return load_member("final_estimator", content)


def _load_member(directory: Path, entry: StoredMember, content: bytes, face_size: int) -> Any:
    if entry.exported is None:
        return load_member(entry.name, content)
    return restore_exported(entry, content, face_size, partial(read_verified, directory))


def _describe(
    ensemble: BaseEnsemble,
    state: EnsembleState,
    stored: dict[str, StoredFile],
    data: dict[str, Any],
    face_size: int,
) -> Manifest:
    classes = ensemble.classes_.tolist()
    members = [
        _describe_member(name, member, stored, ensemble.fit_times_.get(name))
        for name, member in ensemble.members_
    ]
    final = [stored.get(f"{_FINAL_ESTIMATOR}{ending}") for ending in (_STATE_ENDING, GRAPH_ENDING)]
    return Manifest(
        classes=classes,
        class_names=emotion_names(classes),
        preprocessing={"size": face_size, "color": "gray", "dtype": "uint8"},
        ensemble=state.parameters,
        members=members,
        final_estimator=next(filter(None, final), None),
        validation=stored.get(_ARRAYS),
        data=data,
        versions={library: installed_version(library) for library in _LIBRARIES},
    )


def _describe_member(
    name: str, member: Any, stored: dict[str, StoredFile], fit_seconds: float | None
) -> StoredMember:
    if isinstance(last_step(member), OnnxClassifier):
        file = stored[f"{name}{GRAPH_ENDING}"]
        parameters = last_step(member).facts_["parameters"]
        exported = describe_exported(name, member, stored)
        return StoredMember(name, parameters, file, fit_seconds, exported)
    file = stored[f"{name}{_STATE_ENDING}"]
    return StoredMember(name, describe_parameters(member), file, fit_seconds)


def _pack(arrays: dict[str, NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _unpack(content: bytes, n_members: int, n_classes: int) -> dict[str, NDArray[Any]]:
    try:
        arrays = read_arrays(content, MOST_ARRAYS)
    except ValueError as error:
        raise ValueError(f"{_ARRAYS}: {error}") from error
    for name, array in arrays.items():
        fits = not name.endswith("probabilities_") or array.shape[1:] == (n_members, n_classes)
        if not fits or (array.dtype.kind == "f" and not np.isfinite(array).all()):
            raise ValueError(f"{_ARRAYS}: {name} are not those of its members and classes")
    return arrays
