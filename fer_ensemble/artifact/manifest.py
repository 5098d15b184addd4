"""The manifest of an artifact, and the files whose hashes it states."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_ensemble.artifact.manifest_checks import (
    HASH,
    check_manifest,
    hash_manifest,
    parse_manifest,
)
from fer_ensemble.atomic_files import write_atomically, write_together
from fer_ensemble.bounded_files import read_bounded
from fer_ensemble.suggestions import did_you_mean

#: The model for quick prediction, and its folder in that of the ensemble.
FAST = "fast"

#: What `load_pretrained` can load.
PRETRAINED = ("ensemble", FAST)

#: How the file of a graph ends.
GRAPH_ENDING = ".onnx"

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class ArtifactError(ValueError):
    """An artifact is missing, damaged, altered, or of a later version."""


@dataclass(frozen=True)
class StoredFile:
    """A file of an artifact.

    Parameters
    ----------
    file : str
        Its name, beside the manifest.
    sha256 : str
        Hash of its bytes, in hexadecimal.
    """

    file: str
    sha256: str


def read_verified(directory: Path, stored: StoredFile) -> bytes:
    """Read a file of an artifact whose hash is as the manifest says.

    Parameters
    ----------
    directory : Path
        The artifact.
    stored : StoredFile
        Which file.

    Returns
    -------
    bytes
        Its content, the same that was hashed.

    Raises
    ------
    ArtifactError
        If the file is missing, altered or cut short, or lies outside the artifact.
    """
    if not isinstance(stored.file, str) or not _FILE_NAME.fullmatch(stored.file):
        raise ArtifactError(f"{directory}: its manifest names a file {stored.file!r} outside it.")
    file = directory / stored.file
    try:
        content = read_bounded(file, _MOST_STORED)
    except FileNotFoundError:
        raise ArtifactError(f"{file} is missing. Fit or copy the whole folder again.") from None
    except OSError as error:
        raise ArtifactError(f"{file} cannot be read: {error.strerror or error}.") from error
    if sha256(content) != stored.sha256:
        raise ArtifactError(
            f"{file} is not what its manifest says: it was altered or cut short. "
            "Fit or copy the whole folder again."
        )
    return content


def store(directory: Path, name: str, content: bytes) -> StoredFile:
    """Write a file into an artifact, whole or not at all.

    Parameters
    ----------
    directory : Path
        The artifact.
    name : str
        The file's name.
    content : bytes
        What to write.

    Returns
    -------
    StoredFile
        What the manifest should say of it.

    Raises
    ------
    ArtifactError
        If the name, which is that of a member, can't be a file's on every system.
    """
    stored = describe_file(name, content)
    write_atomically(directory / name, content)
    return stored


def describe_file(name: str, content: bytes) -> StoredFile:
    """Return what a manifest says of a file, without writing it.

    Parameters
    ----------
    name : str
        The file's name.
    content : bytes
        What will be in it.

    Returns
    -------
    StoredFile

    Raises
    ------
    ArtifactError
        If the name, which is that of a member, can't be a file's on every system.
    """
    if not _FILE_NAME.fullmatch(name):
        raise ArtifactError(
            f"{name!r} can't name a file: name members with letters, digits, '_', '-' and '.' only."
        )
    return StoredFile(name, sha256(content))


def sha256(content: bytes) -> str:
    """Hash bytes.

    Parameters
    ----------
    content : bytes

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(content).hexdigest()


MANIFEST = "manifest.json"
MODEL_CARD = "MODEL_CARD.md"
# The package index has XGBoost with GPUs and without, under two names for one module.
_OTHER_NAMES = {"xgboost": "xgboost-cpu"}
# The second version has members in ONNX, the third a hash of itself.
SCHEMA_VERSION = 3
_MOST_MANIFEST, _MOST_STORED = 4 * 2**20, 512 * 2**20
#: Bytes that the arrays of held-out samples may take.
MOST_ARRAYS = 256 * 2**20


@dataclass(frozen=True)
class StoredMember:
    """A member of a saved ensemble.

    Parameters
    ----------
    name : str
        Its name in the ensemble.
    parameters : dict of str to JSON value
        Its parameters, under scikit-learn's names; estimators among them by class name.
    stored : StoredFile
        Where its fitted state stands.
    fit_seconds : float or None
        How long its fit took.
    exported : dict or None
        Of a graph in ONNX: ``features``, the transformers that faces go through before it, each
        with ``name`` and ``parameters``, side by side; and ``mirror``, whether it is asked about
        the mirrored face too. None where the whole member is stored for scikit-learn.
    """

    name: str
    parameters: dict[str, Any]
    stored: StoredFile
    fit_seconds: float | None
    exported: dict[str, Any] | None = None


