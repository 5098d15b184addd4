"""Which members of an ensemble, and which traits of a face's shape, spoke for a label.

Of a member: what the ensemble would say if it knew nothing, that is, gave every class the same
probability. Under the ensemble's own rule, whatever that is: nothing is asked of it but to combine
other probabilities. Of a trait: what it would say if the face had it as the mean face does, in the
eyes of the members that look at landmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.evidence import align_columns
from fer_ensemble.explanation.occlusion import log_odds
from fer_ensemble.features import mirror_points
from fer_ensemble.features.shape_traits import move_traits

#: From members' probabilities, (n_samples, n_members, n_classes), to (n_samples, n_classes).
Combine: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class MemberVoice:
    """What a member had to say for a label.

    Attributes
    ----------
    name : str
    probability : float
        What it gives the label itself.
    without : float
        What the ensemble would give the label if this member knew nothing.
    contribution : float
        How much it raises the ensemble's log-odds of the label, in nats.
    """

    name: str
    probability: float
    without: float
    contribution: float


@dataclass(frozen=True)
class TraitVoice:
    """What a trait of the face's shape had to say for a label.

    Attributes
    ----------
    name : str
        In words, such as "mouth width".
    value, reference : float
        How large it is in this face and in the mean face, as a share of the distance of the eyes'
        outer corners; of the head's tilt, in radians.
    without : float
        What the model would give the label if the face had it as the mean face does.
    contribution : float
        How much it raises the model's log-odds of the label, in nats.
    """

    name: str
    value: float
    reference: float
    without: float
    contribution: float


def member_voices(
    probabilities: NDArray[np.float64], names: Sequence[str], combine: Combine, label: int
) -> tuple[MemberVoice, ...]:
    """Tell what each member had to say for a label.

    Parameters
    ----------
    probabilities : ndarray of shape (n_members, n_classes)
        What the members predict for one face.
    names : sequence of str
        Theirs.
    combine : callable
        The ensemble's way to combine them.
    label : int
        Column of the label.

    Returns
    -------
    tuple of MemberVoice
        In the order of the members.

    Examples
    --------
    >>> from fer_ensemble.ensemble import combine
    >>> voices = member_voices(
    ...     np.array([[0.9, 0.1], [0.4, 0.6]]), ["cnn", "trees"], lambda p: combine(p, "average"), 0
    ... )
    >>> [(voice.name, round(voice.without, 2)) for voice in voices]
    [('cnn', 0.45), ('trees', 0.7)]
    """
    n_members, n_classes = probabilities.shape
    variants = np.repeat(probabilities[None], n_members + 1, axis=0)
    variants[np.arange(n_members), np.arange(n_members)] = 1 / n_classes
    combined = combine(variants)
    odds = log_odds(combined, label)
    return tuple(
        MemberVoice(
            name,
            probability=float(probabilities[i, label]),
            without=float(combined[i, label]),
            contribution=float(odds[-1] - odds[i]),
        )
        for i, name in enumerate(names)
    )


def trait_voices(
    face: NDArray[np.uint8],
    members: Sequence[Any],
    probabilities: NDArray[np.float64],
    classes: ArrayLike,
    combine: Combine,
    label: int,
) -> tuple[TraitVoice, ...]:
    """Tell what each trait of a face's shape had to say for a label.

    Parameters
    ----------
    face : ndarray of uint8 of shape (side, side)
    members : sequence of member
        The ensemble's, fitted; those that look at no landmarks stay with what they said.
    probabilities : ndarray of shape (n_members, n_classes)
        What they predict for the face.
    classes : array-like of shape (n_classes,)
        The ensemble's, in the order of the columns.
    combine : callable
        The ensemble's way to combine them.
    label : int
        Column of the label.

    Returns
    -------
    tuple of TraitVoice
        The loudest first; none if no member measures landmarks.
    """
    variants = None
    for number, member in enumerate(members):
        parts = feature_parts(member)
        reader = next((part for part in parts or () if hasattr(part, "find_points")), None)
        if parts is None or reader is None:
            continue
        points = reader.find_points(face[None])
        if not np.isfinite(points).all():
            continue
        moved = move_traits(points[0], reader.shape_)
        if variants is None:
            traits = moved
            variants = np.repeat(probabilities[None], len(moved.names) + 1, axis=0)
        own = member.graph.classes if hasattr(member, "graph") else member.classes_
        said = _predict_moved(member, face, moved.points)
        variants[1:, number] = align_columns(said, own, classes, f"number {number}")
    if variants is None:
        return ()
    combined = combine(variants)
    odds = log_odds(combined, label)
    voices = [
        TraitVoice(
            name,
            value=float(traits.values[i]),
            reference=float(traits.references[i]),
            without=float(combined[i + 1, label]),
            contribution=float(odds[0] - odds[i + 1]),
        )
        for i, name in enumerate(traits.names)
    ]
    return tuple(sorted(voices, key=lambda voice: -abs(voice.contribution)))


def feature_parts(member: Any) -> list[Any] | None:
    """Return what computes a member's features from faces, side by side.

    Parameters
    ----------
    member : classifier, or member of an exported ensemble
        Fitted.

    Returns
    -------
    list or None
        Transformers or extractors; None if it takes faces as they are, or weighs its features.
    """
    if hasattr(member, "extractors"):
        return list(member.extractors)
    if not hasattr(member, "steps"):
        return None
    first = member.steps[0][1]
    if hasattr(first, "transformer_list"):
        if first.transformer_weights:
            return None  # nobody but it knows what becomes of its parts
        return [part for _, part in first.transformer_list]
    return [first]


def _predict_moved(
    member: Any, face: NDArray[np.uint8], moved: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Ask a member about a face as if its landmarks were elsewhere; its mirror image, too."""
    probabilities = _ask(member, face, moved)
    if getattr(member, "mirror", False):
        mirrored = np.ascontiguousarray(face[:, ::-1])
        side = face.shape[1]
        probabilities = (probabilities + _ask(member, mirrored, mirror_points(moved, side))) / 2
    return probabilities


def _ask(member: Any, face: NDArray[np.uint8], moved: NDArray[np.floating]) -> NDArray[np.float64]:
    stack = np.repeat(face[None], len(moved), axis=0)
    columns = []
    for part in feature_parts(member) or ():
        if hasattr(part, "find_points"):
            points = np.repeat(part.find_points(face[None]), len(moved), axis=0)
            columns.append(part.transform(stack, points=points, moved=moved))
        else:
            one = part.transform(face[None]) if hasattr(part, "transform") else part(face[None])
            columns.append(np.repeat(one, len(moved), axis=0))
    features = np.concatenate(columns, axis=1)
    if hasattr(member, "graph"):
        return np.asarray(member.graph.run(features), np.float64)
    for _, step in member.steps[1:-1]:
        features = step.transform(features)
    return np.asarray(member.steps[-1][1].predict_proba(features), np.float64)
