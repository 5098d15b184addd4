"""What a file is, by its first bytes: a picture, several in one, or a video; and by its name."""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO, Literal

#: What a file may be; "animation" stands for a picture that may have several frames or pages.
Content = Literal["picture", "animation", "video"]

#: Endings of the files that are taken for pictures whatever they hold: all others must begin as a
#: picture or a video does.
PICTURE_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".png", ".apng", ".bmp", ".dib", ".webp", ".avif"}
    | {".avifs", ".heic", ".heif", ".hif", ".tif", ".tiff", ".gif", ".pbm", ".pgm", ".ppm", ".pnm"}
    | {".jp2", ".j2k"}
)

#: Endings of the files that are taken for videos unless they hold something else. The ending .ts
#: is not among them: most such files are programs.
VIDEO_ENDINGS = frozenset(
    {".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".3gp", ".3g2"}
    | {".mts", ".m2ts", ".flv", ".f4v", ".ogv", ".asf", ".vob", ".mxf", ".qt", ".divx"}
)

#: Addresses of object stores and of HDFS: scheme, place, path; see `fer_ensemble.faces.addresses`.
ADDRESS = re.compile(
    r"(s3|s3a|s3n|gs|gcs|abfs|abfss|hdfs|viewfs|file|memory)://([^/]*)(.*)",
    re.IGNORECASE | re.DOTALL,
)

_HEAD = 1024  # bytes that are looked at

_CHUNKS = 1000  # of a PNG that are looked at

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PICTURES = (
    b"\xff\xd8\xff",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51",
    b"qoif",
    b"8BPS\0\1",
)
_RARE_PICTURES = (b"\x59\xa6\x6a\x95", b"\x01\xda\0", b"\x01\xda\1")  # of Sun and SGI
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_PCX = re.compile(rb"\x0a[\x00\x02-\x05]\x01[\x01\x02\x04\x08]")
_PNM = re.compile(rb"P[1-6][\s#]")

_HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})
# Music, and the raw pictures of a camera.
_OTHERS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"crx "})
_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})

# Matroska and WebM, ASF, Flash, MPEG program streams and elementary ones, RealMedia, MXF, raw ones.
_VIDEOS = (b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"FLV\1", b"\0\0\1\xba")
_RARE_VIDEOS = (b"\0\0\1\xb3", b".RMF", b"\x06\x0e\x2b\x34", b"YUV4MPEG2", b"DKIF")
_OGG_VIDEOS = (b"\x80theora", b"BBCD\0", b"\x01video\0", b"OVP80")
# The first byte of the packets of a transport stream, whose length depends on who wrote it.
_PACKET, _PACKETS = 0x47, ((0, 188), (4, 192), (0, 204))


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether a file is taken for a video by its ending.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    bool
    """
    return ending(path) in VIDEO_ENDINGS


def is_address(name: object) -> bool:
    """Whether a name is an address of an object store or of HDFS.

    Parameters
    ----------
    name : object

    Returns
    -------
    bool

    Examples
    --------
    >>> is_address("s3://bucket/a.jpg"), is_address("https://host/a.jpg"), is_address("a.jpg")
    (True, False, False)
    """
    return isinstance(name, str) and ADDRESS.fullmatch(name) is not None


def ending(path: str | os.PathLike[str]) -> str:
    """Give the ending of a file's name, in small letters.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str
        With its dot; empty if there is none.
    """
    return os.path.splitext(os.fspath(path))[1].lower()


def recognise(stream: BinaryIO) -> Content | None:
    """Find out what a file is by how it begins.

    Parameters
    ----------
    stream : binary file
        At its beginning, where it is not left.

    Returns
    -------
    {"picture", "animation", "video"} or None
        None if it begins like none of those that may be read here.
    """
    head = stream.read(_HEAD)
    if head.startswith(_PNG):
        return "animation" if _is_animated_png(head, stream) else "picture"
    if head.startswith((b"GIF87a", b"GIF89a", *_TIFF)):
        return "animation"
    if head.startswith((*_PICTURES, *_RARE_PICTURES)) or _begins_as_bitmap(head):
        return "picture"
    if head.startswith(b"RIFF"):
        return _recognise_riff(head)
    if head[4:8] == b"ftyp":
        return _recognise_boxes(head)
    return "video" if _begins_as_video(head) else None


def is_heif(head: bytes) -> bool:
    """Whether a file begins as HEIC pictures do, and not as AVIF ones.

    Parameters
    ----------
    head : bytes
        Its first 32 bytes or more.

    Returns
    -------
    bool
    """
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF and not _AVIF & _brands(head)


def _begins_as_bitmap(head: bytes) -> bool:
    if head.startswith(b"BM") and len(head) >= 18:
        return struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS
    return bool(_PNM.match(head) or _PCX.match(head))


def _begins_as_video(head: bytes) -> bool:
    if head.startswith((*_VIDEOS, *_RARE_VIDEOS)) or head[4:8] in _QUICKTIME:
        return True
    if head.startswith(b"OggS"):  # the same container holds music
        return any(mark in head for mark in _OGG_VIDEOS)
    return any(
        len(head) > first + 2 * length
        and all(head[first + n * length] == _PACKET for n in range(3))
        for first, length in _PACKETS
    )


def _recognise_riff(head: bytes) -> Content | None:
    if head[8:12] == b"WEBP":
        moves = head[12:16] == b"VP8X" and len(head) > 20 and head[20] & 2
        return "animation" if moves else "picture"
    return "video" if head[8:11] == b"AVI" else None


def _recognise_boxes(head: bytes) -> Content | None:
    major, brands = head[8:12], _brands(head)
    if major == b"avis" or (major in _AVIF and b"avis" in brands):
        return "animation"
    if major in _AVIF | _HEIF or brands & _AVIF:
        return "picture"
    return None if major in _OTHERS else "video"


def _brands(head: bytes) -> set[bytes]:
    """What a file of ISO boxes says of itself."""
    size = min(struct.unpack_from(">I", head)[0], len(head))
    return {head[8:12], *(head[start : start + 4] for start in range(16, size, 4))}


def _is_animated_png(head: bytes, stream: BinaryIO) -> bool:
    """Whether an animation is announced before the values, as it must be."""
    start = len(_PNG)
    for _ in range(_CHUNKS):
        chunk = head[start : start + 8]
        if len(chunk) < 8:
            stream.seek(start)
            chunk = stream.read(8)
        if len(chunk) < 8 or chunk[4:] in (b"IDAT", b"IEND"):
            return False
        if chunk[4:] == b"acTL":
            return True
        start += 12 + struct.unpack_from(">I", chunk)[0]
    return False
