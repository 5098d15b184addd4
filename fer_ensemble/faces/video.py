"""Frames of video files, one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.containers import Container, inspect_container
from fer_ensemble.faces.decode import MAX_PIXELS, TooManyPixels, UnreadableImage

# A video counts as damaged when a larger share of its frames, or of its duration, is missing.
_TOLERATED_LOSS = 0.05
# Where neither the frames nor the end of a file are known, its last frame may be shown for as many
# times as long as any other.
_LONGEST_LAST = 1.5


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a video.

    Parameters
    ----------
    number : int
        From 0; frames that were left out are counted.
    time : float or None
        Seconds since the video's beginning; None if it is the page of a document.
    image : ndarray of shape (height, width) or (height, width, 3), uint8
        Gray, or in the order blue, green, red.
    rate : float or None
        How many of these frames a second has, by what the video states; None where it states none.
    """

    number: int
    time: float | None
    image: NDArray[np.uint8]
    rate: float | None = None


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
        yield from read_opened(video, path, every=every)
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
    return video


def check_frame_size(video: Any) -> None:
    """Refuse a video whose frames are larger than is read.

    Parameters
    ----------
    video : cv2.VideoCapture

    Raises
    ------
    TooManyPixels
    """
    import cv2

    width, height = video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if width * height > MAX_PIXELS:
        raise TooManyPixels(
            f"too many pixels a frame: {width:.0f}×{height:.0f}, at most "
            f"{MAX_PIXELS // 1_000_000} million"
        )


def read_opened(
    video: Any, path: str | os.PathLike[str] | None = None, *, every: int = 1
) -> Iterator[Frame]:
    """Read the frames of a video that was opened, as `read_frames` does.

    Parameters
    ----------
    video : cv2.VideoCapture
    path : path-like, optional
        Its file, to see whether it is whole; without it, the duration that is stated tells.
    every : int, default=1
        As of `read_frames`.

    Yields
    ------
    Frame

    Raises
    ------
    UnreadableImage
        As `read_frames`.
    """
    import cv2

    check_frame_size(video)

    rate = video.get(cv2.CAP_PROP_FPS)
    number, last, longest = 0, 0.0, 0.0
    while video.grab():
        # The time is that of the frame which was grabbed; some containers state none.
        time = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if number and not time and rate > 0:
            time = number / rate
        longest, last = max(longest, time - last), time
        if number % every == 0:
            done, image = video.retrieve()
            if not done:
                break
            yield Frame(number, time, image, rate / every if rate > 0 else None)
        number += 1
    if not number:
        raise UnreadableImage("the video has no frame that can be read")
    problem = _find_loss(path, number, video.get(cv2.CAP_PROP_FRAME_COUNT), rate, last, longest)
    if problem:
        raise UnreadableImage(f"the video is damaged or cut short: {problem} can be read")


def _find_loss(
    path: str | os.PathLike[str] | None,
    number: int,
    stated: float,
    rate: float,
    last: float,
    longest: float,
) -> str:
    """Say how much of a video could be read; empty if that is all.

    FFmpeg states a number of frames that it reckons from the duration and the rate where the
    container has none, which is far too high where frames are shown for unlike times.
    """
    container = Container() if path is None else inspect_container(path)
    duration = stated / rate if rate > 0 else 0.0
    n_frames = container.n_frames if container.n_frames is not None else round(stated)
    if container.is_whole is False:
        known = container.states_frames and number < n_frames
        return f"{number} of {n_frames} frames" if known else f"the end is missing, {number} frames"
    if container.n_frames is not None or container.states_frames:
        is_lost = number < n_frames * (1 - _TOLERATED_LOSS)
        return f"{number} of {n_frames} frames" if is_lost else ""
    missing = duration - last
    if missing > max(_TOLERATED_LOSS * duration, _LONGEST_LAST * longest):
        return f"{last:.1f} of {duration:.1f} seconds"
    return ""
