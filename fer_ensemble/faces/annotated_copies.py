"""Annotated copies of what is predicted: a JPEG of each picture and page, an MP4 of each video."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.faces.annotation import AnnotatedFace, annotate, readable_size
from fer_ensemble.faces.batching import map_ordered
from fer_ensemble.faces.decode import decode_image
from fer_ensemble.faces.finding import SearchResult
from fer_ensemble.faces.inputs import FileProblem, raising_file_problems, read_file
from fer_ensemble.faces.mp4 import Mp4Writer
from fer_ensemble.processors import count_processors

#: What was found in a picture or frame, and what is predicted of it.
Predicted: TypeAlias = "tuple[SearchResult, Sequence[AnnotatedFace]]"

#: Shows an annotated picture of a path.
ShowPicture: TypeAlias = Callable[[str, NDArray[np.uint8]], object]

# What addresses of streams may hold and names of files may not, somewhere.
_UNUSUAL = re.compile(r'[:?*"<>|&]+')
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class _Drawn:
    """An annotated picture, and its size without a legend: width, height."""

    image: NDArray[np.uint8]
    size: tuple[int, int]


class AnnotatedCopies:
    """Writes annotated copies of all pictures and videos that could be read, and shows them.

    A picture ``photos/a.png`` becomes ``photos/a.png.jpg`` below the folder, page 12 of
    ``text.tif`` becomes ``text.tif/000012.jpg``, and a video ``clips/a.avi``, or an animation,
    becomes ``clips/a.avi.mp4``, whatever its ending. What goes up from the working folder goes to
    ``__``. Pictures are read anew, because a batch of them would fill the memory.

    A video of which only a part was predicted, because the run was interrupted or is the rest of
    one, becomes ``clips/a.avi.000120-000480.mp4``, by the numbers of its first and last frame.
    Sound is not kept.

    To be used in a ``with`` statement, at whose end the last video is completed.

    Parameters
    ----------
    folder : path-like or None
        Is made if it does not exist; without it, nothing is written.
    n_jobs : int, default=-1
        Threads; -1 for one on each of the processor's cores.
    show : callable, optional
        Called with each path and annotated picture or frame, in the order of the inputs.

    Raises
    ------
    OSError
        By all methods, if a copy cannot be written.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None,
        n_jobs: int = -1,
        show: ShowPicture | None = None,
    ) -> None:
        self._folder = None if folder is None else Path(folder)
        self._show = show
        self._n_jobs = n_jobs if n_jobs > 0 else count_processors()
        self._video: _VideoCopy | None = None

    def __enter__(self) -> AnnotatedCopies:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the last video; with an error, as a part."""
        self._end_video(whole=kind is None)

    def add(self, batch: Sequence[Predicted]) -> None:
        """Write the copies of a batch.

        Parameters
        ----------
        batch : sequence of (SearchResult, sequence of Prediction)
            What was found in each picture or frame, and what is predicted of its faces.
        """
        for (result, _), drawn in zip(batch, self._draw_all(batch), strict=True):
            if self._video is not None and not self._video.goes_on_with(result):
                self._end_video(whole=True)
            if drawn is None:
                continue
            if self._show is not None:
                self._show(result.path, drawn.image)
            if self._folder is not None and result.time is not None:
                if self._video is None:
                    target = self._folder / name_of_copy(result, ".mp4", of_all_frames=True)
                    self._video = _VideoCopy(target, result, drawn.size)
                self._video.add(result, drawn.image)

    def _draw_all(self, batch: Sequence[Predicted]) -> Iterator[_Drawn | None]:
        # No further ahead, because a batch of drawn frames would fill the memory too.
        return map_ordered(self._draw, batch, ahead=2 * self._n_jobs, n_jobs=self._n_jobs)

    def _draw(self, predicted: Predicted) -> _Drawn | None:
        """Annotate a picture or frame, and write that of a picture or page; None if it has none."""
        result, predictions = predicted
        if result.status not in ("ok", "no_face"):
            return None
        try:
            with raising_file_problems(result.path):
                image = decode_image(result.frame_copy or read_file(result.path))
        except FileProblem:  # it has been deleted since
            return None
        # An input without a face has a prediction too, which says why.
        drawn = annotate(image, predictions if result.faces else ())
        if self._folder is not None and result.time is None:
            _write_jpeg(self._folder / name_of_copy(result, ".jpg"), drawn)
        return _Drawn(drawn, readable_size(*image.shape[:2]))

    def _end_video(self, *, whole: bool) -> None:
        video, self._video = self._video, None
        if video is not None:
            video.finish(whole=whole)


class _VideoCopy:
    """The copy of one video, which several batches may add to."""

    def __init__(self, target: Path, first: SearchResult, size: tuple[int, int]) -> None:
        assert first.frame is not None
        self._target = target
        self._path = first.path
        self._first, self._last = first.frame, first.frame - 1
        self._writer = Mp4Writer(target.parent, size, first.rate)

    def goes_on_with(self, result: SearchResult) -> bool:
        """Whether this is a later frame of the same video."""
        return result.path == self._path and result.frame is not None and result.frame > self._last

    def add(self, result: SearchResult, image: NDArray[np.uint8]) -> None:
        """Write the next frame."""
        assert result.frame is not None
        assert result.time is not None
        self._last = result.frame
        self._writer.write(image, result.time)

    def finish(self, *, whole: bool) -> None:
        """Give the file its name."""
        target = self._target
        if self._first or not whole:
            target = target.with_name(f"{target.stem}.{self._first:06d}-{self._last:06d}.mp4")
        self._writer.finish(target)


def _write_jpeg(target: Path, image: NDArray[np.uint8]) -> None:
    import cv2

    target.parent.mkdir(parents=True, exist_ok=True)
    # Not by cv2.imwrite, which hides why it failed.
    write_atomically(target, cv2.imencode(".jpg", image)[1].tobytes(), lasting=False)


def name_of_copy(result: SearchResult, ending: str, *, of_all_frames: bool = False) -> Path:
    """Name a file after the input that it shows.

    Parameters
    ----------
    result : SearchResult
        Of a picture, a page or a frame.
    ending : str
        What the name ends with, as in ``.jpg``.
    of_all_frames : bool, default=False
        Whether the file is that of a whole video or document, and not of one frame or page of it.

    Returns
    -------
    Path
        Relative to a folder, and never outside it.
    """
    name = result.path
    if "://" in name:
        name = _UNUSUAL.sub("_", name)[:_LONGEST_NAME]
    path = Path(name)
    parts = ["__" if part == ".." else part for part in path.parts if part != path.anchor]
    if result.frame is None or of_all_frames:
        return Path(*parts[:-1], f"{parts[-1]}{ending}")
    return Path(*parts, f"{result.frame:06d}{ending}")
