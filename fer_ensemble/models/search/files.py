"""The files of a search: what it is a search of, so that no two are mixed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Says what was searched, so that only the same search goes on.
SEARCH = "search.json"
#: KerasTuner's own folder, which keeps finished trials.
TRIALS = "trials"
#: Recipe of the best trial so far.
RECIPE = "best.json"

# The seed before the data, of which it holds out others.
_TOLD = {
    "member": "another member",
    "random_state": "another seed",
    "data": "other faces",
    "space": "another search space",
    "recipe": "another recipe of the member",
    "epochs": "another number of epochs",
    "trial_seconds": "another time for each trial",
}
_SHOWN = ("member", "random_state", "epochs", "trial_seconds")


class SearchError(ValueError):
    """A search cannot be begun or gone on with, or no trial of it succeeded."""


def claim(
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
        Whether to go on with the same search there.
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
    if overwrite:
        _discard(directory)
    if any((directory / name).exists() for name in (SEARCH, TRIALS, RECIPE)):
        if not resume:
            raise SearchError(
                f"{directory} holds a search already: --resume goes on with it, "
                "--overwrite starts anew."
            )
        _check_same(directory, fingerprint)
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / SEARCH, fingerprint)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all.

    Parameters
    ----------
    file : Path
        Where.
    content : mapping
        What.
    """
    partial = file.with_name(f"{file.name}.partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(partial, file)


def _discard(directory: Path) -> None:
    for name in (SEARCH, RECIPE):
        (directory / name).unlink(missing_ok=True)
    if (directory / TRIALS).is_dir():
        shutil.rmtree(directory / TRIALS)


def _check_same(directory: Path, fingerprint: Mapping[str, Any]) -> None:
    try:
        kept = json.loads((directory / SEARCH).read_text())
        before = {key: kept[key] for key in _TOLD}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SearchError(
            f"{directory / SEARCH} cannot be read ({error!r}): choose another folder, or "
            "--overwrite it."
        ) from error
    now = json.loads(json.dumps(dict(fingerprint)))
    for key, told in _TOLD.items():
        if before[key] != now[key]:
            values = f" ({before[key]}, not {now[key]})" if key in _SHOWN else ""
            raise SearchError(
                f"{directory} holds a search with {told}{values}: choose another folder, or "
                "--overwrite it."
            )
