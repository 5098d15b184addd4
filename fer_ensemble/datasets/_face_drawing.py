"""Draw a face of a given shape: its look, and the picture that a camera takes of it.

The draws come in a fixed order: another order, or another draw among them, gives other faces for
the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets._face_shape import ACTION_UNITS, FOREHEAD, PUPILS, Points
from fer_ensemble.datasets.dataset import FACE_SIZE

Canvas = NDArray[np.uint8]

# Drawn four times as large and shrunk by area, which smooths every edge at once.
_ZOOM = 4
# How many binary digits of a fraction of a pixel OpenCV is given.
_FRACTION_BITS = 4

_EYES = (range(36, 42), range(42, 48))
_BROWS = ([17, 18, 19, 20, 21], [26, 25, 24, 23, 22])
_ACROSS, _DOWN = np.meshgrid(*[np.linspace(-1, 1, FACE_SIZE, dtype=np.float32)] * 2)


@dataclass(frozen=True)
class Look:
    """What a face looks like besides its shape: skin, hair and wrinkles.

    Brightnesses lie in 0 to 255, parts of something in 0 to 1. A furrow is a wrinkle that a muscle
    makes, from 0 (none) to 1.
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


def draw_face(points: Points, look: Look) -> Canvas:
    """Draw a face before light, blur and noise.

    Parameters
    ----------
    points : ndarray of shape (77, 2)
        From :func:`fer_ensemble.datasets._face_shape.turn_head`.
    look : Look

    Returns
    -------
    ndarray of shape (48, 48), uint8
    """
    canvas = np.full((FACE_SIZE * _ZOOM, FACE_SIZE * _ZOOM), look.background, np.uint8)
    # From back to front: what is drawn later covers what was there.
    _draw_head(canvas, points, look)
    _draw_nose(canvas, points, look)
    for eye, pupil in zip(_EYES, PUPILS, strict=True):
        _draw_eye(canvas, points[eye], points[pupil], look)
    _draw_furrows(canvas, points, look)
    _draw_fringe(canvas, points, look)
    for brow in _BROWS:
        _draw_brow(canvas, points[brow], look)
    _draw_mouth(canvas, points, look)
    if look.glasses:
        _draw_glasses(canvas, points)
    small: Canvas = cv2.resize(canvas, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_AREA)
    return small


def photograph(face: Canvas, camera: Camera, rng: np.random.Generator) -> Canvas:
    """Take the picture of a drawn face: light, gamma, contrast, blur and noise.

    Parameters
    ----------
    face : ndarray of shape (48, 48), uint8
    camera : Camera
    rng : numpy.random.Generator
        Makes the noise.

    Returns
    -------
    ndarray of shape (48, 48), uint8
    """
    lit = face * (1 + camera.light[0] * _ACROSS + camera.light[1] * _DOWN) / np.float32(255)
    image = np.clip(lit, 0, 1) ** np.float32(camera.gamma) * 255
    image = (image - 128) * camera.contrast + 128 + camera.brightness
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), camera.blur)
    image += rng.standard_normal(image.shape, dtype=np.float32) * camera.noise
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _draw_head(canvas: Canvas, points: Points, look: Look) -> None:
    # Hair is the outline of the head, made a little larger; long hair goes down to the jaw.
    centre = points[27]
    end = 4 if look.long_hair else 0
    hair = points[[*range(end, -1, -1), *FOREHEAD, *range(16, 15 - end, -1)]]
    _fill(canvas, centre + (hair - centre) * 1.17, look.hair)
    _fill(canvas, points[[*range(17), *FOREHEAD[::-1]]], look.skin)
    if look.beard:
        beard = points[[*range(3, 14), 54, 35, 33, 31, 48]]
        _fill(canvas, beard, look.skin * (1 - 0.4 * look.beard))


def _draw_fringe(canvas: Canvas, points: Points, look: Look) -> None:
    top = points[FOREHEAD]
    bottom = top + (points[27] - top) * look.fringe
    _fill(canvas, np.concatenate((top, bottom[::-1])), look.hair)


def _draw_nose(canvas: Canvas, points: Points, look: Look) -> None:
    _fill(canvas, points[[27, 28, 29, 30, 33, 35]], look.skin * 0.9)
    _stroke(canvas, points[31:36], look.skin * 0.55, 0.7)


