"""Fits that keep members and epochs on disk, so that an interrupted one can go on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.typing import ArrayLike, NDArray

from fer_ensemble.artifact.files import ArtifactError
from fer_ensemble.artifact.kept_member import KeptMember
from fer_ensemble.artifact.manifest import MANIFEST
from fer_ensemble.artifact.storage import save_ensemble
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.ensemble.fitting import sample_weight_keyword

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
