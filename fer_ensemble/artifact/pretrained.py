"""The ensemble that comes with the package, and how models are named."""

from __future__ import annotations

import copy
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_ensemble.artifact.exported import ExportedEnsemble
from fer_ensemble.artifact.manifest import (
    FAST,
    MANIFEST,
    PRETRAINED,
    ArtifactError,
    dump_manifest,
    is_exported,
    read_manifest,
    sha256,
)
from fer_ensemble.forks import after_fork

if TYPE_CHECKING:
    from fer_ensemble.ensemble import BaseEnsemble

#: Where the package keeps its weights; ``python -m experiments.pretrained.pack`` writes them.
SHIPPED = Path(__file__).parents[1] / "pretrained"

# The models that were loaded last, so that a program which predicts again and again loads once. By
# what loads them, where from, and the state of its files; more than two hardly take turns.
_MOST_LOADED = 2
_loaded: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_loading = threading.Lock()


def load_pretrained(
    name: str = "ensemble", *, folder: str | os.PathLike[str] | None = None
) -> BaseEnsemble:
    """Load the ensemble that comes with the package, or a single network for quick prediction.

    Both were trained on FER2013's Training faces and are calibrated; see the model cards beside
    the weights. Every file's hash is checked before it is parsed, and only those of the model that
    is asked for are read. They are read once: what is returned later is a copy with parameters of
    its own and the same members.

    Parameters
    ----------
    name : {'ensemble', 'fast'}, default='ensemble'
        The ensemble; or that network alone whose prediction takes the fewest operations.
    folder : path-like, optional
        What ``python -m experiments.pretrained.pack`` wrote; by default the weights of the package.

    Returns
    -------
    VotingEnsemble or StackingEnsemble
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
    from fer_ensemble.artifact.storage import load_ensemble

    if name not in PRETRAINED:
        raise ValueError(f"There is no pretrained model {name!r}: choose among {PRETRAINED}.")
    place = _find_shipped(name) if folder is None else _folder(Path(folder), name)
    return copy.copy(_load_once(load_ensemble, place))


def resolve_model(model: str | os.PathLike[str] | None) -> Path:
    """Find the folder of a model, to read its manifest.

    Parameters
    ----------
    model : str, path-like or None
        ``None`` or 'ensemble' for the ensemble that comes with the package, 'fast' for the quick
        network beside it; anything else is the folder of a saved ensemble. A folder that has such
        a name is written as ``./fast``, or given as a `Path`.

    Returns
    -------
    Path

    Raises
    ------
    ArtifactError
        If the package's own weights are asked for and not there.
    """
    if model is None or model in PRETRAINED:
        return _find_shipped("ensemble" if model is None else str(model))
    return Path(model)


def model_identity(model: str | os.PathLike[str] | None) -> str:
    """Say which model it is, wherever it lies: a hash of its manifest, which has its files' hashes.

    Parameters
    ----------
    model : str, path-like or None
        As of :func:`resolve_model`.

    Returns
    -------
    str
        The first 16 digits of the SHA-256.

    Raises
    ------
    ArtifactError
        If there is none, its manifest is damaged, or the package came without weights.
    """
    return sha256(dump_manifest(read_manifest(resolve_model(model))))[:16]


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
    from fer_ensemble.artifact.storage import load_ensemble

    return load_ensemble(resolve_model(model))


def load_predictor(model: str | os.PathLike[str] | None) -> BaseEnsemble | ExportedEnsemble:
    """Load a model to predict with, as quickly as it can be; the same one again is kept in memory.

    Parameters
    ----------
    model : str, path-like or None
        As of :func:`resolve_model`.

    Returns
    -------
    ExportedEnsemble, or VotingEnsemble or StackingEnsemble
        The first of an ensemble that was exported, which takes no library but onnxruntime.

    Raises
    ------
    ArtifactError
        If it is not there, or damaged.
    """
    folder = resolve_model(model)
    exported = is_exported(read_manifest(folder))
    return _load_once(ExportedEnsemble if exported else load_model, folder)


def _load_once(load: Callable[[Path], Any], folder: Path) -> Any:
    """Load a model, or give that which was loaded from the same folder, if it is still the same."""
    key = (load.__name__, folder.resolve(), _state(folder))
    with _loading:  # whoever wants a model while it is loaded waits for it
        model = _loaded.pop(key, None)
        if model is None:
            model = load(folder)
        _loaded[key] = model
        if len(_loaded) > _MOST_LOADED:
            _loaded.popitem(last=False)
        return model


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Tell the files of a folder from others that take their place."""
    if not folder.is_dir():
        return ()
    files = [(file.name, file.stat()) for file in sorted(folder.iterdir()) if file.is_file()]
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in files)


def _forget_models() -> None:
    """Load anew after a fork: the threads of what was loaded are not there in the child."""
    global _loading
    _loading = threading.Lock()
    _loaded.clear()


after_fork(_forget_models)


def _find_shipped(name: str) -> Path:
    folder = _folder(SHIPPED, name)
    if not (folder / MANIFEST).is_file():
        raise ArtifactError(
            f"This copy of fer-ensemble has no pretrained weights ({folder / MANIFEST} is "
            "missing). Install fer-ensemble again from a release or a complete clone; or train "
            "a model with 'fer-ensemble fit DATA --out model' and name it with --model model."
        )
    return folder


def _folder(packed: Path, name: str) -> Path:
    return packed / FAST if name == FAST else packed
