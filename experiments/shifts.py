"""Changes by which data sets of faces differ, at three strengths.

After Hendrycks, D. and Dietterich, T. (2019), "Benchmarking neural network robustness to common
corruptions and perturbations", ICLR, with what sets collections of faces apart beside: how tightly
they are cut out, and how the pictures were developed before. Made for faces of 48 pixels: lengths
are in pixels of the face, or in parts of its side.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces import FaceBox, crop_face

Faces = NDArray[np.uint8]
# Of uint8, or of floats that are rounded and cut to 0..255 afterwards.
Changed = NDArray[np.uint8] | NDArray[np.float64]
Change = Callable[[Faces, float, np.random.Generator], Changed]

STRENGTHS = (1, 2, 3)
# How many times the side of a face the photograph has in which it is found again, and its quality.
_ENLARGED, _QUALITY = 3, 85


@dataclass(frozen=True)
class Shift:
    """One kind of change.

    Attributes
    ----------
    change : callable
        From faces, an amount and a generator to changed faces. Whatever it draws for a face hangs
        neither on the amount nor on the faces, so that strengths differ by strength alone.
    amounts : tuple of float
        That of each strength.
    """

    change: Change
    amounts: tuple[float, float, float]


def scale_contrast(faces: Faces, factor: float, rng: np.random.Generator) -> Changed:
    """Stretch or squeeze the grays of each face about their mean."""
    mean = faces.mean(axis=(1, 2), keepdims=True)
    return mean + (faces - mean) * factor


def apply_gamma(faces: Faces, exponent: float, rng: np.random.Generator) -> Changed:
    """Raise grays, from 0 to 1, to a power: above 1 darkens, below 1 brightens."""
    return 255 * (faces / 255) ** exponent


def blur(faces: Faces, sigma: float, rng: np.random.Generator) -> Changed:
    """Blur by a Gaussian of `sigma` pixels."""
    return _each(faces, lambda face: cv2.GaussianBlur(face, (0, 0), sigma))


def sharpen(faces: Faces, amount: float, rng: np.random.Generator) -> Changed:
    """Add `amount` times what a Gaussian of one pixel takes away: an unsharp mask."""
    return faces + amount * (faces - blur(faces, 1.0, rng).astype(float))


def smooth(faces: Faces, sigma: float, rng: np.random.Generator) -> Changed:
    """Smooth by a bilateral filter, as beautifying cameras do; `sigma` is in gray levels."""
    return _each(faces, lambda face: cv2.bilateralFilter(face, 7, sigma, 2.5))


def add_noise(faces: Faces, deviation: float, rng: np.random.Generator) -> Changed:
    """Add normal noise; the deviation is in gray levels."""
    return faces + deviation * rng.standard_normal(faces.shape)


def compress(faces: Faces, quality: float, rng: np.random.Generator) -> Changed:
    """Store as JPEG, at a quality from 100 down to 1, and read again."""
    return _each(faces, lambda face: _jpeg(face, quality))


def coarsen(faces: Faces, side: float, rng: np.random.Generator) -> Changed:
    """Scale down to so many pixels a side, and up again."""

    def scale(face: Faces) -> Faces:
        small = cv2.resize(face, (int(side), int(side)), interpolation=cv2.INTER_AREA)
        return _uint8(cv2.resize(small, face.shape[::-1], interpolation=cv2.INTER_CUBIC))

    return _each(faces, scale)


def reframe(faces: Faces, side: float, rng: np.random.Generator) -> Changed:
    """Cut out a square of `side` times the face's: below 1 tighter, above 1 looser."""
    return _warp(faces, np.zeros((len(faces), 2)), np.full(len(faces), side))


