"""The candidates for the shipped ensemble: declared, read, and chosen.

``ensemble.toml`` names the systems. Their runs leave predictions for the faces that were held out
of all trainings, and by those alone it is chosen who is shipped.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from experiments.runs import read_predictions, stack_predictions
from fer_ensemble.ensemble import (
    VotingEnsemble,
    apply_temperature,
    combine,
    fit_temperature,
    learn_weights,
)

DECLARATION = Path(__file__).parent / "ensemble.toml"
PROTOCOL = "official"

_N_FOLDS = 5
# Members differ most where their networks do: the ensemble is not to come down to one kind.
_LEAST_KINDS = 2
# In nats. What a member must take off the log loss to be worth its bytes and its time.
_LEAST_RISE = 5e-4


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


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted member that may be shipped.

    Attributes
    ----------
    name : str
    probabilities : ndarray of shape (n_samples, n_classes)
        What it predicts for the held-out faces.
    n_bytes : int
        Size of its file.
    network : str or None
        Its architecture, if it is a network that looks at the faces themselves.
    multiply_accumulates : int or None
        Of that network, for one face.
    """

    name: str
    probabilities: NDArray[np.float64]
    n_bytes: int
    network: str | None = None
    multiply_accumulates: int | None = None


@dataclass(frozen=True)
class Step:
    """A round of the choice, in which at most one member is left out.

    Attributes
    ----------
    log_loss : float
        Of all members of the round, cross-fitted.
    contributions : dict of str to float
        By how much the log loss rises without each member that may be left out.
    n_bytes : int
        Of all members of the round.
    left_out : str or None
        The member that is left out after it; ``None`` if all stay.
    """

    log_loss: float
    contributions: dict[str, float]
    n_bytes: int
    left_out: str | None


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
    unknown = set(declaration.without_flip) - set(declaration.candidates)
    if unknown:
        raise ValueError(f"{path}: {sorted(unknown)} are no candidates.")
    return declaration


def read_held_out(folder: Path, names: Sequence[str]) -> HeldOut:
    """Read what candidates predict for the held-out faces.

    Parameters
    ----------
    folder : Path
        Where 'experiments.run' leaves its predictions.
    names : sequence of str
        The candidates.

    Returns
    -------
    HeldOut

    Raises
    ------
    typer.BadParameter
        If a candidate was not run, or the faces are not the same for all.
    """
    runs = [read_predictions(folder, name, PROTOCOL) for name in names]
    probabilities, y = stack_predictions(runs, "held_out")
    members = np.ascontiguousarray(probabilities.swapaxes(0, 1))
    return HeldOut(runs[0]["held_out_rows"], y, dict(zip(names, members, strict=True)))


def cheapest(candidates: Sequence[Candidate]) -> Candidate:
    """Find the network whose prediction takes the fewest operations.

    Parameters
    ----------
    candidates : sequence of Candidate

    Returns
    -------
    Candidate
        Features and trees are not counted in multiply-accumulates, so that only networks on the
        faces themselves compare.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    networks = [one for one in candidates if one.multiply_accumulates is not None]
    if not networks:
        raise ValueError("No candidate is a network on faces: declare one.")
    return min(networks, key=lambda one: one.multiply_accumulates or 0)


def choose_members(
    candidates: Sequence[Candidate], y: NDArray[Any], max_bytes: int, seed: int = 0
) -> tuple[list[str], list[Step]]:
    """Leave out members that contribute too little, one by one.

    As long as the members are too large together, or one of them contributes less than 0.0005
    nats, the one that contributes least is left out. Contribution is the rise of the log loss
    without it, of the weighted average of calibrated members whose weights are learned on four
    fifths of the faces and measured on the fifth. The cheapest network stays in any case, since it
    is also shipped alone, and so do networks of two kinds.

    Parameters
    ----------
    candidates : sequence of Candidate
    y : ndarray of shape (n_samples,)
        Labels of the held-out faces, 0 to 6.
    max_bytes : int
        Most bytes of all files.
    seed : int, default=0
        Of the folds.

    Returns
    -------
    names : list of str
        The members that stay.
    steps : list of Step
        The rounds that led to them.

    Raises
    ------
    ValueError
        If there are no two kinds of networks, or those that must stay are too large.
    """
    if len(_kinds(candidates)) < _LEAST_KINDS:
        raise ValueError("Networks of two kinds are needed at least: declare another candidate.")
    kept, steps = list(candidates), []
    while True:
        loss, n_bytes = _loss(kept, y, seed), sum(one.n_bytes for one in kept)
        # Anew in each round: of two members alike, each adds nothing until the other is left out.
        contributions = {
            one.name: _loss([other for other in kept if other is not one], y, seed) - loss
            for one in _optional(kept)
        }
        least = min(contributions, key=lambda name: contributions[name], default=None)
        is_left_out = least is not None and (
            n_bytes > max_bytes or contributions[least] < _LEAST_RISE
        )
        steps.append(Step(loss, contributions, n_bytes, least if is_left_out else None))
        if not is_left_out:
            break
        kept = [one for one in kept if one.name != least]
    if n_bytes > max_bytes:
        raise ValueError(
            f"The members that must stay take {n_bytes:,} bytes, of at most {max_bytes:,}."
        )
    return [one.name for one in kept], steps


def mirrored_members(ensemble: VotingEnsemble) -> Iterator[tuple[str, Any]]:
    """Find the members that average a face and its mirror image, and copy them without that.

    Parameters
    ----------
    ensemble : VotingEnsemble

    Yields
    ------
    tuple of (str, classifier)
        Name, and the member that sees each face once.
    """
    for name, member in ensemble.members_:
        for parameter in ("flip_average", "mirror"):
            if member.get_params(deep=False).get(parameter):
                yield name, copy.copy(member).set_params(**{parameter: False})


def _optional(kept: list[Candidate]) -> list[Candidate]:
    """List the members without which two kinds of networks and the cheapest one are left."""
    fast = cheapest(kept)
    return [
        one
        for one in kept
        if one is not fast
        and len(_kinds([other for other in kept if other is not one])) >= _LEAST_KINDS
    ]


def _kinds(candidates: Sequence[Candidate]) -> set[str]:
    return {one.network for one in candidates if one.network is not None}


def _loss(members: list[Candidate], y: NDArray[Any], seed: int) -> float:
    """Measure the weighted average on faces that its weights were not learned on."""
    classes = np.arange(members[0].probabilities.shape[1])
    # Calibrated on all held-out faces: one temperature a member can hardly overfit thousands.
    tempered = [
        apply_temperature(one.probabilities, fit_temperature(one.probabilities, y, classes))
        for one in members
    ]
    stacked = np.stack(tempered, axis=1)
    combined = np.empty_like(members[0].probabilities)
    folds = StratifiedKFold(_N_FOLDS, shuffle=True, random_state=seed)
    for learned_on, measured in folds.split(stacked, y):
        weights = learn_weights(stacked[learned_on], y[learned_on], classes)
        combined[measured] = combine(stacked[measured], "weighted", weights)
    return float(log_loss(y, combined, labels=classes))
