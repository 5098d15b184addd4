"""Decoding pictures: by OpenCV where they are plain, by Pillow where OpenCV gets them wrong."""

from __future__ import annotations

import io
import os
import struct
import threading
from contextlib import nullcontext, suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.contents import is_heif
from fer_ensemble.faces.eight_bits import lay_on_white, to_eight_bits
from fer_ensemble.libraries import MissingLibraryError, require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

#: A larger file is no picture of a face (FER2013's have 2 kB, a phone's photo some 10 MB). The
#: bound keeps one member of a zip bomb, or one stray video, out of memory.
MAX_PICTURE_BYTES = 64 * 1024 * 1024

#: Pictures with more pixels are refused before they are decoded: above the photos of nearly all
#: cameras, and a file of a few hundred bytes can claim a thousand times as many.
MAX_PIXELS = 120_000_000

# What Pillow is asked for, by the names of its modules and formats. It would try many more, some
# through programs of others. A format may be missing from an old Pillow, or one built without it.
_PLUGINS = {
    "AvifImagePlugin": "AVIF",
    "BmpImagePlugin": "BMP",
    "GifImagePlugin": "GIF",
    "JpegImagePlugin": "JPEG",
    "Jpeg2KImagePlugin": "JPEG2000",
    "MpoImagePlugin": "MPO",
    "PcxImagePlugin": "PCX",
    "PngImagePlugin": "PNG",
    "PpmImagePlugin": "PPM",
    "PsdImagePlugin": "PSD",
    "QoiImagePlugin": "QOI",
    "SgiImagePlugin": "SGI",
    "SunImagePlugin": "SUN",
    "TiffImagePlugin": "TIFF",
    "WebPImagePlugin": "WEBP",
}

# What Pillow and OpenCV import on first use.
_LAZY = ("ImageColor", "ImageDraw", "ImageFont", "ImageOps", "ImagePalette")

# Formats that every OpenCV which the package takes reads as Pillow does.
_PLAIN_FORMATS = frozenset({"BMP", "JPEG", "MPO", "PNG", "PPM", "TIFF", "WEBP"})

# Pillow's modes of the pictures that OpenCV turns to gray or colour in the same way: without
# transparency, and not made of inks.
_PLAIN_MODES = frozenset({"1", "L", "P", "RGB", "I", "I;16", "I;16B"})
# Modes in which a picture may name a transparent colour; OpenCV drops what is named.
_TRANSPARENT_MODES = frozenset({"1", "L", "P", "RGB"})

#: Of pictures with more pixels, threads decode one at a time: each takes up to ten bytes a pixel.
LARGE_PICTURE = 25_000_000
_one_large_picture = threading.Lock()

# Rows of a picture that are laid on white at once; each step of that is a copy.
_BAND = 512

_TILE_WIDTH, _TILE_LENGTH = 322, 323  # tags of TIFF
_SUBFILE, _DNG_VERSION = 254, 50706
_REDUCED = 1  # the bit of a subfile that is a small copy of another

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH = 24  # where a PNG states its bits a value

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
    """A picture has more pixels than may be read."""


class Decoded(NamedTuple):
    """A picture, and what is to be known of how it was read."""

    image: NDArray[np.uint8]
    note: str = ""


