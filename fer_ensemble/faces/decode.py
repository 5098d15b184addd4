"""Decoding pictures: by OpenCV where they are plain, by Pillow where OpenCV gets them wrong."""

from __future__ import annotations

import io
import os
import struct
import threading
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: Endings of the files that are taken for pictures.
PICTURE_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".pgm", ".ppm"}
)

#: A larger file is no picture of a face (FER2013's have 2 kB, a phone's photo some 10 MB). The
#: bound keeps one member of a zip bomb, or one stray video, out of memory.
MAX_PICTURE_BYTES = 64 * 1024 * 1024

#: Pictures with more pixels are refused before they are decoded: above the photos of nearly all
#: cameras, and a file of a few hundred bytes can claim a thousand times as many.
MAX_PIXELS = 120_000_000

# Pillow would try many more, some through programs of others.
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

# Pillow's modes of the pictures that OpenCV turns to gray or colour in the same way: without
# transparency, and not made of inks.
_PLAIN_MODES = frozenset({"1", "L", "P", "RGB", "I", "I;16", "I;16B"})
# Modes in which a picture may name a transparent colour; OpenCV drops what is named.
_TRANSPARENT_MODES = frozenset({"1", "L", "P", "RGB"})

# Of pictures with more pixels, threads decode one at a time: each takes up to ten bytes a pixel.
_LARGE = 25_000_000
_one_large_picture = threading.Lock()

# Rows of a picture that are laid on white at once; each step of that is a copy.
_BAND = 512

_TILE_WIDTH, _TILE_LENGTH = 322, 323  # tags of TIFF

_PNG = b"\x89PNG\r\n\x1a\n"

# OpenCV and its FFmpeg write lines to stderr for every broken picture or video. The callers report
# those by name, so the lines only disturb; whoever wants them sets the variables. They and OpenCV's
# own bound, which holds where Pillow reads another size from a damaged header, are read when cv2
# is first imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))


class UnreadableImage(ValueError):  # noqa: N818 - named for what it says, as in Pillow
    """A picture cannot be read; the message is the plain reason."""


class TooManyPixels(UnreadableImage):
    """A picture has more than `MAX_PIXELS`."""


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Decode a picture to 8 bits a value, gray or in colour.

    The content decides on the format, whatever the file is called. The orientation written in the
    picture's EXIF data is obeyed, 16-bit values are turned to 8 bits, transparent pictures are laid
    on white, and of several pictures in one file the first is taken.

    Parameters
    ----------
    data : bytes
        A whole JPEG, PNG, BMP, WebP, TIFF, GIF or PGM/PPM file.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8
        Gray if the file is; else in the order blue, green, red.

    Raises
    ------
    UnreadableImage
        If `data` is empty, is not a picture or is cut short, or has more than `MAX_PIXELS`.
    """
    return _decode(data, gray=False)


def decode_gray(data: bytes) -> NDArray[np.uint8]:
    """Decode a picture to 8-bit gray, in all else like :func:`decode_image`.

    Parameters
    ----------
    data : bytes
        A whole JPEG, PNG, BMP, WebP, TIFF, GIF or PGM/PPM file.

    Returns
    -------
    ndarray of shape (height, width), uint8

    Raises
    ------
    UnreadableImage
        If `data` is empty, is not a picture or is cut short, or has more than `MAX_PIXELS`.
    """
    return to_gray(_decode(data, gray=True))


def to_gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn a colour picture to gray, by the brightness weights of ITU-R BT.601.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), uint8
        Gray, or colour in the order blue, green, red.

    Returns
    -------
    ndarray of shape (height, width), uint8
        `image` itself if it is gray.

    Raises
    ------
    ValueError
        If `image` has another shape or type.
    """
    import cv2

    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise ValueError(
            "a picture must be a uint8 array of shape (height, width) or (height, width, 3); "
            f"got {image.dtype} of shape {image.shape}"
        )
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def to_face(gray: NDArray[np.uint8], size: int = 48) -> NDArray[np.uint8]:
    """Bring a gray picture to `size` by `size` pixels.

    Sides that shrink are averaged over areas, which does not alias; sides that grow are
    interpolated with cubic polynomials. A picture that has the size is returned as it is.

    Parameters
    ----------
    gray : ndarray of shape (height, width), uint8
    size : int, default=48
        Side of the square, in pixels.

    Returns
    -------
    ndarray of shape (size, size), uint8

    Raises
    ------
    ValueError
        If `gray` is not a non-empty uint8 array of two dimensions.
    """
    import cv2

    if gray.ndim != 2 or gray.dtype != np.uint8 or gray.size == 0:
        raise ValueError(
            "a face must be a non-empty uint8 array of shape (height, width); "
            f"got {gray.dtype} of shape {gray.shape}"
        )
    height, width = gray.shape
    if (height, width) == (size, size):
        return gray
    if height > size or width > size:
        shrunk = (min(width, size), min(height, size))
        gray = cv2.resize(gray, shrunk, interpolation=cv2.INTER_AREA)
    if gray.shape != (size, size):
        gray = cv2.resize(gray, (size, size), interpolation=cv2.INTER_CUBIC)
    return gray