@dataclass(frozen=True)
class Manifest:
    """What an artifact says of itself.

    Parameters
    ----------
    classes : list of int or str
        Labels, in the order of the probabilities' columns.
    class_names : list of str
        What the labels are called, in the same order.
    preprocessing : dict
        What a face must be: ``size`` in pixels, ``color`` and ``dtype``.
    ensemble : dict
        Kind and parameters of the ensemble, its learned weights and temperatures among them.
    members : list of StoredMember
        The members, in the ensemble's order.
    validation : StoredFile or None
        Members' probabilities on the held-out data, and what belongs to them.
    data : dict
        What the ensemble was fitted on; under ``figures``, what it was measured on.
    versions : dict of str to str
        Versions of the libraries that fitted it.
    final_estimator : StoredFile or None
        The fitted final estimator of a stacking ensemble.
    schema_version : int
        Version of this format.
    """

    classes: list[Any]
    class_names: list[str]
    preprocessing: dict[str, Any]
    ensemble: dict[str, Any]
    members: list[StoredMember]
    validation: StoredFile | None
    data: dict[str, Any]
    versions: dict[str, str]
    final_estimator: StoredFile | None = None
    schema_version: int = field(default=SCHEMA_VERSION)


def installed_version(library: str) -> str:
    """Return the version of a library that is installed here.

    Parameters
    ----------
    library : str
        As the package index calls it; ``'python'`` for Python itself.

    Returns
    -------
    str
        ``'not installed'`` if it is not: TensorFlow is missing where networks run on JAX.
    """
    from importlib.metadata import PackageNotFoundError, version

    if library == "python":
        return platform.python_version()
    for name in (library, _OTHER_NAMES.get(library, library)):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "not installed"


def write_artifact(directory: Path, files: Mapping[str, bytes], manifest: Manifest) -> None:
    """Write the files of an artifact and its manifest, in place of one that may stand there.

    A full disk spares what stands there; a kill leaves no manifest, rather than a mixed artifact.

    Parameters
    ----------
    directory : Path
        The artifact; made if need be.
    files : mapping of str to bytes
        Every file by its name, but for the manifest.
    manifest : Manifest
        What to say of them.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    write_together(directory, {**files, MANIFEST: dump_manifest(manifest)}, last=MANIFEST)


def dump_manifest(manifest: Manifest) -> bytes:
    """Turn a manifest into what stands in its file.

    Parameters
    ----------
    manifest : Manifest

    Returns
    -------
    bytes
        JSON.
    """
    content = {"format": "fer-ensemble", **asdict(manifest)}
    for member in content["members"]:
        if member["exported"] is None:
            del member["exported"]
    content["schema_version"] = SCHEMA_VERSION
    # As it will be read: keys that are numbers become text.
    content[HASH] = hash_manifest(json.loads(json.dumps(content)))
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def is_exported(manifest: Manifest) -> bool:
    """Say whether all of an ensemble is stored as graphs, so that it runs without scikit-learn.

    Parameters
    ----------
    manifest : Manifest

    Returns
    -------
    bool
    """
    final = manifest.final_estimator
    graphs = all(member.exported is not None for member in manifest.members)
    return graphs and (final is None or final.file.endswith(GRAPH_ENDING))


def has_ensemble(path: str | os.PathLike[str]) -> bool:
    """Say whether an ensemble is saved in a folder.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    bool
    """
    return (Path(path) / MANIFEST).exists()


def read_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Read what an artifact says of itself, without loading a member.

    Parameters
    ----------
    path : path-like
        The artifact.

    Returns
    -------
    Manifest

    Raises
    ------
    ArtifactError
        If there is no artifact, or its manifest is damaged or of a later version.
    """
    directory = Path(path)
    content = _read_content(directory)
    try:
        return _parse(parse_manifest(content), directory)
    except ArtifactError:
        raise
    except ValueError as error:
        raise ArtifactError(
            f"{directory / MANIFEST} is damaged: {error}. Fit or copy it again."
        ) from error


def _read_content(directory: Path) -> bytes:
    file = directory / MANIFEST
    try:
        return read_bounded(file, _MOST_MANIFEST)
    except FileNotFoundError:
        found = "holds no saved ensemble" if directory.is_dir() else "does not exist"
        raise ArtifactError(
            f"{directory} {found} (there is no {MANIFEST}).{_similar(directory)} Make one with: "
            f"fer-ensemble fit DATA --out {directory}"
        ) from None
    except OSError as error:
        raise ArtifactError(
            f"{file} cannot be read: {error.strerror or error}. Fit or copy it again."
        ) from error


def _similar(directory: Path) -> str:
    """Ask whether a model of the package was meant, or a folder beside."""
    if directory.is_dir():
        return ""
    try:
        with os.scandir(directory.parent) as entries:
            beside = [str(directory.parent / entry.name) for entry in entries if entry.is_dir()]
    except OSError:
        beside = []
    return did_you_mean(str(directory), [*PRETRAINED, *beside])


def _parse(content: dict[str, Any], directory: Path) -> Manifest:
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ArtifactError(
            f"{directory} is of format version {version}, and this release reads up to "
            f"{SCHEMA_VERSION}: upgrade fer-ensemble."
        )
    check_manifest(content)
    content = {name: value for name, value in content.items() if name not in ("format", HASH)}
    content["members"] = [_stored_member(entry) for entry in content["members"]]
    for name in ("validation", "final_estimator"):
        if content.get(name) is not None:
            content[name] = StoredFile(**content[name])
    return Manifest(**content)


def _stored_member(entry: dict[str, Any]) -> StoredMember:
    return StoredMember(**{**entry, "stored": StoredFile(**entry["stored"])})
