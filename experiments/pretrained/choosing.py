"""Choose the members of the shipped ensemble by what they predict for held-out faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from fer_ensemble.ensemble import apply_temperature, combine, fit_temperature, learn_weights

_N_FOLDS = 5
_LEAST_KINDS = 2
# What a member must take off the log loss to be worth its bytes and its time.
_LEAST_RISE = 5e-4


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
    """One look at the members that are left.

    Attributes
    ----------
    log_loss : float
        Of all that are left, cross-fitted.
    contributions : dict of str to float
        By how much the log loss rises without each member that may be left out.
    n_bytes : int
        Of all that are left.
    left_out : str or None
        Who goes; ``None`` if all stay.
    """

    log_loss: float
    contributions: dict[str, float]
    n_bytes: int
    left_out: str | None


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
    """Leave out members that do not earn their place, one by one.

    As long as the members are too large together, or one of them contributes less than 0.0005
    nats, the one that contributes least goes. Contribution is the rise of the log loss without
    it, of the weighted average of calibrated members whose weights are learned on four fifths of
    the faces and measured on the fifth. The cheapest network stays in any case, since it is also
    shipped alone, and so do networks of two kinds.

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
        Who stays.
    steps : list of Step
        How it came about.

    Raises
    ------
    ValueError
        If there are no two kinds of networks, or those that must stay are too large.
    """
    if len(_kinds(candidates)) < _LEAST_KINDS:
        raise ValueError("Networks of two kinds are needed at least: declare another candidate.")
    kept, steps = list(candidates), []
    while True:
        whole, n_bytes = _loss(kept, y, seed), sum(one.n_bytes for one in kept)
        rises = {
            one.name: _loss([other for other in kept if other is not one], y, seed) - whole
            for one in _optional(kept)
        }
        weakest = min(rises, key=lambda name: rises[name], default=None)
        goes = weakest is not None and (n_bytes > max_bytes or rises[weakest] < _LEAST_RISE)
        steps.append(Step(whole, rises, n_bytes, weakest if goes else None))
        if not goes:
            break
        kept = [one for one in kept if one.name != weakest]
    if n_bytes > max_bytes:
        raise ValueError(f"Who must stay takes {n_bytes:,} bytes, of at most {max_bytes:,}.")
    return [one.name for one in kept], steps


def _optional(kept: list[Candidate]) -> list[Candidate]:
    """List the members without which two kinds of networks and the cheapest one are left."""
    stays = cheapest(kept)
    return [
        one
        for one in kept
        if one is not stays
        and len(_kinds([other for other in kept if other is not one])) >= _LEAST_KINDS
    ]


def _kinds(candidates: Sequence[Candidate]) -> set[str]:
    return {one.network for one in candidates if one.network is not None}


def _loss(members: list[Candidate], y: NDArray[Any], seed: int) -> float:
    """Measure the weighted average on faces that its weights were not learned on."""
    classes = np.arange(members[0].probabilities.shape[1])
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
