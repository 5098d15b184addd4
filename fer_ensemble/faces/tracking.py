"""Following the faces of a video from frame to frame, and smoothing what is said of them over time.

A face is followed by its box alone: greedily by intersection over union, as the IoU tracker of
Bochinski et al. [1]_ does. Probabilities are smoothed by an exponential average whose weight
depends on the time between two frames, so that it means the same for every rate and with frames
left out.

References
----------
.. [1] E. Bochinski, V. Eiselein and T. Sikora. High-speed tracking-by-detection without using image
   information. AVSS 2017.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Seconds within which older answers lose all but 1/e (37 %) of their weight.
WINDOW = 0.5

#: Boxes of one face in two frames share at least so much of what they cover together.
LEAST_OVERLAP = 0.3

#: A face that was not seen for so many seconds is a new one when it comes back.
LOST_AFTER = 1.0

#: Left side, upper side, width and height; None if the whole frame was taken for the face.
Box: TypeAlias = "tuple[float, ...] | None"


@dataclass(slots=True)
class _Track:
    """Where a face was seen last, when, and what was said of it then."""

    number: int
    box: Box
    time: float
    probabilities: NDArray[np.float64]


class Tracker:
    """Follows the faces of one video after the other.

    All that it knows of a face stands in the last row that was written of it, so that `remember`
    brings it back from a table.

    Parameters
    ----------
    window : float, default=0.5
        Seconds in which older answers lose all but 1/e of their weight: the probabilities of a face
        are ``a * before + (1 - a) * now`` with ``a = exp(-seconds between / window)``. With 0,
        faces are followed, but nothing is smoothed.

    Raises
    ------
    ValueError
        If `window` is negative or no number.

    Examples
    --------
    >>> import numpy as np
    >>> tracker = Tracker(window=0.5)
    >>> tracker.follow(0, 0.0, [(10, 10, 40, 40)], np.array([[1.0, 0.0]]))
    ([0], array([[1., 0.]]))
    >>> numbers, smoothed = tracker.follow(1, 0.1, [(12, 10, 40, 40)], np.array([[0.0, 1.0]]))
    >>> numbers, smoothed.round(2)
    ([0], array([[0.82, 0.18]]))
    """

    def __init__(self, window: float = WINDOW) -> None:
        if not (math.isfinite(window) and window >= 0):
            raise ValueError(f"window must be a number of seconds from 0 up; got {window}")
        self.window = window
        self._frame = -1
        self._n_tracks = 0
        self._tracks: dict[int, _Track] = {}

    def follow(
        self,
        frame: int | None,
        time: float | None,
        boxes: Sequence[Box],
        probabilities: NDArray[np.float64],
    ) -> tuple[list[int | None], NDArray[np.float64]]:
        """Say which faces of a frame were in those before, and smooth their probabilities.

        Parameters
        ----------
        frame : int or None
            Number of the frame; None for a picture.
        time : float or None
            Its seconds, as they are written; None for a picture or the page of a document.
        boxes : sequence of Box
            As they are written.
        probabilities : ndarray of shape (n_faces, n_classes)

        Returns
        -------
        numbers : list of int or None
            Of each face its track, from 0 in each video; None in a picture or page, which stand
            alone.
        smoothed : ndarray of shape (n_faces, n_classes)
        """
        self._begin_frame(frame, time)
        if frame is None or time is None:
            return [None] * len(boxes), probabilities
        numbers: list[int | None] = []
        smoothed = probabilities.copy()
        for place, track in enumerate(self._find(boxes)):
            number = self._n_tracks
            if track is not None:
                number = track.number
                weight = self._weight(time - track.time)
                smoothed[place] = weight * track.probabilities + (1 - weight) * smoothed[place]
            self._keep(_Track(number, boxes[place], time, smoothed[place]))
            numbers.append(number)
        return numbers, smoothed

    def remember(
        self,
        frame: int | None,
        time: float | None,
        face: int | None,
        number: int | None,
        box: Box,
        probabilities: Sequence[float],
    ) -> None:
        """Take over what the next row of a table says, in the order of the rows.

        Parameters
        ----------
        frame, time, box
            As of `follow`.
        face : int or None
            Number of the face in its frame.
        number : int or None
            Its track.
        probabilities : sequence of float
        """
        if not face:
            self._begin_frame(frame, time)
        if time is not None and number is not None:
            self._keep(_Track(number, box, time, np.array(probabilities, np.float64)))

    def _begin_frame(self, frame: int | None, time: float | None) -> None:
        """Forget the faces that are lost by then."""
        # Every video begins with its frame 0, so that another has begun where numbers do not rise.
        if frame is None or frame <= self._frame:
            self._tracks, self._n_tracks = {}, 0
        self._frame = -1 if frame is None else frame
        if time is not None:
            self._tracks = {
                number: track
                for number, track in self._tracks.items()
                if time - track.time <= LOST_AFTER
            }

    def _find(self, boxes: Sequence[Box]) -> list[_Track | None]:
        """Find the track of each box: those that overlap most are taken first."""
        pairs = [
            (-_overlap(track.box, box), track.number, place)
            for track in self._tracks.values()
            for place, box in enumerate(boxes)
        ]
        found: list[_Track | None] = [None] * len(boxes)
        taken: set[int] = set()
        for overlap, number, place in sorted(pairs):
            if -overlap < LEAST_OVERLAP:
                break
            if found[place] is None and number not in taken:
                found[place] = self._tracks[number]
                taken.add(number)
        return found

    def _weight(self, seconds: float) -> float:
        """Weight of the answer before; none where time stands still, or answers would, too."""
        if self.window == 0 or seconds <= 0:
            return 0.0
        return math.exp(-seconds / self.window)

    def _keep(self, track: _Track) -> None:
        self._tracks[track.number] = track
        self._n_tracks = max(self._n_tracks, track.number + 1)


def _overlap(one: Box, other: Box) -> float:
    """Share of what two boxes cover together that they share."""
    if one is None or other is None:
        return float(one is other)
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    together = one[2] * one[3] + other[2] * other[3] - common
    return common / together if together > 0 else 0.0