def _decode(data: bytes, gray: bool) -> NDArray[np.uint8]:
    if not data:
        raise UnreadableImage("the file is empty")
    picture = _open(data)
    _check_header(picture)
    width, height = picture.size
    with picture, _one_large_picture if width * height > _LARGE else nullcontext():
        image = _decode_by_opencv(data, gray) if _is_plain(picture) else _decode_by_pillow(picture)
    if image is None:
        raise UnreadableImage("the picture is damaged or cut short")
    return image


def _open(data: bytes) -> ImageFile:
    """Read the header of a picture."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels("too many pixels") from error
    except Exception as error:
        raise UnreadableImage("not a picture, or its beginning is damaged") from error


def _check_header(picture: ImageFile) -> None:
    """Refuse what would take too much memory, or is of a kind that no decoder here knows."""
    width, height = picture.size
    if max(width * height, _tile_pixels(picture)) > MAX_PIXELS:
        raise TooManyPixels(
            f"too many pixels: {width}×{height}, at most {MAX_PIXELS // 1_000_000} million"
        )
    if picture.format == "TIFF" and picture.mode in ("I", "F"):
        raise UnreadableImage("the picture has 32 bits a value, at most 16 are read")


def _tile_pixels(picture: ImageFile) -> int:
    """Pixels of a TIFF's tile, of which decoders hold a whole one however small the picture is."""
    tags = getattr(picture, "tag_v2", {})
    width, length = tags.get(_TILE_WIDTH), tags.get(_TILE_LENGTH)
    # A damaged header may hold anything there.
    return width * length if isinstance(width, int) and isinstance(length, int) else 0


def _is_plain(picture: ImageFile) -> bool:
    """Whether OpenCV reads a picture right: it drops transparency, and guesses at inks."""
    if picture.format == "GIF":  # OpenCV reads it since 4.11 only
        return False
    transparent = "transparency" in picture.info and picture.mode in _TRANSPARENT_MODES
    return picture.mode in _PLAIN_MODES and not transparent


def _decode_by_opencv(data: bytes, gray: bool) -> NDArray[np.uint8] | None:
    """Decode a plain picture, to gray if asked for; None if the file is damaged."""
    import cv2

    if data.startswith(_PNG) and not _has_whole_chunks(data):
        return None
    mode = cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_ANYCOLOR
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _has_whole_chunks(data: bytes) -> bool:
    """Whether no chunk of a PNG claims to be longer than the file.

    OpenCV takes memory for what a chunk claims, up to 4 GB.
    """
    start = len(_PNG)
    while start + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        start += 12 + length  # with the length itself, the kind and a checksum
        if kind == b"IEND":
            break
    return start <= len(data)


def _decode_by_pillow(picture: ImageFile) -> NDArray[np.uint8] | None:
    """Decode any picture that Pillow knows, in gray or colour; None if the file is damaged."""
    from PIL import ImageOps

    try:
        picture.load()
        with suppress(Exception):  # what is wrong with EXIF data is no reason to lose a picture
            ImageOps.exif_transpose(picture, in_place=True)
        return _on_white(picture)
    except Exception:  # Pillow's decoders raise whatever a malformed file makes them meet
        return None


def _on_white(picture: ImageFile) -> NDArray[np.uint8]:
    """Gray, or blue, green and red."""
    from PIL import Image

    is_gray = picture.mode in ("1", "L", "LA", "La")
    width, height = picture.size
    image = np.empty((height, width) if is_gray else (height, width, 3), np.uint8)
    for top in range(0, height, _BAND):
        band = picture.crop((0, top, width, min(top + _BAND, height)))
        if band.has_transparency_data:
            white = Image.new("RGBA", band.size, "white")
            band = Image.alpha_composite(white, band.convert("RGBA"))
        rows = np.asarray(band.convert("L" if is_gray else "RGB"))
        image[top : top + _BAND] = rows if is_gray else rows[..., ::-1]
    return image
