"""Frames of video files, one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.decode import MAX_PIXELS, TooManyPixels, UnreadableImage

# Some containers state a number of frames that is only reckoned from the duration: a video counts
# as cut short when a larger share of them is missing.
_TOLERATED_LOSS = 0.05


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a video.

    Parameters
    ----------
    number : int
        From 0; frames that were left out are counted.
    time : float
        Seconds since the video's beginning.
    image : ndarray of shape (height, width, 3), uint8
        In the order blue, green, red.
    """

    number: int
    time: float
    image: NDArray[np.uint8]


def read_frames(path: str | os.PathLike[str], *, every: int = 1) -> Iterator[Frame]:
    """Read the frames of a video, in constant memory.

    Parameters
    ----------
    path : path-like
        A file in a format that OpenCV's FFmpeg reads. A rotation stated in it is obeyed.
    every : int, default=1
        Of so many frames the first is given and the others are left out.

    Yields
    ------
    Frame

    Raises
    ------
    UnreadableImage
        If the file cannot be opened as a video; or, after the frames that could be read, if the
        video ends long before the end that it states.
    ValueError
        If `every` is below 1.
    """
    if every < 1:
        raise ValueError(f"every must be at least 1; got {every}")
    # By an absolute path, because FFmpeg takes "http:" and the like at the beginning for protocols.
    video = _open(os.path.abspath(path))
    try:
        yield from _frames(video, every)
    finally:
        video.release()


def _open(path: str) -> Any:
    import cv2

    if not os.path.isfile(path):
        raise UnreadableImage("no such file")
    video = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
    if not video.isOpened():
        video.release()
        raise UnreadableImage("not a video, or its beginning is damaged")
    width, height = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if width * height > MAX_PIXELS:
        video.release()
        raise TooManyPixels(
            f"too many pixels a frame: {width:.0f}×{height:.0f}, at most "
            f"{MAX_PIXELS // 1_000_000} million"
        )
    return video


def _frames(video: Any, every: int) -> Iterator[Frame]:
    import cv2

    stated, rate = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
    number = 0
    while video.grab():
        if number % every == 0:
            done, image = video.retrieve()
            if not done:
                break
            # The time is that of the frame which was grabbed; some containers state none.
            time = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if number and not time and rate > 0:
                time = number / rate
            yield Frame(number, time, image)
        number += 1
    if not number:
        raise UnreadableImage("the video has no frame that can be read")
    if number < stated * (1 - _TOLERATED_LOSS):
        raise UnreadableImage(
            f"the video is damaged or cut short: {number} of {stated:.0f} frames can be read"
        )