def _draw_eye(canvas: Canvas, eye: Points, pupil: Points, look: Look) -> None:
    _fill(canvas, eye, min(look.skin * 1.15 + 30, 245))
    _circle(canvas, pupil + look.gaze, 1.5, min(look.hair * 0.5, 40))
    # The lids cover what the iris shows beyond them.
    for lid, height in ((eye[[0, 1, 2, 3]], -2.5), (eye[[0, 5, 4, 3]], 2.0)):
        edge = lid[[2, 1]] + (0, height)
        _fill(canvas, np.concatenate((lid, edge)), look.skin * 0.88)
    # The upper lid has the lashes, and stands out more.
    _stroke(canvas, eye[[0, 1, 2, 3]], look.skin * 0.35, 0.6)
    _stroke(canvas, eye[[3, 4, 5, 0]], look.skin * 0.65, 0.4)


def _draw_brow(canvas: Canvas, brow: Points, look: Look) -> None:
    half_width = np.outer((0.15, 0.4, 0.5, 0.5, 0.4), (0, look.brow_width))
    outline = np.concatenate((brow - half_width, (brow + half_width)[::-1]))
    _fill(canvas, outline, min(look.hair, look.skin * 0.6))


def _draw_mouth(canvas: Canvas, points: Points, look: Look) -> None:
    _fill(canvas, points[48:60], look.skin * look.lips)
    _fill(canvas, points[60:68], look.skin * 0.2)
    upper, lower = points[60:65], points[[60, 67, 66, 65, 64]]
    teeth = upper + (lower - upper) * look.teeth
    _fill(canvas, np.concatenate((upper, teeth[::-1])), min(look.skin * 1.1 + 30, 235))
    _stroke(canvas, upper, look.skin * 0.4, 0.5)


def _draw_furrows(canvas: Canvas, points: Points, look: Look) -> None:
    up, right = points[27] - points[30], points[42] - points[39]
    up, right = up / np.linalg.norm(up), right / np.linalg.norm(right)
    brows, bridge = points[17:27], points[[27, 28]]
    forehead = [brows + 4 * up, brows + 6.5 * up]
    frown = [
        points[inner] + np.outer((-0.5, 3.5), up) + right * side
        for inner, side in ((21, 1), (22, -1))
    ]
    nose = [place + np.outer((-2, 0, 2), right) - np.outer((0.4, 0, 0.4), up) for place in bridge]
    cheeks = [
        np.stack((wing + up, (wing + corner) / 2 + side * right, corner + side * right - up))
        for wing, corner, side in (
            (points[31], points[48], -2.2),
            (points[35], points[54], 2.2),
        )
    ]
    chin = [points[[58, 57, 56]] - 2.4 * up]
    for strength, lines in (
        (look.forehead_furrow, forehead),
        (look.frown_furrow, frown),
        (look.nose_furrow, nose),
        (look.cheek_furrow, cheeks),
        (look.chin_furrow, chin),
    ):
        if strength > 0.1:
            for line in lines:
                _stroke(canvas, line, look.skin * (1 - 0.5 * min(strength, 1)), 0.5)


def _draw_glasses(canvas: Canvas, points: Points) -> None:
    pupils = points[list(PUPILS)]
    for pupil in pupils:
        _circle(canvas, pupil, 5, 30, width=0.75)
    _stroke(canvas, pupils + np.array([(5, 0), (-5, 0)]), 30, 0.6)


def _fill(canvas: Canvas, points: Points, brightness: float) -> None:
    cv2.fillPoly(canvas, [_fixed_point(points)], brightness, cv2.LINE_8, _FRACTION_BITS)


def _stroke(canvas: Canvas, points: Points, brightness: float, width: float) -> None:
    thickness = round(width * _ZOOM)
    cv2.polylines(
        canvas, [_fixed_point(points)], False, brightness, thickness, cv2.LINE_8, _FRACTION_BITS
    )


def _circle(
    canvas: Canvas, centre: Points, radius: float, brightness: float, width: float = 0
) -> None:
    """Draw a circle of a line's width in pixels, or a disc where that is 0."""
    thickness = round(width * _ZOOM) or cv2.FILLED
    large_radius = round(radius * _ZOOM * 2**_FRACTION_BITS)
    x, y = _fixed_point(centre).tolist()
    cv2.circle(canvas, (x, y), large_radius, brightness, thickness, cv2.LINE_8, _FRACTION_BITS)


def _fixed_point(points: Points) -> NDArray[np.int32]:
    """Return places on the large canvas, in the fractions of a pixel that OpenCV draws at."""
    # The centre of a pixel becomes the centre of the _ZOOM × _ZOOM pixels that shrink to it.
    large = points * _ZOOM + (_ZOOM - 1) / 2
    return np.rint(large * 2**_FRACTION_BITS).astype(np.int32)
