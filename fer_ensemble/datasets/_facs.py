"""The seven expressions in the action units of FACS, the Facial Action Coding System.

References
----------
.. [1] P. Ekman and W. V. Friesen. Facial Action Coding System: A Technique for the Measurement
       of Facial Movement. Consulting Psychologists Press, 1978.
.. [2] P. Ekman, W. V. Friesen and J. C. Hager. Facial Action Coding System: Investigator's
       Guide. Research Nexus, 2002.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets.labels import EMOTIONS

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
    units = rng.choice(_PROTOTYPES[label]) * (0.45 + 0.75 * rng.beta(2.2, 1.6))
    units *= np.clip(rng.normal(1, 0.25, n), 0, 1.6) * (rng.random(n) > 0.08)
    if rng.random() < 0.2:
        units += rng.choice(_PROTOTYPES[rng.integers(len(EMOTIONS))]) * rng.uniform(0, 0.5)
    units += (rng.random(n) < 0.15) * rng.uniform(0, 0.35, n)
    return units * np.clip(rng.normal(1, 0.12, (2, n)), 0, None)
