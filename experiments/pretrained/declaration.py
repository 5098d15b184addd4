"""What ``ensemble.toml`` declares, and what the runs of its candidates left behind."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DECLARATION = Path(__file__).parent / "ensemble.toml"
PROTOCOL = "official"


@dataclass(frozen=True)
class Declaration:
    """What the shipped ensemble is chosen from.

    Attributes
    ----------
    candidates : tuple of str
        Systems that are trained.
    without_flip : tuple of str
        Those whose probabilities are not averaged over faces and their mirror images.
    max_bytes : int
        Most bytes that the packed ensemble may have.
    """

    candidates: tuple[str, ...]
    without_flip: tuple[str, ...]
    max_bytes: int


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The faces that no candidate was fitted on, and what each of them predicts.

    Attributes
    ----------
    rows : ndarray of shape (n_samples,), int
        Their places among the training faces.
    y : ndarray of shape (n_samples,), int
        Their labels.
    probabilities : dict of str to ndarray of shape (n_samples, n_classes)
        Of each candidate.
    """

    rows: NDArray[np.int64]
    y: NDArray[np.int64]
    probabilities: dict[str, NDArray[np.float64]]


def read_declaration(path: Path = DECLARATION) -> Declaration:
    """Read the declaration.

    Parameters
    ----------
    path : Path, optional

    Returns
    -------
    Declaration

    Raises
    ------
    ValueError
        If a member is named that is no candidate.
    """
    content = tomllib.loads(path.read_text())
    declaration = Declaration(
        tuple(content["candidates"]), tuple(content["without_flip"]), content["max_bytes"]
    )
    strangers = set(declaration.without_flip) - set(declaration.candidates)
    if strangers:
        raise ValueError(f"{path}: {sorted(strangers)} are no candidates.")
    return declaration


def fitted_file(folder: Path, name: str) -> Path:
    """Name the file in which a run leaves its fitted member.

    Parameters
    ----------
    folder : Path
        Where 'experiments.run' leaves fitted members.
    name : str
        The system.

    Returns
    -------
    Path
    """
    return folder / f"{name}.{PROTOCOL}.skops"


def read_held_out(folder: Path, names: tuple[str, ...]) -> HeldOut:
    """Read what candidates predict for the held-out faces.

    Parameters
    ----------
    folder : Path
        Where 'experiments.run' leaves its predictions.
    names : tuple of str
        The candidates.

    Returns
    -------
    HeldOut

    Raises
    ------
    ValueError
        If a candidate was not run, or the faces are not the same for all.
    """
    first = None
    probabilities = {}
    for name in names:
        file = folder / f"{name}.{PROTOCOL}.npz"
        if not file.is_file():
            raise ValueError(f"{file} is missing: run 'python -m experiments.pretrained.train'.")
        with np.load(file) as run:
            rows, y, predicted = run["held_out_rows"], run["y_held_out"], run["held_out"]
        first = (rows, y) if first is None else first
        if not (np.array_equal(first[0], rows) and np.array_equal(first[1], y)):
            raise ValueError(f"{file}: other faces were held out than of {names[0]}: run it again.")
        predicted = predicted.astype(np.float64)
        probabilities[name] = predicted / predicted.sum(axis=1, keepdims=True)
    assert first is not None
    return HeldOut(*first, probabilities)
