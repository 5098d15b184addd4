"""Landmarks of a drawn face: a neutral template, moved by traits and by action units.

Every move is a displacement of some landmarks, so that the shape of a face is the template plus
a weighted sum of moves; the head is then turned and placed in the picture.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets._facs import ACTION_UNIT_MOVES, Moves
from fer_ensemble.datasets.dataset import FACE_SIZE

Points = NDArray[np.float64]

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
    """Displacements of shape (2 halves, n_moves, n_points, 2)."""
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
    """Depth of each point, in pixels from the axes that the head turns about."""
    radius = np.minimum((_TEMPLATE[:, 0] / 20.5) ** 2 + (_TEMPLATE[:, 1] / 27) ** 2, 1)
    depth: NDArray[np.float64] = 17 * np.sqrt(1 - radius) - 8  # half an ellipsoid
    depth[28:36] += 1.5, 3, 4.5, 1, 2, 2.5, 2, 1  # and a nose on it
    return depth


_TEMPLATE = _template()
_DEPTH = _head_depth()
_TRAITS = _displacements(_TRAIT_MOVES.values())
_ACTION_UNITS = _displacements(ACTION_UNIT_MOVES.values())


def face_shape(traits: NDArray[np.float64], action_units: NDArray[np.float64]) -> Points:
    """Shape of a face that looks straight ahead.

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
