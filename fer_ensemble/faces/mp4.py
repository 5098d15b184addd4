"""An MP4 that is written picture by picture, at the times at which they are shown."""

from __future__ import annotations

import os
from errno import EIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: MPEG-4 Part 2, which OpenCV's wheels write quickly and most players show. They can write no H.264
#: at all, and VP9 takes ten times as long.
CODEC = "mp4v"

# Frames a second. What containers state beyond it is no rate, but their unit of time.
_SLOWEST, _FASTEST = 0.1, 120.0

#: No picture is shown for longer, in seconds, whatever its file says.
LONGEST_SHOWN = 10.0

# The codec takes no longer side.
_LONGEST_SIDE = 8190


class Mp4Writer:
    """Writes pictures to an MP4 that takes its name when it is complete.

    The file has one rate and one size. A picture that is shown for longer than one frame fills
    several, so that all are shown at their times, to half a frame. None is left out: pictures that
    come faster than the rate delay the later ones.

    Parameters
    ----------
    folder : Path
        Where the file is written; made if need be.
    size : (int, int)
        Width and height of the pictures, in pixels. Others are scaled to fit, with black beside
        them. Odd sides get a row or column of black.
    rate : float or None
        Frames a second; where none is known, by the time between the first two pictures.

    Raises
    ------
    OSError
        If it cannot be written.
    """

    def __init__(self, folder: Path, size: tuple[int, int], rate: float | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # FFmpeg knows the form by the ending. Nobody can put a link where a name is random.
        self._partial = folder / f"{os.urandom(8).hex()}.partial.mp4"
        self._size = _allowed(size)
        self._rate = rate if rate is not None and 0 < rate <= _FASTEST else None
        self._writer: Any = None
        self._waiting: NDArray[np.uint8] | None = None
        self._time = self._start = 0.0
        self._n_written = 0
        os.close(os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))

    def write(self, picture: NDArray[np.uint8], time: float) -> None:
        """Show a picture from some time on.

        Parameters
        ----------
        picture : ndarray of shape (height, width, 3), uint8
            In the order blue, green, red.
        time : float
            In seconds, from any beginning.
        """
        if self._waiting is None:
            self._start = time
        else:
            self._write_waiting(time)
        self._waiting, self._time = fit(picture, self._size), time

    def finish(self, target: Path) -> None:
        """Complete the file.

        Parameters
        ----------
        target : Path
            What it is called then, in the same folder; an existing file is replaced.

        Raises
        ------
        OSError
            If it could not be written whole.
        """
        try:
            self._write_waiting(None)
            self._writer.release()
            if not self._is_whole():  # the library keeps to itself what went wrong
                raise OSError(EIO, "the video could not be written; is the disk full?", str(target))
            self._partial.replace(target)
        except BaseException:
            self._partial.unlink(missing_ok=True)
            raise

    def _write_waiting(self, until: float | None) -> None:
        """Write the picture that waits as often as it is shown until then, but once at least."""
        import cv2

        if self._writer is None:
            step = 0.0 if until is None else until - self._time
            rate = self._rate or (1 / step if step > 0 else 1.0)
            self._rate = min(max(rate, _SLOWEST), _FASTEST)
            codec = cv2.VideoWriter.fourcc(*CODEC)
            self._writer = cv2.VideoWriter(str(self._partial), codec, self._rate, self._size)
        assert self._rate is not None
        wanted = 1
        if until is not None:
            wanted = round((until - self._start) * self._rate) - self._n_written
            longest = round(LONGEST_SHOWN * self._rate)
            self._start += max(0, wanted - longest) / self._rate
            wanted = min(wanted, longest)
        for _ in range(max(1, wanted)):
            self._writer.write(self._waiting)
            self._n_written += 1

    def _is_whole(self) -> bool:
        import cv2

        written = cv2.VideoCapture(str(self._partial), cv2.CAP_FFMPEG)
        try:
            return round(written.get(cv2.CAP_PROP_FRAME_COUNT)) == self._n_written
        finally:
            written.release()


def fit(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring a picture to a size, with black beside it where its shape is another.

    Parameters
    ----------
    picture : ndarray of shape (height, width, 3), uint8
    size : (int, int)
        Width and height, in pixels.

    Returns
    -------
    ndarray of shape (size[1], size[0], 3), uint8
        `picture` itself if it has that size; one pixel is made up for without scaling.
    """
    import cv2

    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    scale = min(size[0] / width, size[1] / height)
    if not (0 <= size[0] - width <= 1 and 0 <= size[1] - height <= 1):
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=kind), np.uint8)
    whole = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    whole[top : top + height, left : left + width] = picture
    return whole


def _allowed(size: tuple[int, int]) -> tuple[int, int]:
    """Sides that the codec takes: even ones, and none too long."""
    scale = min(1.0, _LONGEST_SIDE / max(size))
    width, height = (max(2, round(side * scale)) for side in size)
    return width + width % 2, height + height % 2
