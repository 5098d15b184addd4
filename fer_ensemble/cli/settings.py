"""Parameters of members, as they are given on the command line."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import typer


def parse_settings(
    settings: list[str], recipes: list[Path], members: list[str]
) -> dict[str, dict[str, Any]]:
    """Turn recipes and settings, which win, into parameters of each member.

    Parameters
    ----------
    settings : list of str
        Such as ``cnn_2.epochs=10``: Python's literals, or else text.
    recipes : list of Path
        Files that ``fer-ensemble tune`` wrote.
    members : list of str
        Names of the members.

    Returns
    -------
    dict of str to dict
        Parameters by the name of the member; empty where nothing is changed.

    Raises
    ------
    typer.BadParameter
        If a setting is not of that form, or one or a recipe is for another member.
    """
    from fer_ensemble.models.search import read_recipe

    changes: dict[str, dict[str, Any]] = {name: {} for name in members}
    for path in recipes:
        name, params = read_recipe(path)
        if name not in changes:
            raise typer.BadParameter(
                f"--recipe {path} is for {name}, which is not among {', '.join(members)}."
            )
        changes[name].update(params)
    for setting in settings:
        target, equals, value = setting.partition("=")
        name, dot, parameter = target.partition(".")
        if not (equals and dot and parameter) or name not in changes:
            raise typer.BadParameter(
                f"--set {setting}: write MEMBER.PARAMETER=VALUE with a member among "
                f"{', '.join(members)}."
            )
        try:
            changes[name][parameter] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            changes[name][parameter] = value
    return changes
