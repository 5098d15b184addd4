"""Fits that keep members and epochs on disk, so that an interrupted one can be resumed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.artifact.manifest import (
    ArtifactError,
    StoredFile,
    has_ensemble,
    read_manifest,
    read_verified,
    store,
)
from fer_ensemble.artifact.member_files import dump_member, load_member
from fer_ensemble.artifact.storage import load_ensemble, save_ensemble
from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.ensemble import VotingEnsemble, sample_weight_keyword
from fer_ensemble.libraries import require_for_members
from fer_ensemble.locks import holding_folder
from fer_ensemble.models import find_parameters
from fer_ensemble.splitting import content_hash, row_digests
from fer_ensemble.stored_arrays import StoredArray

_UNFINISHED = "unfinished"
_FINISHED = "finished"

_COMBINING = ("rule", "weighting", "ties", "calibrate")

# Parameters that change where or how fast a member is fitted, but nothing of what comes out.
_WITHOUT_EFFECT = ("checkpoint", "memory", "n_jobs", "verbose")


@dataclass(frozen=True)
class MemberStore:
    """Fitted members on disk: a fit that was done before is read, any other is written when done.

    It is what `VotingEnsemble.fit` takes as ``keep``.

    Parameters
    ----------
    directory : Path
        Where fits are kept.
    features : Path
        Folder in which members share the features that they extract.
    on_member : callable
        Called with the name and ``'fitting'``, ``'fitted'`` or ``'kept'``.
    """

    directory: Path
    features: Path
    on_member: Callable[[str, str], None]
    _fingerprints: dict[str, str] = field(default_factory=dict)

    def read(
        self, name: str, member: Any, X: NDArray[Any], y: NDArray[Any], **keywords: Any
    ) -> tuple[Any, float] | None:
        """Read the fit of the same member on the same data, if there is one.

        Parameters
        ----------
        name : str
            Its name in the ensemble.
        member : classifier
            Unfitted.
        X : ndarray of shape (n_samples, height, width)
            Faces.
        y : ndarray of shape (n_samples,)
            Their labels.
        **keywords
            What its ``fit`` takes beside them.

        Returns
        -------
        tuple of (classifier, float), or None
            The fitted member, and the seconds that its fit took when it was done.
        """
        fingerprint = _fingerprint(member, X, y, keywords)
        self._fingerprints[name] = fingerprint
        try:
            entry = json.loads((self.directory / f"{name}.json").read_text())
            if entry["fingerprint"] != fingerprint:
                return None
            content = read_verified(self.directory, StoredFile(**entry["stored"]))
            kept = load_member(name, content), float(entry["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # nothing usable was kept: the member is fitted again
        self.on_member(name, "kept")
        return kept

    def begin(self, name: str, member: Any) -> dict[str, str]:
        """Choose where a member keeps features and, if it is a network, the state of its training.

        Parameters
        ----------
        name : str
        member : classifier
            Unfitted.

        Returns
        -------
        dict of str to str
            Values of those of its parameters ``memory`` and ``checkpoint`` that have none. A saved
            member must not point there.
        """
        self.on_member(name, "fitting")
        # The folder of the features has a name drawn at random: it stands where it is shared alone.
        shared = str(self.features / "shared")
        return _unset(member, "memory", shared) | _unset(
            member, "checkpoint", str(self._checkpoint(name))
        )

    def write(self, name: str, member: Any, seconds: float) -> None:
        """Keep a fitted member; its checkpoint is not needed any more.

        Parameters
        ----------
        name : str
        member : classifier
            Fitted, after `read` was asked for it.
        seconds : float
            What the fit took.
        """
        stored = store(self.directory, f"{name}.skops", dump_member(name, member))
        entry = {
            "fingerprint": self._fingerprints[name],
            "seconds": seconds,
            "stored": {"file": stored.file, "sha256": stored.sha256},
        }
        write_atomically(self.directory / f"{name}.json", json.dumps(entry).encode())
        self._checkpoint(name).unlink(missing_ok=True)
        self.on_member(name, "fitted")

    def _checkpoint(self, name: str) -> Path:
        return self.directory / f"{name}.checkpoint"


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
        Whether to take members over from an interrupted fit there, and to resume the network
        that was in training. Either is done only on the same faces with the same parameters. If the
        same ensemble was saved there before the fit was ended, it is done, and loaded.
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
    InUseError
        If another process fits there.
    ValueError
        If there are weights, and a member takes none.
    MissingLibraryError
        If a library that a member is fitted with is not installed.
    """
    if sample_weight is not None:
        _check_weighable(ensemble)
    require_for_members(ensemble.members)
    directory = Path(path)
    if directory.exists() and not directory.is_dir():
        raise ArtifactError(f"{directory} is a file: choose a folder.")
    with holding_folder(directory):
        if resume and (finished := _read_finished(directory, ensemble, X, data)) is not None:
            for name, _ in ensemble.members:
                (on_member or _silent)(name, "kept")
            return finished
        return _fit(
            ensemble,
            X,
            y,
            directory,
            sample_weight=sample_weight,
            validation_data=validation_data,
            data=data,
            claim={"resume": resume, "overwrite": overwrite},
            on_member=on_member or _silent,
        )


