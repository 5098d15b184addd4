"""Bytes of a picture to a gray array, and a gray array to a face of one size."""

from __future__ import annotations

import io
import os

import numpy as np
from numpy.typing import NDArray

# OpenCV writes a line to stderr for every broken picture. The callers report those pictures by
# name, so the lines only disturb; whoever wants them sets the variable. It is read when cv2 is
# first imported.
os.environ.setdefault("OPENCV_LOG_LEVEL", "FATAL")

#: Endings of the files that are taken for pictures.
PICTURE_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}
)

#: A larger file is no picture of a face (FER2013's have 2 kB, a phone's photo some 10 MB). The
#: bound keeps one member of a zip bomb, or one stray video, out of memory.
MAX_PICTURE_BYTES = 64 * 1024 * 1024

#: Pictures with more pixels are refused before they are decoded: far above any camera's photo,
#: and a file of a few hundred bytes can claim a thousand times as many.
MAX_PIXELS = 150_000_000


class UnreadableImage(ValueError):  # noqa: N818 - named for what it says, as in Pillow
    """A picture cannot be read; the message is the plain reason."""


class TooManyPixels(UnreadableImage):
    """A picture has more than `MAX_PIXELS`."""


def decode_gray(data: bytes) -> NDArray[np.uint8]:
    """Decode a picture to 8-bit gray.

    The orientation written in the picture's EXIF data is obeyed, colour is turned to gray and
    16-bit values to 8 bits.

    Parameters
    ----------
    data : bytes
        A whole JPEG, PNG, BMP, WebP, TIFF or PGM/PPM file.

    Returns
    -------
    ndarray of shape (height, width), uint8

    Raises
    ------
    UnreadableImage
        If `data` is empty, is not a picture or is cut short, or has more than `MAX_PIXELS`.
    """
    import cv2

    if not data:
        raise UnreadableImage("the file is empty")
    width, height = _size(data)
    if width * height > MAX_PIXELS:
        raise TooManyPixels(
            f"too many pixels: {width}×{height}, at most {MAX_PIXELS // 1_000_000} million"
        )
    try:
        gray = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        gray = None
    if gray is None:
        raise UnreadableImage("the picture is damaged or cut short")
    return np.asarray(gray, np.uint8)


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


def _size(data: bytes) -> tuple[int, int]:
    """Width and height that the header of a picture states."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as picture:
            return picture.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels("too many pixels") from error
    except Exception as error:
        raise UnreadableImage("not a picture, or its beginning is damaged") from error
