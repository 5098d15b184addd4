"""The shape of a drawn face: how it is at rest, what an expression moves, how the head is turned.

Expressions are made of the action units of FACS, the Facial Action Coding System [1]_ [2]_.

References
----------
.. [1] P. Ekman and W. V. Friesen. Facial Action Coding System: A Technique for the Measurement
       of Facial Movement. Consulting Psychologists Press, 1978.
.. [2] P. Ekman, W. V. Friesen and J. C. Hager. Facial Action Coding System: Investigator's
       Guide. Research Nexus, 2002.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets.dataset import FACE_SIZE
from fer_ensemble.datasets.labels import EMOTIONS

Points = NDArray[np.float64]

#: Landmarks of the left half of the picture, and how far they go, outwards and downwards.
Moves = list[tuple[tuple[int, ...], float, float]]

#: What an action unit moves at full strength, in pixels of a 48 × 48 face. The units are those
#: of FACS [1]_; the distances were chosen by eye.
ACTION_UNIT_MOVES: dict[int, Moves] = {
    # inner and outer brow raiser, brow lowerer
    1: [((21,), 0, -3.4), ((20,), 0, -2.4), ((19,), 0, -1.0)],
    2: [((17,), 0, -1.9), ((18,), 0, -2.9), ((19,), 0, -2.6), ((20,), 0, -1.0)],
    4: [((21,), -1.6, 2.9), ((20,), -1.1, 2.4), ((19,), -0.5, 1.6), ((18,), 0, 0.7)],
    # upper lid raiser, cheek raiser, lid tightener
    5: [((37, 38), 0, -1.6), ((40, 41), 0, 0.2)],
    6: [((40, 41), 0, -1.0), ((17, 18), 0, 0.5), ((2, 3), 0.5, 0)],
    7: [((40, 41), 0, -0.8), ((37, 38), 0, 0.6)],
    # nose wrinkler, upper lip raiser
    9: [
        ((30, 33), 0, -1.4),
        ((31, 32), 0.7, -1.9),
        ((49, 50, 51, 61, 62), 0, -1.6),
        ((20, 21), -0.4, 1.4),
        ((40, 41), 0, -0.6),
        ((37, 38), 0, 0.4),
    ],
    10: [((50, 51), 0, -2.0), ((49,), 0, -1.4), ((61, 62), 0, -1.7), ((31,), 0.5, -0.6)],
    # lip corner puller, lip corner depressor
    12: [
        ((48, 60), 3.1, -3.0),
        ((49,), 1.8, -1.6),
        ((59,), 2.2, -1.4),
        ((50, 58, 61, 67), 0.7, -0.5),
        ((3, 4), 0.8, 0),
    ],
    15: [((48, 60), 0.2, 2.6), ((49, 59), 0.2, 1.3), ((61, 67), 0, 0.5)],
    # lower lip depressor, chin raiser, lip stretcher
    16: [((57, 58), 0, 1.3), ((66, 67), 0, 1.2), ((59,), 0, 1.0)],
    17: [((57, 58, 59, 66, 67), 0, -1.2), ((50, 51, 61, 62), 0, -0.8), ((7, 8), 0, -1.0)],
    20: [((48, 60), 2.9, 0.6), ((49, 59), 1.8, 0.4), ((61, 67), 0.7, 0)],
    # lip tightener, lip pressor
    23: [
        ((49, 50, 51), 0, 0.8),
        ((57, 58, 59), 0, -1.2),
        ((48, 60), -1.2, 0),
        ((49, 59), -0.7, 0),
    ],
    24: [((50, 51), 0, 1.1), ((57, 58), 0, -1.4), ((49,), 0, 0.6), ((59,), 0, -1.0)],
    # lips part, jaw drop
    25: [((57, 58), 0, 1.2), ((66, 67), 0, 1.7), ((59,), 0, 0.7), ((50, 51, 61, 62), 0, -0.5)],
    26: [
        ((57, 58), 0, 4.3),
        ((66, 67), 0, 4.8),
        ((59,), -0.6, 3.4),
        ((48, 60), -1.4, 1.7),
        ((49,), -0.8, 0.2),
        ((6, 7, 8), 0, 2.6),
        ((5,), 0, 1.7),
    ],
}

# The action units of each expression, as variants that are shown equally often. Which units go
# together follows the prototypes and major variants in [2]; how strongly was chosen by eye.
_VARIANTS: dict[str, list[dict[int, float]]] = {
    "angry": [
        {4: 1, 5: 0.6, 7: 0.8, 23: 1},
        {4: 1, 5: 0.5, 7: 0.8, 17: 0.7, 24: 1},
        {4: 1, 5: 0.6, 7: 0.8, 10: 0.6, 23: 0.4, 25: 0.8, 26: 0.3},
    ],
    "disgust": [
        {9: 1, 4: 0.4, 17: 0.7},
        {10: 1, 9: 0.4, 17: 0.6, 15: 0.3},
        {9: 0.9, 10: 0.5, 16: 0.8, 25: 0.6},
    ],
    "fear": [
        {1: 1, 2: 0.6, 4: 0.7, 5: 0.9, 20: 0.9, 25: 0.8},
        {1: 1, 2: 0.6, 4: 0.6, 5: 0.9, 20: 0.6, 25: 0.7, 26: 0.5},
        {1: 0.9, 4: 0.7, 5: 0.8, 20: 0.7, 25: 0.3},
    ],
    "happy": [{6: 0.6, 12: 0.8}, {6: 0.9, 12: 1, 25: 0.9}, {6: 1, 12: 1, 25: 0.8, 26: 0.4}],
    "sad": [
        {1: 0.9, 4: 0.7, 15: 0.7},
        {1: 0.9, 4: 0.5, 15: 0.8, 17: 0.7},
        {6: 0.5, 15: 0.9, 17: 0.4},
    ],
    "surprise": [
        {1: 0.9, 2: 0.9, 5: 0.7, 25: 0.5, 26: 0.8},
        {1: 1, 2: 1, 5: 0.8, 25: 0.6, 26: 1.2},
        {1: 0.8, 2: 0.8, 5: 0.5, 25: 0.4},
    ],
    "neutral": [{}],
}
ACTION_UNITS = tuple(ACTION_UNIT_MOVES)
_PROTOTYPES = [
    np.array([[variant.get(unit, 0.0) for unit in ACTION_UNITS] for variant in _VARIANTS[emotion]])
    for emotion in EMOTIONS
]

#: Landmarks of the 68-point iBUG scheme; drawing needs some more.
N_LANDMARKS = 68
#: The outline of the forehead, from the ear on the left of the picture over the top.
FOREHEAD = range(68, 75)
#: The centres of the pupils.
PUPILS = (75, 76)
_N_POINTS = 77

# The left half of the picture: x outwards from the midline, y downwards from the centre.
_HALF_FACE: list[tuple[int, list[tuple[float, float]]]] = [
    (0, [(19, -8.5), (18.6, -3), (17.9, 2.3), (16.8, 7.4), (15, 12.2)]),  # jaw
    (5, [(12.4, 16.2), (9, 19.4), (4.9, 21.5), (0, 22.2)]),
    (17, [(15.6, -9.9), (13.4, -11.5), (10.6, -12), (7.6, -11.5), (4.5, -10.4)]),  # brow
    (27, [(0, -6), (0, -2.4), (0, 1), (0, 4.2), (4, 6.2), (2.1, 7), (0, 7.4)]),  # nose
    (36, [(12.6, -5.2), (10.8, -6.7), (8.2, -6.7), (5.9, -4.8), (8.1, -4), (10.7, -4)]),  # eye
    (48, [(7.2, 13), (4.6, 11.6), (1.8, 10.9), (0, 11.3)]),  # outer lips
    (57, [(0, 16), (2.1, 15.8), (4.9, 14.9)]),
    (60, [(6.3, 13), (2.2, 12.8), (0, 12.9)]),  # inner lips
    (66, [(0, 13.4), (2.2, 13.3)]),
    (68, [(18.4, -14), (15.6, -19.5), (10, -23), (0, -24.4)]),  # forehead
    (75, [(9.4, -5.4)]),  # pupil
]
# The partner of each point in the other half; points on the midline are their own.
_MIRROR = [
    *(*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)),
    *(*range(74, 67, -1), 76, 75),
]

# How faces differ at rest; a weight of one is a marked difference.
_BROW, _EYE = (17, 18, 19, 20, 21), (36, 37, 38, 39, 40, 41, 75)
_MOUTH = (48, 49, 50, 51, 57, 58, 59, 60, 61, 62, 66, 67)
_TRAIT_MOVES: dict[str, Moves] = {
    "face width": [((0, 1, 2, 3, 4, 68), 0.9, 0), ((5, 69), 0.7, 0), ((6, 70), 0.4, 0)],
    "jaw": [((3,), 0.4, 0), ((4, 5), 0.9, 0.3), ((6,), 0.8, 0.3), ((7,), 0.5, 0)],
    "chin": [((7, 8), 0, 0.9), ((6,), 0, 0.7), ((5,), 0, 0.4)],
    "forehead": [((69,), 0, 0.5), ((70, 71), 0, 1.0)],
    "eye distance": [(_EYE, 0.6, 0), (_BROW, 0.5, 0)],
    "eye size": [((37, 38), 0, -0.35), ((40, 41), 0, 0.2), ((36,), 0.3, 0)],
    "eye slant": [((36,), 0, -0.4), ((37, 41), 0, -0.2), ((39,), 0, 0.2)],
    "brow height": [(_BROW, 0, -0.8)],
    "brow slant": [((17,), 0, -0.6), ((18,), 0, -0.4), ((20,), 0, 0.3), ((21,), 0, 0.6)],
    "brow arch": [((17, 21), 0, 0.3), ((19,), 0, -0.5), ((18, 20), 0, -0.3)],
    "nose length": [((30, 31, 32, 33), 0, 0.8), ((29,), 0, 0.5), ((28,), 0, 0.2)],
    "nose width": [((31,), 0.45, 0), ((32,), 0.2, 0)],
    "mouth height": [(_MOUTH, 0, 0.7)],
    "mouth width": [((48, 60), 0.9, 0), ((49, 59), 0.5, 0), ((50, 58, 61, 67), 0.2, 0)],
    "mouth corners": [((48, 60), 0, -0.6), ((49, 59), 0, -0.2)],
    "lips": [((50, 51), 0, -0.4), ((49,), 0, -0.2), ((57, 58), 0, 0.45), ((59,), 0, 0.3)],
}
N_TRAITS = len(_TRAIT_MOVES)

# Pairs of an upper and a lower point, and the least distance between them.
_LIDS_AND_LIPS = [
    *((37, 41, 0.5), (38, 40, 0.5), (43, 47, 0.5), (44, 46, 0.5)),
    *((50, 61, 0.3), (51, 62, 0.3), (52, 63, 0.3), (67, 58, 0.3), (66, 57, 0.3), (65, 56, 0.3)),
    *((61, 67, 0.0), (62, 66, 0.0), (63, 65, 0.0)),
]


def _template() -> Points:
    points = np.empty((_N_POINTS, 2))
    for first, places in _HALF_FACE:
        for index, (outwards, down) in enumerate(places, first):
            points[index] = -outwards, down
            points[_MIRROR[index]] = outwards, down
    return points


def _displacements(all_moves: Iterable[Moves]) -> Points:
    """Return displacements of shape (2 halves, n_moves, n_points, 2)."""
    by_move = []
    for moves in all_moves:
        halves = np.zeros((2, _N_POINTS, 2))
        for indices, outwards, down in moves:
            for index in indices:
                if _MIRROR[index] == index:  # the midline goes with both halves
                    halves[:, index] += 0, down / 2
                else:
                    halves[0, index] += -outwards, down
                    halves[1, _MIRROR[index]] += outwards, down
        by_move.append(halves)
    return np.stack(by_move, axis=1)


def _head_depth() -> NDArray[np.float64]:
    """Return the depth of each point, in pixels from the axes that the head turns about."""
    radius = np.minimum((_TEMPLATE[:, 0] / 20.5) ** 2 + (_TEMPLATE[:, 1] / 27) ** 2, 1)
    depth: NDArray[np.float64] = 17 * np.sqrt(1 - radius) - 8  # half an ellipsoid
    depth[28:36] += 1.5, 3, 4.5, 1, 2, 2.5, 2, 1  # and a nose on it
    return depth


_TEMPLATE = _template()
_DEPTH = _head_depth()
_TRAITS = _displacements(_TRAIT_MOVES.values())
_ACTION_UNITS = _displacements(ACTION_UNIT_MOVES.values())


def draw_action_units(label: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how strongly one face shows each action unit.

    Some expressions are weak, mixed with another, or miss a unit, as people's are: without
    that, the classes would not overlap and every classifier would be right about all of them.

    Returns
    -------
    ndarray of shape (2, n_action_units)
        0 is none and 1 full strength; for the left and the right half of the picture.
    """
    n = len(ACTION_UNITS)
    # A variant as a whole is weak or strong; then each of its units by itself, or it is missing.
    units = rng.choice(_PROTOTYPES[label]) * (0.45 + 0.75 * rng.beta(2.2, 1.6))
    units *= np.clip(rng.normal(1, 0.25, n), 0, 1.6) * (rng.random(n) > 0.08)
    if rng.random() < 0.2:
        units += rng.choice(_PROTOTYPES[rng.integers(len(EMOTIONS))]) * rng.uniform(0, 0.5)
    # Movements that belong to no expression, as speaking or blinking makes them.
    units += (rng.random(n) < 0.15) * rng.uniform(0, 0.35, n)
    # No face is quite symmetric.
    return units * np.clip(rng.normal(1, 0.12, (2, n)), 0, None)