@cache
def import_decoders() -> tuple[str, ...]:
    """Import all that decoding takes, and say which formats Pillow can read.

    To be called before threads decode: two of them that import the same library at once may both
    find it half imported.

    Returns
    -------
    tuple of str
        Pillow's names of the formats.
    """
    import cv2
    from PIL import Image

    for name in (*_LAZY, *_PLUGINS):
        with suppress(ImportError):
            import_module(f"PIL.{name}")
    with suppress(ImportError):  # of OpenCV 5 it is no part
        import_module(f"{cv2.__name__}.data")
    if find_spec("pillow_heif") is not None:
        import_module("pillow_heif").register_heif_opener()
    return tuple(name for name in (*_PLUGINS.values(), "HEIF") if name in Image.OPEN)


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Decode a picture to 8 bits a value, gray or in colour.

    The content decides on the format, whatever the file is called. The orientation written in the
    picture's EXIF data is obeyed, 16-bit values are turned to 8 bits (see `to_eight_bits`),
    transparent pictures are laid on white, and of several pictures in one file the first is taken.

    Parameters
    ----------
    data : bytes
        A whole JPEG, PNG, BMP, WebP, AVIF, TIFF, GIF, PGM/PPM, JPEG 2000, PCX, PSD, QOI, SGI or
        Sun file; or a HEIC one, where pillow-heif is installed.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8
        Gray if the file is; else in the order blue, green, red.

    Raises
    ------
    UnreadableImage
        If `data` is empty, is not a picture or is cut short, or has more than `MAX_PIXELS`.
    """
    return decode(data).image


def decode_gray(data: bytes) -> NDArray[np.uint8]:
    """Decode a picture to 8-bit gray, in all else like :func:`decode_image`.

    Parameters
    ----------
    data : bytes
        As `decode_image` takes it.

    Returns
    -------
    ndarray of shape (height, width), uint8

    Raises
    ------
    UnreadableImage
        If `data` is empty, is not a picture or is cut short, or has more than `MAX_PIXELS`.
    """
    return to_gray(decode(data, gray=True).image)


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


def decode(data: bytes, gray: bool = False, *, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Decode a picture like :func:`decode_image`, and say what was assumed.

    Parameters
    ----------
    data : bytes
        As :func:`decode_image` takes it.
    gray : bool, default=False
        Whether colours may be left out, where that is faster.
    max_pixels : int, default=MAX_PIXELS
        A picture with more is refused before it is decoded.

    Returns
    -------
    Decoded

    Raises
    ------
    UnreadableImage
        As :func:`decode_image`.
    """
    if not data:
        raise UnreadableImage("the file is empty")
    picture = open_picture(io.BytesIO(data), max_pixels)
    width, height = picture.size
    with picture, _one_large_picture if width * height > LARGE_PICTURE else nullcontext():
        if _is_plain(picture):
            decoded = _decode_by_opencv(data, gray, _stated_depth(data))
        elif _is_deep(picture, data):
            decoded = _decode_transparent(data, _stated_depth(data))
        else:
            decoded = _decode_by_pillow(picture)
    if decoded is None:
        raise UnreadableImage("the picture is damaged or cut short")
    return decoded


