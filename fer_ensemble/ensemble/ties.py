"""Decide among classes that share the highest score, by a stated rule and never by their index.

By its index, the first class would win every tie: on FER2013 that is "angry", which would then be
predicted more often than the members say. The votes of a few members tie easily.

`choose_classes` decides, `settle_ties` writes the decisions into the scores, and `choose_labels`
turns scores into labels, with one of abstention where nothing was decided.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.evidence import check_weights
from fer_ensemble.evaluation import TOLERANCE, is_unsure
from fer_ensemble.suggestions import did_you_mean

TIES = ("mean_probability", "priority", "random", "abstain")
"""The ways to decide a tie."""

ABSTAINED = -1
"""What `choose_classes` answers where it abstains."""

LEAD = 1e-9
"""By how much `settle_ties` puts the chosen class ahead: above `TOLERANCE`, else negligible."""


def choose_classes(
    scores: ArrayLike,
    probabilities: ArrayLike,
    ties: str = "mean_probability",
    *,
    weights: ArrayLike | None = None,
    priority: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.intp]:
    """Return the class with the highest score for each sample, and decide ties.

    Parameters
    ----------
    scores : array-like of shape (n_samples, n_classes)
        What a rule made of the members' probabilities.
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        The members' probabilities themselves.
    ties : {"mean_probability", "priority", "random", "abstain"}, default="mean_probability"
        What becomes of classes that share a sample's highest score:

        - "mean_probability": the one with the highest mean probability; if that is shared as
          well, the one that "priority" chooses.
        - "priority": the one to which the first member in the order of `priority` gives the
          highest probability; where this member is undecided, the next one is asked.
        - "random": each with the same chance. The draw for a row depends on `random_state` and
          the row's position alone.
        - "abstain": none.

        Classes between which no member makes any difference are taken in an order that is
        arbitrary, but always the same for one number of classes.
    weights : array-like of shape (n_members,), optional
        The weights with which the scores were made. The mean is then the weighted one, and
        members of weight zero have no say.
    priority : array-like of int, optional
        Positions of the members, the first to be asked first; those left out have no say. By
        default, members by descending weight if there are weights, else as they stand.
    random_state : int, RandomState instance or None
        Seed of "random".

    Returns
    -------
    ndarray of shape (n_samples,)
        Indices of classes; -1 where there is a tie and `ties` is "abstain".

    Raises
    ------
    ValueError
        If `ties` is unknown, the shapes do not belong together, a score is not finite, or
        `weights` or `priority` do not fit the members.
    """
    check_ties(ties)
    scores, probabilities = _check_scores(np.asarray(scores), np.asarray(probabilities))
    n_members = probabilities.shape[1]
    shares = check_weights(np.ones(n_members) if weights is None else weights, n_members)
    members = _order_members(shares, priority)
    winners: NDArray[np.intp] = scores.argmax(axis=1)
    tied = _find_highest(scores)
    rows = np.flatnonzero(np.count_nonzero(tied, axis=1) > 1)
    if ties == "abstain":
        winners[rows] = ABSTAINED
    elif ties == "random":
        from sklearn.utils import check_random_state

        # One draw for every row, tied or not: whether others are tied must not change a row's.
        draws = check_random_state(random_state).random_sample(len(scores))
        winners[rows] = _draw(tied[rows], draws[rows])
    elif rows.size:
        opinions, tied = probabilities[rows], tied[rows]
        if ties == "mean_probability":
            tied = _narrow(tied, np.einsum("nmk,m->nk", opinions, shares))
        winners[rows] = _ask_members(tied, opinions, members)
    return winners


def settle_ties(scores: NDArray[np.float64], winners: NDArray[np.intp]) -> NDArray[np.float64]:
    """Put chosen classes ahead of those they were tied with, so that ``argmax`` finds them.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, n_classes)
        Rows that sum to one. Changed in place where there are ties.
    winners : ndarray of shape (n_samples,)
        What `choose_classes` returned for them. Where it abstained, the tie stays.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        The same array: rows that still sum to one, and no ties but those.
    """
    is_tied = np.count_nonzero(_find_highest(scores), axis=1) > 1
    rows = np.flatnonzero(is_tied & (winners != ABSTAINED))
    # Taken from all classes alike: neither the sum nor the order of the others changes.
    scores[rows] *= 1 - LEAD
    scores[rows, winners[rows]] += LEAD
    return scores


def choose_labels(
    probabilities: NDArray[np.float64],
    classes: NDArray[Any],
    *,
    min_confidence: float,
    abstain_on_ties: bool,
    abstain_label: int | str | None,
) -> NDArray[Any]:
    """Label samples with their most probable class, or abstain.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
        Rows that sum to one.
    classes : ndarray of shape (n_classes,)
        The label of each column.
    min_confidence : float
        Abstain where the highest probability is below this, from 0 to 1.
    abstain_on_ties : bool
        Whether to abstain where two classes share the highest probability.
    abstain_label : int, str or None
        What to return there; ``None`` is -1 for numeric labels and "abstain" for others.

    Returns
    -------
    ndarray of shape (n_samples,)
        Of the type of `classes`, wide enough for the label of abstention; of objects where this
        is text and they are numbers, or the other way round.

    Raises
    ------
    ValueError
        If `min_confidence` is out of range, or `abstain_label` is one of the classes.
    """
    unsure = is_unsure(probabilities, min_confidence, ties=abstain_on_ties)
    labels = classes[probabilities.argmax(axis=1)]
    if not (min_confidence or abstain_on_ties):
        return labels
    if abstain_label is None:
        abstain_label = -1 if classes.dtype.kind in "iuf" else "abstain"
    if abstain_label in classes.tolist():
        raise ValueError(
            f"abstain_label={abstain_label!r} is one of the classes: choose another label."
        )
    label = np.asarray(abstain_label)
    if (label.dtype.kind in "US") != (labels.dtype.kind in "US"):
        # Of numbers and text together NumPy would make text, and the label 3 would become "3".
        label, labels = label.astype(object), labels.astype(object)
    return np.where(unsure, label, labels)


def ties_for_scoring(ties: str) -> str:
    """Return the way to decide ties with which an ensemble is scored.

    Measures such as accuracy and log loss take an answer for every sample, and a tie left open
    would go to the class of the lowest index.

    Parameters
    ----------
    ties : {"mean_probability", "priority", "random", "abstain"}
        The ensemble's own way.

    Returns
    -------
    str
        The same, but "mean_probability" instead of "abstain".

    Raises
    ------
    ValueError
        If there is no way of this name.

    Examples
    --------
    >>> ties_for_scoring("priority"), ties_for_scoring("abstain")
    ('priority', 'mean_probability')
    """
    return "mean_probability" if check_ties(ties) == "abstain" else ties


def check_ties(ties: str) -> str:
    """Return the name of a way to decide ties, or list the names that there are.

    Raises
    ------
    ValueError
        If there is no way of this name.
    """
    if not isinstance(ties, str) or ties not in TIES:
        raise ValueError(
            f"Ties cannot be decided by {ties!r}; choose one of {', '.join(TIES)}."
            + did_you_mean(ties, TIES)
        )
    return ties


def _check_scores(
    scores: NDArray[Any], probabilities: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    if (
        scores.ndim != 2
        or probabilities.ndim != 3
        or scores.shape != (probabilities.shape[0], probabilities.shape[2])
    ):
        raise ValueError(
            "scores of the shape (n_samples, n_classes) belong to probabilities of the shape "
            f"(n_samples, n_members, n_classes), not {scores.shape} to {probabilities.shape}."
        )
    if not np.isfinite(scores).all():
        bad = np.flatnonzero(~np.isfinite(scores).all(axis=1))
        raise ValueError(
            f"{bad.size} of {len(scores)} rows of scores are not finite; the first is row "
            f"{bad[0]}: {scores[bad[0]].tolist()}."
        )
    return scores, probabilities


def _order_members(shares: NDArray[np.float64], priority: ArrayLike | None) -> list[int]:
    if priority is None:
        # Stable, so that members of equal weight are asked as they stand.
        order = np.argsort(-shares, kind="stable")[: np.count_nonzero(shares)]
    else:
        order = np.asarray(priority)
        named = set(range(len(shares))).intersection(order.ravel().tolist())
        if order.ndim != 1 or len(named) != len(order):
            raise ValueError(
                f"priority must be positions of members, each once, from 0 to {len(shares) - 1}; "
                f"it is {order.tolist()}."
            )
    positions: list[int] = order.astype(np.intp).tolist()
    return positions


def _find_highest(scores: NDArray[Any]) -> NDArray[np.bool_]:
    # Not equality: the same votes added in another order differ by rounding.
    highest: NDArray[np.bool_] = scores >= scores.max(axis=1, keepdims=True) - TOLERANCE
    return highest


def _narrow(tied: NDArray[np.bool_], opinion: NDArray[Any]) -> NDArray[np.bool_]:
    """Keep, of the classes that are tied, those of which one opinion is highest."""
    return tied & _find_highest(np.where(tied, opinion, -np.inf))


def _ask_members(
    tied: NDArray[np.bool_], opinions: NDArray[Any], members: list[int]
) -> NDArray[np.intp]:
    """Ask one member after the other until one class is left in every row."""
    for member in members:
        if np.count_nonzero(tied) == len(tied):
            break
        tied = _narrow(tied, opinions[:, member])
    # Nobody can tell these classes apart, so some order of them has to; not that of their indices,
    # and not a new one for every call, or the same face would change its label.
    order = np.random.RandomState(0).permutation(tied.shape[1])
    asked: NDArray[np.intp] = order[tied[:, order].argmax(axis=1)]
    return asked


def _draw(tied: NDArray[np.bool_], draws: NDArray[np.float64]) -> NDArray[np.intp]:
    """Take the class at the drawn place, from 0 to 1, among those that are tied."""
    number = np.floor(draws * np.count_nonzero(tied, axis=1))
    drawn: NDArray[np.intp] = (tied.cumsum(axis=1) > number[:, np.newaxis]).argmax(axis=1)
    return drawn
