"""Searching pictures of any size for faces of any size: scales, and tiles of each."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.boxes import FaceBox, enlarge, merge_boxes

#: Side of the smallest face that is looked for where nobody says another, in pixels.
SMALLEST_FACE = 20

#: At most so many pixels of a scale are searched, about three times the most of a camera: beyond
#: it smaller faces are given up, and the row says so.
MOST_PIXELS = 80_000_000

#: Longer side of what is searched at once, in pixels: a bound on memory, whatever the picture.
_TILE = 1024

# A picture whose brightest parts are darker than this is brightened before it is searched: they
# leave detectors, which learned from well lit photographs, too few gray levels.
_DARK = 128


class ScalingDetector(ABC):
    """Searches a picture at scales and in tiles, so that its faces have sizes that can be found.

    Each scale finds faces from `smallest` pixels of its own on. The finest scale is the one in
    which the smallest face that is asked for has that size; coarser ones follow until one shows all
    of the picture at once. Tiles overlap by more than the largest face that no coarser scale finds.

    Parameters
    ----------
    min_face : int, optional
        Side of the smallest face to look for, in pixels. Larger is faster. By default 20, and more
        in large pictures, which are searched with a longer side of at most `longest_side` pixels.
    """

    #: From this score on a box is hardly ever anything but a face.
    sure_score: ClassVar[float]
    #: Side of the smallest face that is well found in what is searched, in pixels.
    smallest: ClassVar[int]
    #: Longer side to which pictures are shrunk by default, in pixels.
    longest_side: ClassVar[int] = 1280
    #: Up to this longer side, the largest faces of a scale are found.
    whole_side: ClassVar[int] = _TILE
    #: How much coarser each scale is than the one before.
    ratio: ClassVar[float] = 4
    #: By how much pictures may be enlarged for their small faces.
    most_enlarged: ClassVar[float] = 1

    def __init__(self, *, min_face: int | None = None) -> None:
        self.min_face = min_face

    def smallest_face(self, height: int, width: int) -> float:
        """Say which faces a search of a picture can miss for their size alone.

        Parameters
        ----------
        height, width : int
            Of the picture, in pixels.

        Returns
        -------
        float
            Side of the smallest face that is looked for, in pixels: `min_face`, or what stands for
            it, unless a picture's size forbids it.
        """
        wanted = float(self.min_face or SMALLEST_FACE)
        if self.min_face is None:
            wanted = max(wanted, max(height, width) * self.smallest / self.longest_side)
        affordable = math.sqrt(height * width / MOST_PIXELS) * self.smallest
        return max(wanted, affordable)

    def detect(self, image: NDArray[np.uint8]) -> list[FaceBox]:
        """Find the faces in a picture.

        Parameters
        ----------
        image : ndarray of shape (height, width) or (height, width, 3), uint8
            Gray, or colour in the order blue, green, red.

        Returns
        -------
        list of FaceBox
            The surest first; empty if there is no face.
        """
        finest = self.smallest_face(*image.shape[:2]) / self.smallest
        factor = max(finest, 1 / self.most_enlarged)
        boxes, scaled, scale = [], image, 1.0
        while True:
            scaled = _rescale(scaled, factor / scale)
            scale = factor
            least = self.smallest * max(finest / factor, 1.0)
            for left, top, tile in _tiles(scaled, round(self.smallest * self.ratio * 1.3)):
                found = self._search(brighten(tile), least)
                kept = (box for box in found if not _is_cut(box, left, top, tile, scaled))
                boxes += [enlarge(box, factor, (left, top)) for box in kept]
            if max(scaled.shape[:2]) <= self.whole_side:
                return merge_boxes(boxes)
            factor *= self.ratio

    @abstractmethod
    def _search(self, image: NDArray[np.uint8], min_face: float) -> list[FaceBox]:
        """Find the faces in a tile of a scale; both are in its pixels."""


def shrink(image: NDArray[np.uint8], longest_side: int) -> NDArray[np.uint8]:
    """Shrink a picture to a longer side, unless that is no longer already.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), uint8
    longest_side : int
        In pixels.

    Returns
    -------
    ndarray, uint8
    """
    return _rescale(image, max(1.0, max(image.shape[:2]) / longest_side))


def _rescale(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    import cv2

    height, width = image.shape[:2]
    shape = (max(1, round(width / factor)), max(1, round(height / factor)))
    if shape == (width, height):
        return image
    kind = cv2.INTER_AREA if factor > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, shape, interpolation=kind), np.uint8)


def _tiles(image: NDArray[np.uint8], overlap: int) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Cut a picture into tiles of one size: left side, upper side, pixels."""
    rows, columns = (_parts(length, overlap) for length in image.shape[:2])
    for top, bottom in rows:
        for left, right in columns:
            yield left, top, image[top:bottom, left:right]


def _parts(length: int, overlap: int) -> list[tuple[int, int]]:
    """Cut a length into equal parts of at most `_TILE`, which overlap."""
    n = max(1, math.ceil((length - overlap) / (_TILE - overlap)))
    part = math.ceil((length + (n - 1) * overlap) / n)
    starts = (round(i * (length - part) / max(1, n - 1)) for i in range(n))
    return [(start, start + part) for start in starts]


def _is_cut(
    box: FaceBox, left: int, top: int, tile: NDArray[np.uint8], whole: NDArray[np.uint8]
) -> bool:
    """Whether a box leaves a tile where the picture goes on: another tile has all of that face."""
    height, width = tile.shape[:2]
    return (
        (left > 0 and box.x < 0)
        or (top > 0 and box.y < 0)
        or (left + width < whole.shape[1] and box.x + box.width > width)
        or (top + height < whole.shape[0] and box.y + box.height > height)
    )


def brighten(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretch the gray levels of a dark picture, up to sixteen times.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), uint8

    Returns
    -------
    ndarray of the same shape, uint8
        `image` itself if it is bright enough.
    """
    sample = image[:: 1 + image.shape[0] // 128, :: 1 + image.shape[1] // 128]
    # By sorting, because numpy.percentile imports numpy.ma on first use, in one of the threads.
    bright = float(np.sort(sample, axis=None)[round(0.99 * (sample.size - 1))])
    if bright >= _DARK:
        return image
    gain = min(200 / max(bright, 1.0), 16.0)
    levels = np.minimum(np.arange(256) * gain, 255).astype(np.uint8)
    return np.asarray(levels[image], np.uint8)
