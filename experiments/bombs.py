"""Pictures of few bytes that ask for much: pixels, frames, pages, or data that unpack to more."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from functools import cache

import cv2
import numpy as np
from PIL import Image

from fer_ensemble.datasets import make_faces

_PNG = b"\x89PNG\r\n\x1a\n"


@cache
def small_face() -> bytes:
    """Draw a face of 48×48 pixels, as PNG."""
    return _save(Image.fromarray(make_faces(1, random_state=0).images[0]), "PNG")


@cache
def claims() -> tuple[bytes, ...]:
    """Make pictures that claim more pixels than any may have, and hold none of them."""
    jpeg = bytearray(_save(Image.new("L", (16, 16)), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_500, 65_500)
    webp = bytearray(_save(Image.new("RGB", (16, 16)), "WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", 0x3FFF | 0x3FFF << 14)
    bmp = bytearray(_save(Image.new("L", (16, 16)), "BMP"))
    bmp[18:26] = struct.pack("<ii", 100_000, -100_000)
    gif = bytearray(_save(Image.new("L", (16, 16)), "GIF"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    sides = [(256, 1_000_000), (257, 1_000_000), (258, 1), (259, 1), (262, 1), (273, 8), (279, 9)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sides)
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(sides)) + entries + bytes(4)
    return (
        _PNG + _chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 1_000_000, 8, 0, 0, 0, 0)),
        bytes(jpeg),
        bytes(webp),
        bytes(bmp),
        bytes(gif),
        tiff,
        b"P5 60000 60000 255\n" + bytes(100),
        b"P3 60000 60000 255\n" + b"0 " * 100,
    )


@cache
def vast() -> tuple[bytes, ...]:
    """Make pictures that do have more pixels than the server takes, all alike."""
    return (
        _save(Image.new("L", (9_000, 9_000)), "PNG"),
        _save(Image.new("1", (14_000, 14_000)), "TIFF", compression="group4"),
    )


@cache
def large() -> bytes:
    """Make a PNG of 49 million pixels, which the server takes, in 48 kB."""
    return _save(Image.new("L", (7_000, 7_000)), "PNG")


@cache
def deep() -> bytes:
    """Make another one that takes 392 MB as it is decoded: four values of 16 bits a pixel."""
    content: bytes = cv2.imencode(".png", np.zeros((7_000, 7_000, 4), np.uint16))[1].tobytes()
    return content


@cache
def unpacking() -> tuple[bytes, ...]:
    """Make pictures of a face beside, or instead of, data that unpack to 100 MB, or are false."""
    face = small_face()
    end = face.index(b"IEND") - 4
    zeros = zlib.compress(bytes(100_000_000), 9)
    # Which no decoder takes, and libpng complains of, by its name.
    profile = zlib.compress(np.random.default_rng(0).bytes(400))
    header = _PNG + _chunk(b"IHDR", struct.pack(">IIBBBBB", 48, 48, 8, 0, 0, 0, 0))
    first = len(header)
    return (
        face[:first] + _chunk(b"zTXt", b"canary\0\0" + zeros) + face[first:],
        face[:first] + _chunk(b"iTXt", b"canary\0\1\0\0\0" + zeros) + face[first:],
        face[:first] + _chunk(b"iCCP", b"canary\0\0" + zeros) + face[first:],
        face[:first] + _chunk(b"iCCP", b"canary\0\0" + profile) + face[first:],
        header + _chunk(b"IDAT", zeros) + face[end:],
        header + _chunk(b"IDAT", b"") * 20_000 + face[end:],
    )


@cache
def archives() -> tuple[bytes, ...]:
    """Make archives and packed data, of which none is a picture."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"../canary{number}.png", bytes(10_000_000))
    packed = gzip.compress(bytes(100_000_000))
    return stream.getvalue(), packed, gzip.compress(packed), gzip.compress(small_face())


@cache
def frames(number: int, side: int) -> bytes:
    """Make a GIF of so many frames.

    Parameters
    ----------
    number, side : int

    Returns
    -------
    bytes
    """
    # Frames that are all alike would be one.
    pixels = np.zeros((number, side, side), np.uint8)
    pixels[np.arange(number), 0, 0] = np.arange(number) % 2 * 255
    first, *rest = (Image.fromarray(frame) for frame in pixels)
    return _save(first, "GIF", save_all=True, append_images=rest, duration=20)


@cache
def pages(number: int) -> bytes:
    """Make a TIFF of so many pages, whose last names the first as its next."""
    first, *rest = (Image.new("L", (8, 8)) for _ in range(number))
    content = bytearray(_save(first, "TIFF", save_all=True, append_images=rest))
    at = 4
    while (offset := struct.unpack("<I", content[at : at + 4])[0]) != 0:
        at = offset + 2 + 12 * struct.unpack("<H", content[offset : offset + 2])[0]
    content[at : at + 4] = content[4:8]
    return bytes(content)


@cache
def scans(number: int) -> bytes:
    """Make a progressive JPEG that goes over its pixels so many times."""
    content = _save(Image.new("L", (1_000, 1_000)), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * number + content[-2:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def _save(picture: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()
