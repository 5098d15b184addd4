"""Where a face is in a picture, and what finds it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

#: Column and row in a picture, in pixels.
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FaceBox:
    """The place of a face: a rectangle in pixels of the picture, and how sure the detector is.

    Pixel (i, j) covers columns i to i + 1 and rows j to j + 1; a box may leave the picture.

    Parameters
    ----------
    x, y : float
        Column and row of the corner at the upper left.
    width, height : float
    score : float
        Higher is surer. Scores of different detectors cannot be compared.
    eyes : pair of (float, float) or None, default=None
        Centres of the eye on the picture's left and of the one on its right, if they are known.
    """

    x: float
    y: float
    width: float
    height: float
    score: float
    eyes: tuple[Point, Point] | None = None


@dataclass(frozen=True, slots=True)
class Framing:
    """How to get from a detector's box to the square that FER2013 would have cut out.

    Lengths are in units of the box's size, which is the root of its area. The default takes the
    square of that size about the middle of the box.

    Parameters
    ----------
    right, down : float, default=0
        From the middle of the box to the middle of the square.
    scale : float, default=1
        Side of the square.
    """

    right: float = 0.0
    down: float = 0.0
    scale: float = 1.0


class Detector(Protocol):
    """Finds faces in pictures.

    A detector may have an attribute `framing`, a :class:`Framing` that fits its boxes; without
    one its boxes are taken for FER2013's. `detect` may be called from several threads at once.
    """

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Find the faces in a picture.

        Parameters
        ----------
        image : ndarray of shape (height, width) or (height, width, 3), uint8
            Gray, or colour in the order blue, green, red.

        Returns
        -------
        list of FaceBox
            In any order; empty if there is no face.
        """
        ...
