"""The two decoders of pictures: OpenCV for plain ones, Pillow for those that it gets wrong."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

# Pillow's modes of the pictures that OpenCV turns to gray or colour in the same way: without
# transparency, and not made of inks.
_PLAIN_MODES = frozenset({"1", "L", "P", "RGB", "I", "I;16", "I;16B"})
_TRANSPARENT_MODES = frozenset({"1", "L", "P", "RGB"})

_PNG = b"\x89PNG\r\n\x1a\n"
_BAND = 512  # rows


def is_plain(picture: ImageFile) -> bool:
    """Whether OpenCV reads a picture right: it drops transparency, and guesses at inks.

    Parameters
    ----------
    picture : ImageFile
        Of which Pillow has read the header.

    Returns
    -------
    bool
    """
    if picture.format == "GIF":  # OpenCV reads it since 4.11 only
        return False
    transparent = "transparency" in picture.info and picture.mode in _TRANSPARENT_MODES
    return picture.mode in _PLAIN_MODES and not transparent


def by_opencv(data: bytes, gray: bool) -> NDArray[np.uint8] | None:
    """Decode a plain picture.

    Parameters
    ----------
    data : bytes
        The whole file.
    gray : bool
        Whether colour is turned to gray.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8, or None
        None if the file is damaged.
    """
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


def by_pillow(picture: ImageFile) -> NDArray[np.uint8] | None:
    """Decode any picture that Pillow knows, and lay it on white if it is transparent.

    Parameters
    ----------
    picture : ImageFile
        Of which Pillow has read the header.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8, or None
        None if the file is damaged.
    """
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
    # In bands, because each conversion is a copy.
    for top in range(0, height, _BAND):
        band = picture.crop((0, top, width, min(top + _BAND, height)))
        if band.has_transparency_data:
            white = Image.new("RGBA", band.size, "white")
            band = Image.alpha_composite(white, band.convert("RGBA"))
        rows = np.asarray(band.convert("L" if is_gray else "RGB"))
        image[top : top + _BAND] = rows if is_gray else rows[..., ::-1]
    return image
