"""The published systems and ensembles, as files in ``systems/`` and ``ensembles/`` declare them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SYSTEMS = Path(__file__).parent / "systems"
ENSEMBLES = Path(__file__).parent / "ensembles"


@dataclass(frozen=True)
class System:
    """A published system.

    Attributes
    ----------
    name : str
        Name of its file.
    row : int
        Its place in the table.
    title : str
        What it is, for the table.
    member : str
        The member that it is.
    protocol : str
        How its authors split the data, see :mod:`fer_ensemble.datasets.protocols`.
    protocol_params : dict
        Arguments of the protocol.
    classes : tuple of str
        The expressions that it knows; empty for all seven.
    more_training : int
        How often it is trained again from where it stopped.
    teachers : tuple of str
        Systems that were run, networks whose mean opinion of each changed face it learns beside the
        label.
    published : dict
        ``accuracy``, and what else is known of its authors' figures: ``n``, ``epochs``,
        ``macro_f1``, ``weighted_f1``, ``recall`` by expression, ``note``.
    params : dict
        Parameters in which it differs from the member's recipe, for
        :func:`fer_ensemble.models.create_member`.
    """

    name: str
    row: int
    title: str
    member: str
    protocol: str = "official"
    protocol_params: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    more_training: int = 0
    teachers: tuple[str, ...] = ()
    published: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ensemble:
    """A published way to combine systems, or one of ours.

    Attributes
    ----------
    name : str
        Name of its file.
    title : str
        What it is, for the table.
    members : tuple of str
        The systems in it.
    protocol : str
        How its authors split the data.
    published : dict of str to float
        Their accuracy by way to combine, and ``n``.
    """

    name: str
    title: str
    members: tuple[str, ...]
    protocol: str = "official"
    published: dict[str, float] = field(default_factory=dict)


def read_system(name: str) -> System:
    """Read a system's file.

    Where it says ``like = "other"``, what it does not say, and each parameter that it does not set,
    is as in the other system's.

    Parameters
    ----------
    name : str

    Returns
    -------
    System

    Raises
    ------
    ValueError
        If there is no such file; the message lists those that there are.
    """
    content = _read(SYSTEMS, name, "system")
    if "like" in content:
        other = _read(SYSTEMS, content.pop("like"), "system")
        params = {**other.get("params", {}), **content.get("params", {})}
        content = {**other, **content, "params": params}
    for key in ("classes", "teachers"):
        content[key] = tuple(content.get(key, ()))
    return System(name=name, **content)


def read_ensemble(name: str) -> Ensemble:
    """Read an ensemble's file.

    Parameters
    ----------
    name : str

    Returns
    -------
    Ensemble

    Raises
    ------
    ValueError
        If there is no such file; the message lists those that there are.
    """
    content = _read(ENSEMBLES, name, "ensemble")
    content["members"] = tuple(content["members"])
    return Ensemble(name=name, **content)


def all_systems() -> list[System]:
    """Read every system, in the order of the table."""
    return sorted(map(read_system, _names(SYSTEMS)), key=lambda system: system.row)


def all_ensembles() -> list[Ensemble]:
    """Read every ensemble, in the order of their names."""
    return list(map(read_ensemble, _names(ENSEMBLES)))


def _read(folder: Path, name: str, kind: str) -> dict[str, Any]:
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise ValueError(f"No {kind} {name!r}: choose among {', '.join(_names(folder))}.")
    return tomllib.loads(path.read_text())


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.toml"))
