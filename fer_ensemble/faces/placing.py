"""Where labels go in a picture, so that no face is covered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Left, upper, right and lower side of a rectangle, in pixels.
Corners: TypeAlias = tuple[float, float, float, float]

#: At most so much of a face's box is covered by labels, its own included.
MOST_COVERED = 0.15


class Places:
    """Free places of a picture with faces in it.

    Parameters
    ----------
    faces : list of Corners
        Boxes of the faces.
    limits : (float, float)
        Width and height of the picture, in pixels.

    Examples
    --------
    >>> places = Places([(40, 0, 80, 50)], (200, 100))
    >>> places.take((40, 0, 80, 50), (30, 10))  # there is no room above
    [(40, 50, 70, 60)]
    >>> places.take((40, 0, 80, 50), (30, 10))
    [(80, 0, 110, 10)]
    """

    def __init__(self, faces: list[Corners], limits: tuple[float, float]) -> None:
        self._faces = np.array(faces, float).reshape(-1, 4)
        self._limits = limits
        # Share of each face that labels cover so far.
        self._covered = np.zeros(len(self._faces))
        self._taken: list[Corners] = []

    def take(self, box: Corners, *sizes: tuple[float, float]) -> list[Corners] | None:
        """Find places next to a face, and keep them from others.

        Parameters
        ----------
        box : Corners
            The face.
        *sizes : (float, float)
            Width and height of each thing that is to be placed, in pixels.

        Returns
        -------
        list of Corners, or None
            For each the place that covers the least of the faces, the first of those above, below
            and beside the box; None where one of them would have to cover too much of a face, or
            another label.
        """
        before = self._taken[:], self._covered
        places = []
        for size in sizes:
            place = self._find(box, *size)
            if place is None:
                self._taken, self._covered = before
                return None
            self._taken.append(place)
            self._covered = self._covered_with(place)
            places.append(place)
        return places

    def _find(self, box: Corners, width: float, height: float) -> Corners | None:
        best, least = None, float("inf")
        for place in _around(box, width, height, self._limits):
            if _common(place, np.array(self._taken, float).reshape(-1, 4)).any():
                continue
            covered = self._covered_with(place)
            if covered.max(initial=0) <= MOST_COVERED and covered.sum() < least - 1e-9:
                best, least = place, covered.sum()
            if least <= self._covered.sum() + 1e-9:  # no other can cover less
                break
        return best

    def _covered_with(self, place: Corners) -> NDArray[np.float64]:
        """Share of each face that is covered once something is put there."""
        areas = (self._faces[:, 2:] - self._faces[:, :2]).prod(axis=1)
        return self._covered + _common(place, self._faces) / np.maximum(areas, 1e-9)


def _around(
    box: Corners, width: float, height: float, limits: tuple[float, float]
) -> Iterator[Corners]:
    """Places that touch a box, and then some further away, all of them in the picture."""
    left, top, right, bottom = box
    if width > limits[0] or height > limits[1]:
        return
    # Further away than the face is large, nobody would know whose it is.
    side = max(right - left, bottom - top)
    for away in (0, *(far * height for far in (1.2, 2.4) if far * height <= side)):
        above_and_below = (
            (left, top - height - away),
            (left, bottom + away),
            (right - width, top - height - away),
            (right - width, bottom + away),
        )
        beside = (
            (right + away, top),
            (left - width - away, top),
            (right + away, bottom - height),
            (left - width - away, bottom - height),
        )
        # What is tall looks better beside a face, what is wide above it.
        first = (beside, above_and_below) if 2 * height > width else (above_and_below, beside)
        for x, y in (*first[0], *first[1]):
            x, y = max(0, min(x, limits[0] - width)), max(0, min(y, limits[1] - height))
            yield x, y, x + width, y + height


def _common(one: Corners, others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area that a rectangle shares with each of others."""
    start, end = np.array(one[:2]), np.array(one[2:])
    sides = np.minimum(others[:, 2:], end) - np.maximum(others[:, :2], start)
    common: NDArray[np.float64] = np.clip(sides, 0, None).prod(axis=1)
    return common
