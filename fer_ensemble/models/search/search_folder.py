"""The folder of a search: what it is a search of, so that no two are mixed, and its best recipe."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.models.registry import get_member

#: What is searched, so that only the same search is resumed.
SEARCH = "search.json"
#: KerasTuner's own folder, which keeps finished trials.
TRIALS = "trials"
#: Recipe of the best trial so far.
RECIPE = "best.json"

# How an error names what differs from the search in the folder. The first difference is named: the
# seed stands before the data, since another seed holds out other faces.
_DIFFERENCES = {
    "member": "another member",
    "random_state": "another seed",
    "data": "other faces",
    "space": "another search space",
    "recipe": "another recipe of the member",
    "epochs": "another number of epochs",
    "trial_seconds": "another time for each trial",
}
# Of these, both values are shown; those of the others are hashes or long.
_SHOWN = ("member", "random_state", "epochs", "trial_seconds")


class SearchError(ValueError):
    """A search cannot be started or resumed, or no trial of it succeeded."""


def claim_folder(
    directory: Path, fingerprint: Mapping[str, Any], *, resume: bool, overwrite: bool
) -> None:
    """Make a folder ready for a search, and make sure that nothing of another one is lost.

    Parameters
    ----------
    directory : Path
        Where the search is kept.
    fingerprint : mapping
        What is searched, as JSON values.
    resume : bool
        Whether to resume the same search there.
    overwrite : bool
        Whether to discard a search there.

    Raises
    ------
    SearchError
        If a search stands there and neither `resume` nor `overwrite` says what to do, or it is
        not the same.
    """
    if directory.exists() and not directory.is_dir():
        raise SearchError(f"{directory} is a file: choose a folder.")
    # Only the search's own files: the folder may hold others, which are not ours to delete.
    if overwrite:
        _discard(directory)
    # Any trace of a search counts. A folder with trials but without a description of what they
    # are of is refused further down, not silently filled up.
    if any((directory / name).exists() for name in (SEARCH, TRIALS, RECIPE)):
        if not resume:
            raise SearchError(
                f"{directory} holds a search already: --resume continues it, "
                "--overwrite starts anew."
            )
        _check_same(directory, fingerprint)
        return
    directory.mkdir(parents=True, exist_ok=True)
    _write_json(directory / SEARCH, fingerprint)


def write_recipe(path: str | os.PathLike[str], member: str, params: Mapping[str, Any]) -> None:
    """Write a recipe, whole or not at all.

    Parameters
    ----------
    path : path-like
        File to write.
    member : str
        A member's name.
    params : mapping of str to JSON value
        Its parameters, as :func:`~fer_ensemble.models.create_member` takes them.
    """
    _write_json(Path(path), {"member": member, "params": dict(params)})


def read_recipe(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any]]:
    """Read a recipe that a search has written.

    Parameters
    ----------
    path : path-like
        The search's ``best.json``.

    Returns
    -------
    member : str
        The member's name.
    params : dict of str to value
        Its parameters, for :func:`~fer_ensemble.models.create_member`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no recipe, or of a member or parameter that there is not.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: there is no such recipe. Search one with: fer-ensemble tune MEMBER DATA"
        )
    try:
        content = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file} is not JSON ({error}): give a search's best.json.") from error
    member = content.get("member") if isinstance(content, dict) else None
    params = content.get("params") if isinstance(content, dict) else None
    if not isinstance(member, str) or not isinstance(params, dict):
        raise ValueError(
            f'{file} is no recipe: it must be {{"member": NAME, "params": {{…}}}}, as in a '
            "search's best.json."
        )
    # Tried here, where the error can name the file.
    try:
        get_member(member).create(**params)
    except ValueError as error:
        raise ValueError(f"{file} does not fit: {error}") from error
    return member, params


def _discard(directory: Path) -> None:
    for name in (SEARCH, RECIPE):
        (directory / name).unlink(missing_ok=True)
    if (directory / TRIALS).is_dir():
        shutil.rmtree(directory / TRIALS)


def _check_same(directory: Path, fingerprint: Mapping[str, Any]) -> None:
    try:
        kept = json.loads((directory / SEARCH).read_text())
        before = {key: kept[key] for key in _DIFFERENCES}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SearchError(
            f"{directory / SEARCH} cannot be read ({error!r}): choose another folder, or "
            "--overwrite it."
        ) from error
    # Through JSON, as what was kept: it makes lists of tuples.
    now = json.loads(json.dumps(dict(fingerprint)))
    for key, difference in _DIFFERENCES.items():
        if before[key] != now[key]:
            values = f" ({before[key]}, not {now[key]})" if key in _SHOWN else ""
            raise SearchError(
                f"{directory} holds a search with {difference}{values}: choose another folder, or "
                "--overwrite it."
            )


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    write_atomically(file, (json.dumps(content, indent=2) + "\n").encode())
