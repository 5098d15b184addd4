"""The ensemble that comes with the package, and how models are named."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.artifact.compact import compact_ensemble
from fer_ensemble.artifact.manifest import (
    MANIFEST,
    ArtifactError,
    Manifest,
    StoredMember,
    read_manifest,
    read_verified,
)
from fer_ensemble.artifact.states import EnsembleState, load_member, restore_state
from fer_ensemble.artifact.storage import load_ensemble, save_ensemble
from fer_ensemble.ensemble import RULES, BaseEnsemble, VotingEnsemble, fit_calibration

#: Where the package keeps its weights; ``python -m experiments.pretrained.pack`` writes them.
SHIPPED = Path(__file__).parents[1] / "pretrained"

#: What `load_pretrained` can load.
PRETRAINED = ("ensemble", "fast")


def load_pretrained(
    name: str = "ensemble", *, folder: str | os.PathLike[str] | None = None
) -> VotingEnsemble:
    """Load the ensemble that comes with the package, or its cheapest member alone.

    Both were trained on FER2013's Training faces and are calibrated; see the model card beside
    the weights. Every file's hash is checked before it is parsed, and only those of the members
    that are asked for are read.

    Parameters
    ----------
    name : {'ensemble', 'fast'}, default='ensemble'
        All members; or only that network whose prediction takes the fewest operations, with its
        own temperature.
    folder : path-like, optional
        What :func:`save_pretrained` wrote; by default the weights of the package.

    Returns
    -------
    VotingEnsemble
        Fitted, from ``uint8`` faces of shape (n_samples, 48, 48) to probabilities of the seven
        expressions.

    Raises
    ------
    ArtifactError
        If the weights are not there, as in a source tree into which none were packed, or damaged.
    ValueError
        If there is no model of that name.

    Examples
    --------
    >>> from fer_ensemble import load_pretrained
    >>> load_pretrained("fast").predict(faces)  # doctest: +SKIP
    array([3, 6, 3])
    """
    if name not in PRETRAINED:
        raise ValueError(f"There is no pretrained model {name!r}: choose among {PRETRAINED}.")
    directory = _shipped() if folder is None else Path(folder)
    ensemble = load_ensemble(directory) if name == "ensemble" else _load_fast(directory)
    if not isinstance(ensemble, VotingEnsemble):
        raise ArtifactError(f"{directory} holds no pretrained ensemble, but a stacking: pack one.")
    return ensemble


def save_pretrained(
    ensemble: VotingEnsemble,
    path: str | os.PathLike[str],
    *,
    fast: str,
    data: dict[str, Any],
    overwrite: bool = False,
) -> Path:
    """Compact a fitted ensemble and save it as one from which a member can be loaded alone.

    Parameters
    ----------
    ensemble : VotingEnsemble
        Fitted, with held-out predictions.
    path : path-like
        Directory to make.
    fast : str
        Name of the member that :func:`load_pretrained` loads as ``'fast'``. Its temperature is
        learned on the ensemble's held-out predictions.
    data : dict
        What the ensemble was fitted on, for the manifest; JSON values.
    overwrite : bool, default=False
        Whether an ensemble that stands there already may be replaced.

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    ArtifactError
        If another ensemble stands there.
    ValueError
        If it has no such member, or nothing was held out.
    """
    names = [name for name, _ in ensemble.members_]
    probabilities, labels = ensemble.validation_probabilities_, ensemble.validation_labels_
    if fast not in names:
        raise ValueError(f"There is no member {fast!r}: choose among {names}.")
    if probabilities is None or labels is None:
        raise ValueError("Nothing was held out when the ensemble was fitted: no temperature.")
    alone = probabilities[:, [names.index(fast)]]
    calibration = fit_calibration(alone, labels, ensemble.classes_)
    record = {**data, "fast": {"member": fast, "calibration": calibration.to_dict()}}
    return save_ensemble(compact_ensemble(ensemble), path, data=record, overwrite=overwrite)


def resolve_model(model: str | os.PathLike[str] | None) -> Path:
    """Find the folder of a model, to read its manifest.

    Parameters
    ----------
    model : str, path-like or None
        ``None`` or 'ensemble' for the ensemble that comes with the package, 'fast' for its
        cheapest member; anything else is the folder of a saved ensemble. A folder that has such a
        name is written as ``./fast``, or given as a `Path`.

    Returns
    -------
    Path

    Raises
    ------
    ArtifactError
        If the package's own weights are asked for and not there.
    """
    return _shipped() if model is None or model in PRETRAINED else Path(model)


def load_model(model: str | os.PathLike[str] | None) -> BaseEnsemble:
    """Load a model by its name or its folder.

    Parameters
    ----------
    model : str, path-like or None
        As of :func:`resolve_model`.

    Returns
    -------
    VotingEnsemble or StackingEnsemble
        Fitted.

    Raises
    ------
    ArtifactError
        If it is not there, or damaged.
    """
    if model is None or model in PRETRAINED:
        return load_pretrained("ensemble" if model is None else str(model))
    return load_ensemble(model)


def _shipped() -> Path:
    if not (SHIPPED / MANIFEST).is_file():
        raise ArtifactError(
            f"This copy of fer-ensemble has no pretrained weights ({SHIPPED / MANIFEST} is "
            "missing). Install fer-ensemble again from a release or a complete clone; or train "
            "a model with 'fer-ensemble fit DATA --out model' and name it with --model model."
        )
    return SHIPPED


def _load_fast(directory: Path) -> BaseEnsemble:
    manifest = read_manifest(directory)
    try:
        alone = manifest.data["fast"]
        entry = next(entry for entry in manifest.members if entry.name == alone["member"])
        state = _state_alone(alone["calibration"], _digests(directory, manifest))
        member = load_member(entry.name, read_verified(directory, entry.stored))
        return _restore_alone(entry, member, state, manifest)
    except (KeyError, TypeError, StopIteration) as error:
        raise ArtifactError(
            f"{directory} does not say which member is its fast one: load the whole ensemble, or "
            "pack it again."
        ) from error


def _state_alone(calibration: dict[str, Any], digests: NDArray[Any] | None) -> EnsembleState:
    parameters = {
        "kind": "voting",
        "rule": "average",
        "calibrate": True,
        "weights": [1.0],
        "calibration": dict.fromkeys(RULES, calibration),
    }
    return EnsembleState(parameters, {} if digests is None else {"training_digests_": digests})


def _restore_alone(
    entry: StoredMember, member: Any, state: EnsembleState, manifest: Manifest
) -> BaseEnsemble:
    ensemble = restore_state([(entry.name, member)], state)
    ensemble.classes_ = np.asarray(manifest.classes)
    ensemble.fit_times_ = {entry.name: entry.fit_seconds} if entry.fit_seconds else {}
    return ensemble


def _digests(directory: Path, manifest: Manifest) -> NDArray[Any] | None:
    if manifest.validation is None:
        return None
    content = read_verified(directory, manifest.validation)
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return arrays.get("training_digests_")
