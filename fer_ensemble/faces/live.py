"""Cameras and streams: frames as they come, for as long as they come.

FFmpeg reads the streams. It opens no file of this machine for a playlist from elsewhere ("Protocol
'file' not on whitelist"), and does not check certificates.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event, Thread
from typing import Any, Literal

from fer_ensemble.faces.video import Frame, check_frame_size, read_opened

#: Names that are sources: the number of a camera, and addresses.
LIVE = re.compile(r"\d{1,3}|(?:rtsps?|https?)://.*", re.IGNORECASE | re.DOTALL)

#: Seconds that are waited for the beginning of a stream, and then for each frame.
PATIENCE = 10.0

# A reader is waited for so long when nobody needs it any more, and looked after as often, in
# seconds.
_JOIN_SECONDS = 1.0
_LOOK_SECONDS = 0.1

# Streams without an end state none, or one from a number that stands for "unknown".
_MOST_FRAMES = 1e9

_USER = re.compile(
    # Up to the last @ before a path begins; and, where there is no port but something else behind a
    # colon, up to the last @ of all: passwords hold what they like.
    r"""(?<=://)(?:[^/?\#\s'"]*@"""
    r"""|[^/?\#@\s:\[\]'"]*:(?!\d*(?:[/?\#\s'"]|$))[^\s'"]*@)"""
)
_SECRET = re.compile(
    r"([?&;][^=&;\s]*(?:pass|pwd|user|usr|login|token|key|auth|sig|secret|cred)[^=&;\s]*=)"
    r"""[^&;\#\s'"]*""",
    re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Leave out of addresses who may use them: users, passwords, tokens.

    Parameters
    ----------
    text : str
        An address, or anything that holds some.

    Returns
    -------
    str

    Examples
    --------
    >>> without_secrets("rtsp://anna:a/b@cam:554/1?channel=2&token=abc")
    'rtsp://cam:554/1?channel=2&token=***'
    """
    return _SECRET.sub(r"\1***", _USER.sub("", text))


class LiveSource(os.PathLike[str]):
    """A camera or a stream.

    Parameters
    ----------
    address : str
        A number, or an address.

    Attributes
    ----------
    name : str
        The same without users and passwords: what tables and messages say.
    n_frames : int
        Frames that came so far.
    n_left_out : int
        How many of them were not searched because later ones came meanwhile.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = without_secrets(address)
        self.n_frames = self.n_left_out = 0

    def __fspath__(self) -> str:
        """Give its name."""
        return self.name

    @property
    def camera(self) -> int | None:
        """Number of the camera; None if it is a stream."""
        return int(self.address) if self.address.isdecimal() else None


class SourceError(Exception):
    """A source cannot be opened, has ended or has broken off.

    Parameters
    ----------
    message : str
        What happened, and what can be done about it.
    status : {"unreadable", "missing"}
        What becomes of it.
    """

    def __init__(
        self, message: str, status: Literal["unreadable", "missing"] = "unreadable"
    ) -> None:
        super().__init__(message)
        self.status = status


def read_live(
    source: LiveSource, *, every: int = 1, stopped: Event | None = None
) -> Iterator[Frame]:
    """Read the frames of a camera or a stream, in constant memory.

    Of a source without an end the latest frame is given each time, and those that came meanwhile
    are left out, so that whoever looks at it is never behind. A video with an end, as a server for
    files has it, is read wholly.

    Parameters
    ----------
    source : LiveSource
    every : int, default=1
        Of so many frames the first is given and the others are left out.
    stopped : Event, optional
        Ends the reading when it is set.

    Yields
    ------
    Frame
        Frames that were left out are counted. Of a source without an end, the time is that of this
        machine's clock since the first frame.

    Raises
    ------
    SourceError
        If it cannot be opened; or, after its frames, if it has no end and yet came to one.
    UnreadableImage
        If a video is cut short, or its frames have too many pixels.
    """
    reader = _Reader(source, every)
    stopped = stopped or Event()
    reader.start()
    try:
        while (frame := reader.take(stopped)) is not None:
            yield frame
    finally:
        reader.stop()


class _Reader(Thread):
    """Reads a source in a thread of its own, because cameras do not wait, and streams keep waiting.

    Holds one frame until it is taken, or until a later one takes its place.
    """

    def __init__(self, source: LiveSource, every: int) -> None:
        super().__init__(daemon=True)
        self._source = source
        self._every = every
        self._changed = Condition()
        self._frame: Frame | None = None
        self._error: BaseException | None = None
        self._ended = self._stopped = False

    def run(self) -> None:
        try:
            with _opened(self._source) as video:
                self._read(video)
        except BaseException as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(self, stopped: Event) -> Frame | None:
        """Wait for the next frame; None if there will be none."""
        with self._changed:
            while self._frame is None and not self._ended and not stopped.is_set():
                self._changed.wait(_LOOK_SECONDS)
            if stopped.is_set():
                return None
            frame, self._frame = self._frame, None
            self._changed.notify_all()
        if frame is None and self._error is not None:
            raise self._error
        return frame

    def stop(self) -> None:
        """End the thread, unless it still waits for the source: then it ends later."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self.join(_JOIN_SECONDS)

    def _read(self, video: Any) -> None:
        import cv2

        has_end = 0 < video.get(cv2.CAP_PROP_FRAME_COUNT) < _MOST_FRAMES
        if self._source.camera is None and has_end:
            for frame in read_opened(video, every=self._every):
                self._source.n_frames = frame.number + 1
                if not self._offer(frame, wait=True):
                    return
        else:
            self._read_endless(video)

    def _read_endless(self, video: Any) -> None:
        import cv2

        source, began = self._source, 0.0
        rate = video.get(cv2.CAP_PROP_FPS)
        while video.grab():
            now = time.monotonic()
            began = began or now
            number = source.n_frames
            source.n_frames += 1
            if number % self._every:
                continue
            done, image = video.retrieve()
            if not done:
                break
            frame = Frame(number, now - began, image, rate / self._every if rate > 0 else None)
            if not self._offer(frame):
                return
        if not source.n_frames:
            raise SourceError(f"no frame came within {PATIENCE:g} seconds")
        what = "stream" if source.camera is None else "camera"
        raise SourceError(f"the {what} ended or broke off after {source.n_frames:,} frames")

    def _offer(self, frame: Frame, *, wait: bool = False) -> bool:
        """Hold a frame for who takes it; False if nobody will."""
        with self._changed:
            while self._frame is not None and not self._stopped:
                # The first is never left out: by a frame 0 a video is known to begin.
                if not wait and self._frame.number:
                    break
                self._changed.wait(_LOOK_SECONDS)
            if self._frame is not None:
                self._source.n_left_out += 1
            self._frame = frame
            self._changed.notify_all()
            return not self._stopped


@contextmanager
def _opened(source: LiveSource) -> Iterator[Any]:
    import cv2

    with _silent_opencv():
        if source.camera is not None:
            video = cv2.VideoCapture(source.camera)
        else:
            waits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
            settings = [value for wait in waits for value in (wait, round(PATIENCE * 1000))]
            video = cv2.VideoCapture(source.address, cv2.CAP_FFMPEG, settings)
    try:
        if not video.isOpened():
            raise _why_closed(source)
        check_frame_size(video)
        yield video
    finally:
        video.release()


def _why_closed(source: LiveSource) -> SourceError:
    if source.camera is not None:
        return SourceError(
            f"neither a file of this name nor a camera {source.camera} that can be opened: "
            "connect it, close what else uses it, allow this program to use it, or give the "
            "number of another, from 0",
            "missing",
        )
    return SourceError(
        f"it cannot be opened within {PATIENCE:g} seconds: see whether its address and password "
        "are right and a player such as VLC shows it"
    )


@contextmanager
def _silent_opencv() -> Iterator[None]:
    """Keep OpenCV from writing about every backend that has no such camera."""
    import cv2

    log = getattr(cv2.utils, "logging", None)
    if log is None:
        yield
        return
    before = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(before)
