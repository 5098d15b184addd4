"""From a face in a picture to a crop as FER2013 would have cut it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import FaceBox, Framing, Point
from fer_ensemble.faces.decode import to_gray

#: A face is sampled at this many points a pixel of the crop and direction, at most: averages over
#: more change nothing that can be seen, and the box of a careless detector stays cheap.
_MOST_SAMPLES = 64

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
