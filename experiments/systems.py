"""The published systems, as the files in ``systems/`` declare them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "systems"


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
    published : dict
        ``accuracy``, and what else is known of its authors' figures: ``n``, ``epochs``,
        ``macro_f1``, ``weighted_f1``, ``note``.
    """

    name: str
    row: int
    title: str
    member: str
    protocol: str = "official"
    protocol_params: dict[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    more_training: int = 0
    published: dict[str, Any] = field(default_factory=dict)


def read_system(name: str) -> System:
    """Read a system's file.

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
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        raise ValueError(f"No system {name!r}: choose among {', '.join(_names())}.")
    content = tomllib.loads(path.read_text())
    content["classes"] = tuple(content.get("classes", ()))
    return System(name=name, **content)


def all_systems() -> list[System]:
    """Read every system, in the order of the table."""
    return sorted(map(read_system, _names()), key=lambda system: system.row)


def _names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