def move(faces: Faces, distance: float, rng: np.random.Generator) -> Changed:
    """Move each face by so many pixels, in a direction drawn for it."""
    angles = rng.uniform(0, 2 * np.pi, len(faces))
    return _warp(faces, distance * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def turn(faces: Faces, degrees: float, rng: np.random.Generator) -> Changed:
    """Turn each face by so many degrees, to the side drawn for it."""
    sides = rng.choice([-1.0, 1.0], len(faces))
    return _warp(faces, np.zeros((len(faces), 2)), degrees=degrees * sides)


def equalise(faces: Faces, share: float, rng: np.random.Generator) -> Changed:
    """Mix each face with itself after histogram equalisation, of which `share` is taken."""
    return (1 - share) * faces + share * _each(faces, cv2.equalizeHist)


def equalise_locally(faces: Faces, limit: float, rng: np.random.Generator) -> Changed:
    """Equalise histograms of sixteenths of a face, their slope held to `limit` (CLAHE)."""
    return _each(faces, cv2.createCLAHE(limit, (4, 4)).apply)


def cover(faces: Faces, share: float, rng: np.random.Generator) -> Changed:
    """Cover a square, `share` of the side of the face, with one gray; both are drawn."""
    changed, size = faces.copy(), faces.shape[1]
    side = round(share * size)
    places, grays = rng.random((len(faces), 2)), rng.integers(0, 256, len(faces))
    for face, place, gray in zip(changed, places, grays, strict=True):
        top, left = np.rint(place * (size - side)).astype(int)
        face[top : top + side, left : left + side] = gray
    return changed


def light_from_one_side(faces: Faces, slope: float, rng: np.random.Generator) -> Changed:
    """Light a face unevenly: by 1 - `slope` at one end and 1 + `slope` at the other."""
    angles = rng.uniform(0, 2 * np.pi, (len(faces), 1, 1))
    ramp = np.linspace(-1, 1, faces.shape[1])
    across = np.cos(angles) * ramp + np.sin(angles) * ramp[:, np.newaxis]
    across /= np.abs(across).max(axis=(1, 2), keepdims=True)
    return faces * (1 + slope * across)


def photograph(faces: Faces, spread: float, rng: np.random.Generator) -> Changed:
    """Enlarge each face to a photograph and cut it out again, as a detector would.

    The picture has three times the side, its grays are developed otherwise (a gamma, e to a normal
    deviate of three times `spread`), and it is stored as JPEG. The square that is cut out of it is
    moved, scaled and stretched by normal deviates of `spread`, in sides of the face, and goes
    through :func:`fer_ensemble.faces.crop_face`, as in `predict`.
    """
    draws = rng.standard_normal((len(faces), 5))
    return np.stack(
        [_photograph(face, spread, draw) for face, draw in zip(faces, draws, strict=True)]
    )


SHIFTS: dict[str, Shift] = {
    "less contrast": Shift(scale_contrast, (0.6, 0.35, 0.2)),
    "more contrast": Shift(scale_contrast, (1.5, 2.2, 3.2)),
    "darker": Shift(apply_gamma, (1.5, 2.2, 3.2)),
    "brighter": Shift(apply_gamma, (0.67, 0.45, 0.31)),
    "blurred": Shift(blur, (0.6, 1.0, 1.5)),
    "sharpened": Shift(sharpen, (1.0, 2.0, 4.0)),
    "smoothed": Shift(smooth, (15.0, 30.0, 60.0)),
    "noise": Shift(add_noise, (6.0, 12.0, 24.0)),
    "JPEG": Shift(compress, (50.0, 25.0, 12.0)),
    "coarser": Shift(coarsen, (32.0, 24.0, 16.0)),
    "framed tighter": Shift(reframe, (0.9, 0.8, 0.7)),
    "framed looser": Shift(reframe, (1.1, 1.25, 1.45)),
    "moved": Shift(move, (2.0, 4.0, 7.0)),
    "turned": Shift(turn, (8.0, 16.0, 26.0)),
    "equalised": Shift(equalise, (0.33, 0.67, 1.0)),
    "equalised locally": Shift(equalise_locally, (2.0, 4.0, 8.0)),
    "covered": Shift(cover, (0.2, 0.33, 0.45)),
    "lit from one side": Shift(light_from_one_side, (0.35, 0.6, 0.9)),
    "photographed": Shift(photograph, (0.04, 0.08, 0.13)),
}
"""What is changed, by name."""


def shift_faces(faces: Faces, name: str, strength: int, seed: int = 0) -> Faces:
    """Change faces in one way.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, size, size)
    name : str
        A key of `SHIFTS`.
    strength : {0, 1, 2, 3}
        0 leaves them as they are.
    seed : int, default=0
        Of what is drawn for each face, such as the direction in which it moves.

    Returns
    -------
    ndarray of uint8 of shape (n_samples, size, size)
        A new array.

    Raises
    ------
    ValueError
        If there is no such change or strength.
    """
    if name not in SHIFTS:
        raise ValueError(f"There is no shift {name!r}: choose among {', '.join(SHIFTS)}.")
    if strength not in (0, *STRENGTHS):
        raise ValueError(f"A shift has the strengths 0 to 3, not {strength!r}.")
    if not strength or not len(faces):
        return faces.copy()
    shift = SHIFTS[name]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return _uint8(shift.change(faces, shift.amounts[strength - 1], rng))


def shift_at_random(faces: Faces, seed: int = 0) -> Faces:
    """Change each face in a way and at a strength drawn for it.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, size, size)
    seed : int, default=0

    Returns
    -------
    ndarray of uint8 of shape (n_samples, size, size)
        A new array.
    """
    changed, ways = faces.copy(), list(product(SHIFTS, STRENGTHS))
    drawn = np.random.default_rng(seed).integers(0, len(ways), len(faces))
    for i, (name, strength) in enumerate(ways):
        changed[drawn == i] = shift_faces(faces[drawn == i], name, strength, seed)
    return changed


def _uint8(changed: Changed) -> Faces:
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def _each(faces: Faces, change: Callable[[Faces], Faces]) -> Faces:
    return np.stack([change(face) for face in faces])


def _jpeg(face: Faces, quality: float) -> Faces:
    _, stored = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE)


def _warp(
    faces: Faces,
    offsets: NDArray[np.float64],
    sides: NDArray[np.float64] | None = None,
    degrees: NDArray[np.float64] | None = None,
) -> Faces:
    """Cut a moved, scaled, turned square out of each face, whose edge is repeated beyond it."""
    size = faces.shape[1]
    middle = (size - 1) / 2
    sides = np.ones(len(faces)) if sides is None else sides
    degrees = np.zeros(len(faces)) if degrees is None else degrees
    changed = np.empty_like(faces)
    for i, face in enumerate(faces):
        matrix = cv2.getRotationMatrix2D((middle, middle), degrees[i], 1 / sides[i])
        matrix[:, 2] += offsets[i]
        changed[i] = cv2.warpAffine(
            face, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    return changed


def _photograph(face: Faces, spread: float, draw: NDArray[np.float64]) -> Faces:
    size = len(face)
    picture = cv2.copyMakeBorder(face, *[size // 2] * 4, borderType=cv2.BORDER_REFLECT_101)
    picture = cv2.resize(picture, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
    picture = _jpeg(_uint8(255 * (picture / 255) ** np.exp(3 * spread * draw[0])), _QUALITY)
    side = size * _ENLARGED
    across, down, scale, stretch = spread * draw[1:]
    width, height = side * np.exp(scale + stretch / 2), side * np.exp(scale - stretch / 2)
    middle_x, middle_y = side * (1 + across), side * (1 + down)
    box = FaceBox(middle_x - width / 2, middle_y - height / 2, width, height, score=1.0)
    return crop_face(picture, box, size=size)
