"""Boxes of faces: what finds them, and how faces are cut out along them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.decode import to_gray

#: Column and row in a picture, in pixels.
Point = tuple[float, float]

#: Pictures are searched with a longer side of at most so many pixels: larger ones take longer, in
#: proportion to their area, and only show faces better that are large enough anyway.
LONGEST_SIDE = 1280

#: A face is sampled at this many points a pixel of the crop and direction, at most: averages over
#: more change nothing that can be seen, and the box of a careless detector stays cheap.
_MOST_SAMPLES = 64


@dataclass(frozen=True, slots=True)
class FaceBox:
    """Where a face is: a rectangle in pixels of the picture, and how sure the detector is.

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


_DIRECT = Framing()


def crop_face(
    image: NDArray[np.uint8],
    box: FaceBox,
    *,
    size: int = 48,
    align: bool = False,
    framing: Framing = _DIRECT,
) -> NDArray[np.uint8]:
    """Cut a face out of a picture, framed like the faces of FER2013.

    FER2013's faces are gray squares that the face fills from forehead to chin. Faces larger than
    `size` are averaged over areas, smaller ones interpolated with cubic polynomials; a square that
    leaves the picture is filled by repeating the picture's edge.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), uint8
        Gray, or colour in the order blue, green, red.
    box : FaceBox
    size : int, default=48
        Side of the crop, in pixels.
    align : bool, default=False
        Whether to turn the face so that its eyes are level, if `box` has eyes.
    framing : Framing, optional
        That of the detector that made the box. By default the box is FER2013's square itself.

    Returns
    -------
    ndarray of shape (size, size), uint8

    Raises
    ------
    ValueError
        If the box has no area, or lies outside the picture.

    Examples
    --------
    >>> import numpy as np
    >>> picture = np.zeros((100, 100), np.uint8)
    >>> picture[20:70, 30:80] = 200
    >>> crop = crop_face(picture, FaceBox(30, 20, 50, 50, score=1.0))
    >>> crop.shape, int(crop[24, 24])
    ((48, 48), 200)
    """
    import cv2

    unit = math.sqrt(max(box.width, 0) * max(box.height, 0))
    if not (unit > 0 and math.isfinite(unit)):
        raise ValueError(f"a face's box must have an area; got {box}")
    angle = _tilt(box.eyes) if align and box.eyes else 0.0
    middle, side = _square(box, framing, unit, angle)
    part, (left, top) = _surroundings(image, middle, side)
    samples = min(math.ceil(side / size), _MOST_SAMPLES)
    grid = size * samples
    step = side / grid
    across, down = step * math.cos(angle), step * math.sin(angle)
    # Pixels are numbered by their middles, half a pixel from where they begin.
    start_x = middle[0] - left - 0.5 + (across - down) * (1 - grid) / 2
    start_y = middle[1] - top - 0.5 + (across + down) * (1 - grid) / 2
    fine = cv2.warpAffine(
        to_gray(part),
        np.array([[across, -down, start_x], [down, across, start_y]]),
        (grid, grid),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if samples > 1:
        fine = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(fine, np.uint8)


def _tilt(eyes: tuple[Point, Point]) -> float:
    (left_x, left_y), (right_x, right_y) = eyes
    return math.atan2(right_y - left_y, right_x - left_x)


def _square(box: FaceBox, framing: Framing, unit: float, angle: float) -> tuple[Point, float]:
    """Middle and side of FER2013's square, which is turned by `angle`."""
    right, down = framing.right * unit, framing.down * unit
    x = box.x + box.width / 2 + right * math.cos(angle) - down * math.sin(angle)
    y = box.y + box.height / 2 + right * math.sin(angle) + down * math.cos(angle)
    return (x, y), framing.scale * unit


def _surroundings(
    image: NDArray[np.uint8], middle: Point, side: float
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Part of the picture that a square touches however it is turned, and the part's corner."""
    reach = side * math.sqrt(0.5) + 3  # cubic polynomials look two pixels beyond
    height, width = image.shape[:2]
    left, right = (min(max(int(middle[0] + r), 0), width) for r in (-reach, reach))
    top, bottom = (min(max(int(middle[1] + r), 0), height) for r in (-reach, reach))
    if left >= right or top >= bottom:
        raise ValueError(f"the face at {middle} lies outside the picture of {width}×{height}")
    return image[top:bottom, left:right], (left, top)


def shrink(
    image: NDArray[np.uint8], min_face: float, smallest: float
) -> tuple[NDArray[np.uint8], float]:
    """Shrink a picture as far as its faces can still be found.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), uint8
    min_face : float
        Smallest face to be found, in pixels of the picture.
    smallest : float
        Smallest face that the detector finds, in pixels of what it is given.

    Returns
    -------
    image : ndarray, uint8
        With a longer side of at most 1280 pixels; the same if it need not shrink.
    factor : float
        Pixels of the picture to one of the result.
    """
    import cv2

    height, width = image.shape[:2]
    factor = max(1.0, max(height, width) / LONGEST_SIDE, min_face / smallest)
    if factor == 1:
        return image, factor
    shape = (max(1, round(width / factor)), max(1, round(height / factor)))
    return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8), factor


def enlarge(box: FaceBox, factor: float) -> FaceBox:
    """Bring a box from a shrunken picture to the picture itself.

    Parameters
    ----------
    box : FaceBox
        In pixels of the shrunken picture.
    factor : float
        As :func:`shrink` returned it.

    Returns
    -------
    FaceBox
        In pixels of the picture.
    """
    eyes = box.eyes
    if eyes is not None:
        (left_x, left_y), (right_x, right_y) = eyes
        eyes = ((left_x * factor, left_y * factor), (right_x * factor, right_y * factor))
    x, y, width, height = (v * factor for v in (box.x, box.y, box.width, box.height))
    return FaceBox(x, y, width, height, box.score, eyes)
