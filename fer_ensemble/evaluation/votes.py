"""Probabilities against the votes of several people on each face, as in FER+."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.evaluation.arrays import check_level, check_probabilities, floored_log
from fer_ensemble.evaluation.intervals import wilson_interval


@dataclass(frozen=True)
class VoteEvaluation:
    """What `evaluate_votes` found.

    Attributes
    ----------
    n : int
        Number of samples with a vote.
    n_without_votes : int
        Samples that nobody voted on; they are left out.
    n_tied : int
        Samples where two or more classes share the most votes.
    n_outvoted : int
        Further samples where something that is none of the classes has as many votes or more.
    n_majority : int
        The rest: samples where one class has more votes than anything else.
    accuracy : float or None
        How often, of `n_majority`, the most probable class is the most voted one; None if there
        is no such sample.
    accuracy_interval : tuple of (float, float) or None
        Wilson's score interval of that accuracy.
    confidence : float
        The level of the interval.
    cross_entropy : float
        Mean of -sum(share of the votes · log(probability)) over `n`, in nats.
    vote_entropy : float
        The same of probabilities that equal the votes: what no classifier gets below.
    """

    n: int
    n_without_votes: int
    n_tied: int
    n_outvoted: int
    n_majority: int
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None
    confidence: float
    cross_entropy: float
    vote_entropy: float

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain numbers and lists, ready for JSON."""
        return asdict(self)


def evaluate_votes(
    votes: ArrayLike,
    probabilities: ArrayLike,
    *,
    others: ArrayLike | None = None,
    confidence: float = 0.95,
) -> VoteEvaluation:
    """Measure probabilities against the votes of several people.

    Parameters
    ----------
    votes : array-like of shape (n_samples, n_classes)
        How many people, or what share of them, voted for each class; all 0 or all NaN where
        nobody did.
    probabilities : array-like of shape (n_samples, n_classes)
        Predicted probabilities, columns in the same order.
    others : array-like of shape (n_samples, n_others), optional
        The same for what is none of the classes, such as contempt, unknown and no face in FER+.
        These votes can take a majority away; in the cross-entropy they have no part.
    confidence : float, default=0.95
        Level of the interval, between 0 and 1.

    Returns
    -------
    VoteEvaluation
        Accuracy against the majority, where there is one, and cross-entropy against the
        distribution of the votes, wherever there are any.

    Raises
    ------
    ValueError
        If nobody voted on any sample, votes are not finite or negative, shapes differ, or the
        probabilities are not distributions.

    References
    ----------
    E. Barsoum, C. Zhang, C. Canton Ferrer and Z. Zhang, "Training deep networks for facial
    expression recognition with crowd-sourced label distribution", ACM International Conference
    on Multimodal Interaction, 2016, pages 279-283.

    Examples
    --------
    >>> found = evaluate_votes([[8, 2], [5, 5]], [[0.8, 0.2], [0.5, 0.5]])
    >>> found.n_tied, found.accuracy, found.cross_entropy == found.vote_entropy
    (1, 1.0, True)
    """
    check_level(confidence)
    counts = _check_votes(votes, "votes")
    beside = np.zeros((len(counts), 1)) if others is None else _check_votes(others, "others")
    if len(beside) != len(counts):
        raise ValueError(f"votes has {len(counts)} rows and others {len(beside)}.")
    voted = counts.sum(axis=1) > 0
    if not voted.any():
        raise ValueError("There is nothing to evaluate: nobody voted for a class on any sample.")
    proba = check_probabilities(probabilities, *counts.shape)[voted]
    counts, beside = counts[voted], beside[voted]
    most = counts == counts.max(axis=1, keepdims=True)
    single = most.sum(axis=1) == 1
    # A face that most people call contempt or no face at all has no true class among ours.
    clear = single & (counts.max(axis=1) > beside.max(axis=1))
    right = proba[clear].argmax(axis=1) == most[clear].argmax(axis=1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return VoteEvaluation(
        n=len(counts),
        n_without_votes=int((~voted).sum()),
        n_tied=int((~single).sum()),
        n_outvoted=int((single & ~clear).sum()),
        n_majority=right.size,
        accuracy=float(right.mean()) if right.size else None,
        accuracy_interval=wilson_interval(int(right.sum()), right.size, confidence)
        if right.size
        else None,
        confidence=float(confidence),
        cross_entropy=_cross_entropy(shares, proba / proba.sum(axis=1, keepdims=True)),
        vote_entropy=_cross_entropy(shares, shares),
    )


def _check_votes(votes: ArrayLike, what: str) -> NDArray[np.float64]:
    counts = np.asarray(votes, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[1] == 0:
        raise ValueError(
            f"{what} must have a row for each sample and a column for each choice; the shape is "
            f"{counts.shape}."
        )
    # A table of votes that was joined to one of faces has NaN where nobody voted; part of a row
    # being NaN is a fault.
    counts = np.where(np.isnan(counts).all(axis=1, keepdims=True), 0, counts)
    bad = np.flatnonzero(~((counts >= 0) & np.isfinite(counts)).all(axis=1))
    if bad.size:
        raise ValueError(
            f"{bad.size} of {len(counts)} rows of {what} are negative or not finite; the first is "
            f"row {bad[0]}: {counts[bad[0]].tolist()}."
        )
    return counts


def _cross_entropy(shares: NDArray[np.float64], proba: NDArray[np.float64]) -> float:
    return float(-(shares * floored_log(proba)).sum(axis=1).mean())
