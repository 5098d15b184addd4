"""Files of an artifact: written whole or not at all, and hashed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from fer_ensemble.atomic_files import write_atomically

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
        content = file.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(f"{file} is missing. Fit or copy the whole folder again.") from None
    except OSError as error:
        raise ArtifactError(f"{file} cannot be read: {error}.") from error
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