def face_shape(traits: NDArray[np.float64], action_units: NDArray[np.float64]) -> Points:
    """Return the shape of a face that looks straight ahead.

    Parameters
    ----------
    traits : ndarray of shape (2, n_traits)
        Weights of the traits, for the left and the right half of the picture.
    action_units : ndarray of shape (2, n_action_units)
        Strengths of the action units, for the two halves.

    Returns
    -------
    ndarray of shape (77, 2)
        The 68 landmarks, the outline of the forehead and the pupils, x then y in pixels from
        the centre of the picture.
    """
    points = (
        _TEMPLATE + np.tensordot(traits, _TRAITS, 2) + np.tensordot(action_units, _ACTION_UNITS, 2)
    )
    # Lids and lips may touch, not pass through each other.
    for upper, lower, gap in _LIDS_AND_LIPS:
        overlap = points[upper, 1] + gap - points[lower, 1]
        if overlap > 0:
            points[upper, 1] -= overlap / 2
            points[lower, 1] += overlap / 2
    return points


def turn_head(
    points: Points,
    *,
    angles: NDArray[np.float64],
    scale: float,
    shift: NDArray[np.float64],
) -> Points:
    """Turn a face, scale it and place it in the picture.

    Parameters
    ----------
    points : ndarray of shape (77, 2)
        From :func:`face_shape`.
    angles : ndarray of shape (3,)
        Yaw, pitch and roll in radians.
    scale : float
    shift : ndarray of shape (2,)
        In pixels.

    Returns
    -------
    ndarray of shape (77, 2)
        In pixels of the picture; (0, 0) is the centre of its upper left pixel.
    """
    (yaw, pitch, roll), (x, y) = angles, points.T
    turned_x = x * np.cos(yaw) + _DEPTH * np.sin(yaw)
    depth = _DEPTH * np.cos(yaw) - x * np.sin(yaw)
    turned_y = y * np.cos(pitch) + depth * np.sin(pitch)
    rotation = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    placed: Points = np.column_stack((turned_x, turned_y)) @ rotation * scale + shift
    return placed + (FACE_SIZE - 1) / 2
