"""Boxes of faces: what finds them, and how faces are cut out along them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.decode import to_gray

#: Column and row in a picture, in pixels.
Point = tuple[float, float]

#: Boxes share so much of the smaller one if they are of one face: two faces, one before the other,
#: hide less of each other where both can be seen.
_DOUBLED = 0.55

#: A face is sampled at this many points a pixel of the crop and direction, at most: averages over
#: more change nothing that can be seen, and the box of a careless detector stays cheap.
_MOST_SAMPLES = 64


@dataclass(frozen=True, slots=True)
class FaceBox:
    """Where a face is: a rectangle in pixels of the picture, and how sure the detector is.

    Pixel (i, j) covers columns i to i + 1 and rows j to j + 1; the box of a detector may leave the
    picture, that of a found face does not.

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

    @property
    def size(self) -> float:
        """Root of the area, in pixels; 0 without an area."""
        return math.sqrt(max(self.width, 0) * max(self.height, 0))


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

    unit = box.size
    if not (unit > 0 and math.isfinite(unit)):
        raise ValueError(f"a face's box must have an area; got {box}")
    angle = tilt(box.eyes) if align and box.eyes else 0.0
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


def tilt(eyes: tuple[Point, Point]) -> float:
    """Return by how much a face is turned clockwise, in radians, from the centres of its eyes."""
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


def enlarge(box: FaceBox, factor: float, corner: Point = (0, 0)) -> FaceBox:
    """Bring a box from a tile of a scaled picture to the picture itself.

    Parameters
    ----------
    box : FaceBox
        In pixels of the tile.
    factor : float
        Pixels of the picture to one of the scaled one.
    corner : (float, float), default=(0, 0)
        Column and row of the tile's corner at the upper left, in pixels of the scaled picture.

    Returns
    -------
    FaceBox
        In pixels of the picture.
    """
    left, top = corner
    eyes = box.eyes
    if eyes is not None:
        first, second = (((x + left) * factor, (y + top) * factor) for x, y in eyes)
        eyes = (first, second)
    x, y, width, height = (v * factor for v in (box.x + left, box.y + top, box.width, box.height))
    return FaceBox(x, y, width, height, box.score, eyes)


def turn_back(box: FaceBox, quarters: int, height: int, width: int) -> FaceBox:
    """Bring a box from a picture that was turned to the picture itself.

    Parameters
    ----------
    box : FaceBox
        In the picture after ``numpy.rot90(picture, quarters)``.
    quarters : {0, 1, 2, 3}
        Quarter turns to the left.
    height, width : int
        Of the picture itself, in pixels.

    Returns
    -------
    FaceBox
        In pixels of the picture; the eyes stay in their order, from the face's left to its right
        as it would be seen upright.

    Examples
    --------
    >>> turn_back(FaceBox(0, 0, 30, 20, score=1.0), 1, height=100, width=50)
    FaceBox(x=30, y=0, width=20, height=30, score=1.0, eyes=None)
    """

    def back(x: float, y: float) -> Point:
        return ((x, y), (width - y, x), (width - x, height - y), (y, height - x))[quarters]

    if not quarters:
        return box
    (x1, y1), (x2, y2) = back(box.x, box.y), back(box.x + box.width, box.y + box.height)
    eyes = (back(*box.eyes[0]), back(*box.eyes[1])) if box.eyes else None
    left, top = min(x1, x2), min(y1, y2)
    return FaceBox(left, top, abs(x2 - x1), abs(y2 - y1), box.score, eyes)


def clip_box(box: FaceBox, height: int, width: int) -> FaceBox | None:
    """Cut off what of a box is outside the picture.

    Parameters
    ----------
    box : FaceBox
    height, width : int
        Of the picture, in pixels.

    Returns
    -------
    FaceBox or None
        The same where nothing is outside; None where nothing is inside.
    """
    left, top = max(box.x, 0), max(box.y, 0)
    right, bottom = min(box.x + box.width, width), min(box.y + box.height, height)
    if not (left < right and top < bottom):
        return None
    if box.x >= 0 and box.y >= 0 and box.x + box.width <= width and box.y + box.height <= height:
        return box
    return FaceBox(left, top, right - left, bottom - top, box.score, box.eyes)


def overlap(
    boxes: NDArray[np.float64], box: NDArray[np.float64], *, of_smaller: bool = False
) -> NDArray[np.float64]:
    """Measure how far boxes lie over one another.

    Parameters
    ----------
    boxes : ndarray of shape (n, 4)
        Column and row of the corner at the upper left, width and height of each.
    box : ndarray of shape (4,)
    of_smaller : bool, default=False
        Whether to divide the common area by that of the smaller box, not by that of both together.

    Returns
    -------
    ndarray of shape (n,)
        From 0 to 1.
    """
    ends, end = boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:]
    sides = np.minimum(ends, end) - np.maximum(boxes[:, :2], box[:2])
    common: NDArray[np.float64] = np.clip(sides, 0, None).prod(axis=1)
    areas, area = boxes[:, 2:].prod(axis=1), box[2:].prod()
    whole = np.minimum(areas, area) if of_smaller else areas + area - common
    return common / np.maximum(whole, 1e-9)


def merge_boxes(boxes: Iterable[FaceBox]) -> list[FaceBox]:
    """Leave out boxes that double surer ones.

    Parameters
    ----------
    boxes : iterable of FaceBox

    Returns
    -------
    list of FaceBox
        The surest first; equally sure ones from left to right, then from top to bottom.
    """
    ordered = sorted(boxes, key=lambda box: (-box.score, box.x, box.y))
    corners = np.array([(b.x, b.y, b.width, b.height) for b in ordered], float).reshape(-1, 4)
    kept: list[int] = []
    for i in range(len(ordered)):
        shares = overlap(corners[kept], corners[i], of_smaller=True)
        if not (shares > _DOUBLED).any():
            kept.append(i)
    return [ordered[i] for i in kept]