def open_picture(stream: BinaryIO, max_pixels: int = MAX_PIXELS) -> ImageFile:
    """Read the header of a picture by Pillow, and refuse what would take too much memory.

    Parameters
    ----------
    stream : binary file
    max_pixels : int, default=MAX_PIXELS

    Returns
    -------
    PIL.ImageFile.ImageFile
        Whose values have not been read.

    Raises
    ------
    UnreadableImage
        If it is not a picture, or of a kind that no decoder here knows.
    TooManyPixels
        If it has more than `max_pixels`.
    """
    from PIL import Image

    formats = import_decoders()
    if is_heif(stream.read(32)):
        try:
            require("pillow_heif", "A HEIC picture")
        except MissingLibraryError as error:
            raise UnreadableImage(str(error)) from error
    try:
        picture = Image.open(stream, formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels("too many pixels") from error
    except Exception as error:
        raise UnreadableImage("not a picture, or its beginning is damaged") from error
    check_size(picture, max_pixels)
    return picture


def check_size(picture: ImageFile, max_pixels: int = MAX_PIXELS) -> None:
    """Refuse what would take too much memory, or is of a kind that no decoder here knows.

    Parameters
    ----------
    picture : PIL.ImageFile.ImageFile
    max_pixels : int, default=MAX_PIXELS

    Raises
    ------
    UnreadableImage, TooManyPixels
        As :func:`open_picture`.
    """
    width, height = picture.size
    tags = getattr(picture, "tag_v2", {})
    if max(width * height, _tile_pixels(tags)) > max_pixels:
        raise TooManyPixels(
            f"too many pixels: {width}×{height}, at most {max_pixels / 1_000_000:g} million"
        )
    if picture.format == "TIFF" and picture.mode in ("I", "F"):
        raise UnreadableImage("the picture has 32 bits a value, at most 16 are read")
    if _DNG_VERSION in tags:  # Pillow would give the thumbnail in its place
        raise UnreadableImage("a camera's raw picture: export it as JPEG")


def is_small_copy(picture: ImageFile) -> bool:
    """Say whether a page of a TIFF is a small copy of another one, as a thumbnail is.

    Parameters
    ----------
    picture : PIL.ImageFile.ImageFile

    Returns
    -------
    bool
    """
    kind = getattr(picture, "tag_v2", {}).get(_SUBFILE)
    return isinstance(kind, int) and bool(kind & _REDUCED)


def _tile_pixels(tags: Any) -> int:
    """Pixels of a TIFF's tile, of which decoders hold a whole one however small the picture is."""
    width, length = tags.get(_TILE_WIDTH), tags.get(_TILE_LENGTH)
    # A damaged header may hold anything there.
    return width * length if isinstance(width, int) and isinstance(length, int) else 0


def _is_plain(picture: ImageFile) -> bool:
    """Whether OpenCV reads a picture right: it drops transparency, and guesses at inks."""
    if picture.format == "PPM" and picture.tile and picture.tile[0][0] != "raw":
        return False  # OpenCV does not stretch values to the largest that the file states
    transparent = "transparency" in picture.info and picture.mode in _TRANSPARENT_MODES
    plain = picture.format in _PLAIN_FORMATS and picture.mode in _PLAIN_MODES
    return plain and not transparent


def _is_deep(picture: ImageFile, data: bytes) -> bool:
    """Whether a picture is transparent and has 16 bits a value, of which Pillow drops the last."""
    deep = picture.format == "PNG" and data[_PNG_DEPTH] == 16
    return deep and picture.mode in ("RGBA", "LA")


def _decode_by_opencv(data: bytes, gray: bool, depth: int | None) -> Decoded | None:
    """Decode a plain picture, to gray if asked for; None if the file is damaged."""
    import cv2

    mode = cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_ANYCOLOR
    values = _values(data, mode | cv2.IMREAD_ANYDEPTH)
    return None if values is None else _decoded(values, depth)


def _decode_transparent(data: bytes, depth: int | None) -> Decoded | None:
    """Decode a picture of 16 bits a value that is transparent in parts."""
    import cv2

    values = _values(data, cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 3 or values.shape[2] != 4:
        return None
    colour, note = _decoded(values[..., :3], depth)
    return Decoded(lay_on_white(colour, (values[..., 3] >> 8).astype(np.uint8)), note)


def _values(data: bytes, mode: int) -> NDArray[Any] | None:
    import cv2

    if data.startswith(_PNG) and not _has_whole_chunks(data):
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error:
        return None


def _decoded(values: NDArray[Any], depth: int | None) -> Decoded:
    if values.dtype == np.uint16:
        return Decoded(*to_eight_bits(values, depth))
    return Decoded(np.asarray(values, np.uint8))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give the kind of each chunk of a PNG, where its content begins, and where the next begins."""
    start = len(_PNG)
    while start + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length  # with the length itself, the kind and a checksum
        yield kind, start + 8, end
        if kind == b"IEND":
            break
        start = end


def _has_whole_chunks(data: bytes) -> bool:
    """Whether no chunk of a PNG claims to be longer than the file.

    OpenCV takes memory for what a chunk claims, up to 4 GB.
    """
    return all(end <= len(data) for _, _, end in _png_chunks(data))


def _stated_depth(data: bytes) -> int | None:
    """Give the bits a value that a PNG of 16 bits states to be significant, if it does."""
    if not data.startswith(_PNG) or data[_PNG_DEPTH] != 16:
        return None
    for kind, start, _ in _png_chunks(data):
        if kind == b"IDAT":
            break
        if kind == b"sBIT" and 0 < data[start] <= 16:
            return data[start]
    return None


def _decode_by_pillow(picture: ImageFile) -> Decoded | None:
    """Decode any picture that Pillow knows, in gray or colour; None if the file is damaged."""
    from PIL import ImageOps

    try:
        picture.load()
        with suppress(Exception):  # what is wrong with EXIF data is no reason to lose a picture
            ImageOps.exif_transpose(picture, in_place=True)
        return image_of_picture(picture)
    except Exception:  # Pillow's decoders raise whatever a malformed file makes them meet
        return None


def image_of_given_picture(picture: Image) -> Decoded:
    """Turn a picture of Pillow's that a caller has opened to gray or colour; it stays as it is.

    Parameters
    ----------
    picture : PIL.Image.Image
        Of several frames, that which it shows is taken.

    Returns
    -------
    Decoded

    Raises
    ------
    UnreadableImage
        If it cannot be loaded.
    """
    from PIL import ImageOps

    try:
        return image_of_picture(ImageOps.exif_transpose(picture))
    except Exception as error:  # Pillow's decoders raise whatever a malformed file makes them meet
        raise UnreadableImage("the picture is damaged or cut short") from error


def image_of_picture(picture: Image) -> Decoded:
    """Turn a picture of Pillow's to gray, or blue, green and red.

    Parameters
    ----------
    picture : PIL.Image.Image

    Returns
    -------
    Decoded
    """
    from PIL import Image

    if picture.mode.startswith("I"):
        return Decoded(*to_eight_bits(np.clip(np.asarray(picture), 0, 65535).astype(np.uint16)))
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
    return Decoded(image)
