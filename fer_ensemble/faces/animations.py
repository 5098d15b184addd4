"""Frames of animated pictures and pages of documents: GIF, WebP, PNG, AVIF and TIFF by Pillow."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from fer_ensemble.faces.contents import recognise
from fer_ensemble.faces.decode import (
    MAX_PIXELS,
    TooManyPixels,
    UnreadableImage,
    check_size,
    image_of_picture,
    is_small_copy,
    open_picture,
)
from fer_ensemble.faces.video import Frame

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: Reading ends after so many frames, and after so many pixels in all of them: a small file can
#: claim any number of either.
MAX_FRAMES = 100_000
MAX_FRAME_PIXELS = 4_000_000_000

_GIF_END = b";"


def is_animated(source: str | os.PathLike[str] | bytes, *, max_pixels: int = MAX_PIXELS) -> bool:
    """Whether a picture has several frames or pages.

    Parameters
    ----------
    source : path-like or bytes
        A file, or what one holds.
    max_pixels : int, default=MAX_PIXELS
        What has more is not read.

    Returns
    -------
    bool
        False if it cannot be read. Small copies, as TIFF files may hold them of a page, and the
        previews and second views of photographs do not count.
    """
    with suppress(OSError, ValueError), _open(source) as stream:
        if recognise(stream) != "animation":
            return False
        stream.seek(0)
        with open_picture(stream, max_pixels) as picture:
            return next(_pages(picture, 1), None) is not None
    return False


def read_animation(
    source: str | os.PathLike[str] | bytes, *, every: int = 1, max_pixels: int = MAX_PIXELS
) -> Iterator[Frame]:
    """Read the frames of an animated picture or the pages of a document, in constant memory.

    Parameters
    ----------
    source : path-like or bytes
        A file, or what one holds.
    every : int, default=1
        Of so many frames the first is given and the others are left out.
    max_pixels : int, default=MAX_PIXELS
        Frames with more are not read.

    Yields
    ------
    Frame
        Pages have no time.

    Raises
    ------
    UnreadableImage
        If it is not a picture; or, after the frames that could be read, if it is damaged, cut
        short, or larger than is read.
    OSError
        If the file cannot be opened.
    ValueError
        If `every` is below 1.
    """
    if every < 1:
        raise ValueError(f"every must be at least 1; got {every}")
    with _open(source) as stream, open_picture(stream, max_pixels) as picture:
        time: float | None = None if picture.format == "TIFF" else 0.0
        number, pixels = 0, 0
        for number, _ in enumerate(_pages(picture, 0)):
            check_size(picture, max_pixels)
            pixels += picture.size[0] * picture.size[1]
            if number >= MAX_FRAMES or pixels > MAX_FRAME_PIXELS:
                raise TooManyPixels(
                    f"the first {number:,} frames were read: at most {MAX_FRAMES:,} are, and "
                    f"{MAX_FRAME_PIXELS // 1_000_000:,} million pixels in all"
                )
            if number % every == 0:
                yield Frame(number, time, _read(picture, number))
            elif picture.format != "TIFF":
                _load(picture, number)  # later frames are drawn on it
            if time is not None:
                time += _duration(picture)
        if not _is_whole(picture, stream):
            raise _cut_short(number + 1)


def _open(source: str | os.PathLike[str] | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")


def _pages(picture: ImageFile, start: int) -> Iterator[int]:
    """Turn to each page but for small copies of others, and give its place in the file."""
    place = 0
    n_given = 0
    while True:
        try:
            picture.seek(place)
        except EOFError:
            return
        except Exception as error:  # Pillow raises whatever a malformed file makes it meet
            raise _cut_short(n_given) from error
        if not is_small_copy(picture):
            n_given += 1
            if n_given > start:
                yield place
        place += 1


def _read(picture: ImageFile, number: int) -> Any:
    _load(picture, number)
    return image_of_picture(picture).image


def _load(picture: ImageFile, number: int) -> None:
    try:
        picture.load()
    except Exception as error:
        raise _cut_short(number) from error


def _duration(picture: ImageFile) -> float:
    """Seconds for which a frame is shown."""
    duration = picture.info.get("duration", 0)
    return duration / 1000 if isinstance(duration, int | float) and duration > 0 else 0.0


def _is_whole(picture: ImageFile, stream: BinaryIO) -> bool:
    """Whether a file was read to the end that its format has, where Pillow does not look."""
    if picture.format == "GIF":
        stream.seek(-1, os.SEEK_CUR)
        return stream.read(1) == _GIF_END
    return True


def _cut_short(n_frames: int) -> UnreadableImage:
    return UnreadableImage(f"the picture is damaged or cut short after {n_frames:,} frames")
