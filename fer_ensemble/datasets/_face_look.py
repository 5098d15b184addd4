"""What a drawn face looks like besides its shape, and the picture that is taken of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets._facs import ACTION_UNITS


@dataclass(frozen=True)
class Look:
    """Skin, hair and wrinkles; brightnesses lie in 0 to 255, parts of something in 0 to 1.

    A furrow is a wrinkle that a muscle makes, from 0 (none) to 1.
    """

    skin: float
    hair: float
    background: float
    long_hair: bool
    fringe: float  # how far hair comes down from the top towards the eyes
    brow_width: float  # pixels
    lips: float  # brightness as a part of the skin's
    beard: float
    glasses: bool
    gaze: tuple[float, float]  # pixels
    teeth: float  # part of the open mouth that they fill
    forehead_furrow: float
    frown_furrow: float
    nose_furrow: float
    cheek_furrow: float
    chin_furrow: float


@dataclass(frozen=True)
class Camera:
    """Light on the face, and what the camera makes of it; brightnesses lie in 0 to 255."""

    light: tuple[float, float]  # relative change from the centre to the right and to the bottom
    gamma: float
    contrast: float
    brightness: float
    blur: float  # standard deviation in pixels
    noise: float  # standard deviation of brightness


def draw_look(action_units: NDArray[np.float64], rng: np.random.Generator) -> Look:
    """Draw the look of a face that shows `action_units`, of shape (2, n_action_units)."""
    strengths = np.clip(action_units.mean(axis=0), 0, 1)
    unit = dict(zip(ACTION_UNITS, strengths.tolist(), strict=True))
    # Wrinkles show more on some faces than on others.
    forehead, frown, nose, cheek, chin = rng.uniform(0.4, 1.2, 5).tolist()
    skin = rng.uniform(100, 205)
    return Look(
        skin=skin,
        hair=min(rng.uniform(15, 150), 0.8 * skin),
        background=rng.uniform(10, 240),
        long_hair=rng.random() < 0.3,
        fringe=rng.uniform(0, 0.25) * (rng.random() < 0.7),
        brow_width=rng.uniform(1.0, 2.4),
        lips=rng.uniform(0.6, 0.9),
        beard=rng.uniform(0.2, 1) * (rng.random() < 0.2),
        glasses=rng.random() < 0.1,
        gaze=(rng.normal(0, 0.7), rng.normal(0, 0.3)),
        teeth=rng.uniform(0.2, 0.7) * (rng.random() < 0.8),
        forehead_furrow=max(unit[1], unit[2]) * forehead,
        frown_furrow=unit[4] * frown,
        nose_furrow=unit[9] * nose,
        cheek_furrow=max(unit[9], unit[10], unit[12]) * cheek,
        chin_furrow=unit[17] * chin,
    )


def draw_camera(rng: np.random.Generator) -> Camera:
    """Draw the light and the camera of a picture."""
    return Camera(
        light=(rng.normal(0, 0.22), rng.normal(0, 0.22)),
        gamma=float(np.exp(rng.normal(0, 0.2))),
        contrast=rng.uniform(0.75, 1.15),
        brightness=rng.normal(0, 12),
        blur=rng.uniform(0.3, 0.7),
        noise=rng.uniform(1, 4),
    )
