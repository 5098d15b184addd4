"""The commands that make a saved ensemble again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from fer_ensemble.artifact.manifest import Manifest, StoredMember
from fer_ensemble.artifact.member_contents import PLACES
from fer_ensemble.artifact.states import describe_parameters
from fer_ensemble.datasets import format_classes, parse_classes

_FIT_DEFAULTS = {"protocol": "official", "split": "train", "test_size": 0.1, "seed": 0}
_COMBINE_DEFAULTS = {"weighting": "log_loss", "ties": "mean_probability"}


def fit_commands(manifest: Manifest, folder: str = "model") -> list[str]:
    """Write the commands that fit a saved ensemble again.

    Parameters
    ----------
    manifest : Manifest
    folder : str, default='model'
        Where they should save it.

    Returns
    -------
    list of str
        For a shell, in order: ``fer-ensemble fit`` with every parameter of a member that differs
        from its recipe, and ``fer-ensemble combine`` where it was combined in another way since.
        Those that the manifest's `data` give as ``commands``, if it does. Empty if the ensemble
        was made from Python, by what no command does.
    """
    if "commands" in manifest.data:
        return list(manifest.data["commands"])
    changes = [_changes(member, manifest.data) for member in manifest.members]
    if "seed" not in manifest.data or manifest.ensemble.get("given_weights") is not None:
        return []
    settings: list[str] = []
    for changed in changes:
        if changed is None:
            return []
        settings += changed
    commands = [_fit(manifest, settings, folder)]
    how = _combine(manifest.ensemble)
    if how:
        commands.append(shlex.join(["fer-ensemble", "combine", folder, *how]))
    return commands


def _fit(manifest: Manifest, settings: list[str], folder: str) -> str:
    data, ensemble = manifest.data, manifest.ensemble
    words = ["fer-ensemble", "fit"]
    if not data.get("synthetic"):
        words.append(str(data.get("source", "DATA")))
    words += ["--members", ",".join(member.name for member in manifest.members)]
    words += ["--rule", ensemble["rule"]] if ensemble.get("kind") != "stacking" else []
    for name, default in _FIT_DEFAULTS.items():
        value = data.get(name)
        if value is not None and value != default:
            words += [f"--{name.replace('_', '-')}", str(value)]
    if data.get("classes"):
        words += ["--classes", format_classes(parse_classes(data["classes"]))]
    if data.get("ferplus"):
        words += ["--ferplus", data["ferplus"]["source"]]
    fraction = ensemble.get("validation_fraction", 0.1)
    if fraction != 0.1:
        words += ["--validation-fraction", str(fraction)]
    for setting in settings:
        words += ["--set", setting]
    return shlex.join([*words, "--out", folder])


def _combine(ensemble: dict[str, Any]) -> list[str]:
    if ensemble.get("kind") == "stacking":
        return ["--rule", "stacking"]
    words = []
    for name, default in _COMBINE_DEFAULTS.items():
        value = ensemble.get(name, default)
        if value != default:
            words += [f"--{name}", value]
    if ensemble.get("n_neighbors", 7) != 7:
        words += ["--neighbors", str(ensemble["n_neighbors"])]
    words += ["--calibrate"] * bool(ensemble.get("calibrate"))
    return ["--rule", ensemble["rule"], *words] if words else []


def _changes(member: StoredMember, data: dict[str, Any]) -> list[str] | None:
    """Return what was set of a named member; None if no command makes it."""
    from fer_ensemble.models import get_member

    try:
        recipe = describe_parameters(get_member(member.name).create(random_state=data.get("seed")))
    except ValueError:
        return None
    changed = dict(_differences(recipe, member.parameters))
    if any(name not in recipe or _is_step(recipe[name], value) for name, value in changed.items()):
        return None
    return [f"{member.name}.{name}={value!r}" for name, value in changed.items()]


def _differences(recipe: dict[str, Any], found: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if name.split("__")[-1] in PLACES:
            continue
        if name not in recipe or recipe[name] != value:
            yield name, value


def _is_step(recipe: Any, found: Any) -> bool:
    """Say whether two values are names of different estimators, which no text can set."""
    return isinstance(recipe, str) and isinstance(found, str) and recipe[:1].isupper()