def _fit(
    ensemble: VotingEnsemble,
    X: NDArray[Any],
    y: ArrayLike,
    directory: Path,
    *,
    sample_weight: ArrayLike | None,
    validation_data: tuple[NDArray[Any], ArrayLike] | None,
    data: dict[str, Any] | None,
    claim: dict[str, bool],
    on_member: Callable[[str, str], None],
) -> VotingEnsemble:
    unfinished = directory / _UNFINISHED
    _claim(directory, unfinished, **claim)
    unfinished.mkdir(parents=True, exist_ok=True)
    # Cached features are pickled, so they have no place in the folder that becomes an artifact.
    with _feature_folder(X, unfinished) as features:
        ensemble.fit(
            X,
            y,
            sample_weight=sample_weight,
            validation_data=validation_data,
            keep=MemberStore(unfinished.absolute(), Path(features), on_member),
        )
    save_ensemble(ensemble, directory, data=data, face_size=X.shape[1], overwrite=True)
    # By another name at once: half of it would look like a fit that has members left to do.
    finished = directory / _FINISHED
    shutil.rmtree(finished, ignore_errors=True)
    unfinished.rename(finished)
    shutil.rmtree(finished)
    return ensemble


@contextmanager
def _feature_folder(X: Any, unfinished: Path) -> Iterator[str]:
    """Find a folder for features; those of faces on disk are large, and are kept for a resume."""
    if isinstance(X, StoredArray):
        features = unfinished / "features"
        features.mkdir(exist_ok=True)
        yield str(features)
        return
    with TemporaryDirectory(prefix="fer-ensemble-features-") as folder:
        yield folder


def _read_finished(
    directory: Path, ensemble: VotingEnsemble, X: NDArray[Any], data: dict[str, Any] | None
) -> VotingEnsemble | None:
    """Load the ensemble if it is the one that is to be fitted: its fit was ended after its save."""
    if not has_ensemble(directory) or (directory / _UNFINISHED).exists():
        return None
    saved = load_ensemble(directory)
    written = read_manifest(directory).data
    expected = json.loads(json.dumps(data or {}))
    same = (
        isinstance(saved, VotingEnsemble)
        and all(getattr(saved, name) == getattr(ensemble, name) for name in _COMBINING)
        and _described(saved.members_) == _described(ensemble.members)
        and all(written.get(key) == value for key, value in expected.items())
        and _was_fitted_on(saved, X)
    )
    if not same:
        return None
    shutil.rmtree(directory / _FINISHED, ignore_errors=True)
    return saved


def _was_fitted_on(saved: VotingEnsemble, X: NDArray[Any]) -> bool:
    """Whether the digests that an ensemble keeps are those of these samples."""
    digests, held = row_digests(X), saved.validation_indices_
    if held is not None and held.max(initial=-1) >= len(digests):
        return False
    fitted = digests if held is None else np.delete(digests, held)
    known = getattr(saved, "training_digests_", None)
    return known is not None and np.array_equal(np.unique(fitted), known)


def _described(members: Sequence[tuple[str, Any]]) -> list[tuple[str, str, str]]:
    return [(name, type(member).__name__, repr(_settings(member))) for name, member in members]


def _silent(name: str, stage: str) -> None:
    pass


def _check_weighable(ensemble: VotingEnsemble) -> None:
    unable = [name for name, member in ensemble.members if sample_weight_keyword(member) is None]
    if unable:
        raise ValueError(
            f"The fit of {', '.join(unable)} takes no sample weights: leave them, or the weights, "
            "out."
        )


def _check_foreign(directory: Path, unfinished: Path) -> None:
    """Refuse to write among a user's pictures, or whatever else is no ensemble."""
    if not directory.is_dir() or has_ensemble(directory) or unfinished.is_dir():
        return
    others = sorted(file.name for file in directory.iterdir() if not file.name.startswith("."))
    if others:
        raise ArtifactError(
            f"{directory} holds other things than an ensemble ({', '.join(others[:3])}"
            f"{', …' * (len(others) > 3)}): choose a new or empty folder."
        )


def _claim(directory: Path, unfinished: Path, resume: bool, overwrite: bool) -> None:
    """Make sure that nothing of the user's is lost under the path."""
    _check_foreign(directory, unfinished)
    if overwrite:
        if unfinished.is_dir():
            shutil.rmtree(unfinished)
        return
    if unfinished.is_dir() and any(unfinished.iterdir()):
        if not resume:
            raise ArtifactError(
                f"{directory} holds an interrupted fit: --resume continues it, "
                "--overwrite starts anew."
            )
    elif has_ensemble(directory):
        raise ArtifactError(
            f"{directory} holds a saved ensemble already: choose another folder, or --overwrite it."
        )


def _fingerprint(member: Any, X: NDArray[Any], y: NDArray[Any], keywords: dict[str, Any]) -> str:
    return content_hash([type(member).__name__, _settings(member), X, y, keywords])


def _settings(member: Any) -> dict[str, Any]:
    """Give all parameters of a member that have an effect on what it learns."""
    return {
        name: value
        for name, value in sorted(member.get_params().items())
        if name.split("__")[-1] not in _WITHOUT_EFFECT
        and not hasattr(value, "get_params")
        and name != "steps"
    }


def _unset(member: Any, parameter: str, value: str) -> dict[str, str]:
    """Give a value to the parameters of that name that have none."""
    params = member.get_params()
    return {name: value for name in find_parameters(member, parameter) if params[name] is None}
