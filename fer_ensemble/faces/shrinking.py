"""Large pictures made smaller before faces are looked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import FaceBox

#: Pictures are searched with a longer side of at most so many pixels: larger ones take longer, in
#: proportion to their area, and only show faces better that are large enough anyway.
LONGEST_SIDE = 1280


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
