"""Recipes on disk: a member's name, and those of its parameters that a search has chosen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_ensemble.models.registry import create_member
from fer_ensemble.models.search.files import write_json


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
    write_json(Path(path), {"member": member, "params": dict(params)})


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
    try:
        create_member(member, **params)
    except ValueError as error:
        raise ValueError(f"{file} does not fit: {error}") from error
    return member, params
