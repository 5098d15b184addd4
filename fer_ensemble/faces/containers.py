"""Whether the file of a video is whole, and how many frames it holds, by how its container says."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple


class Container(NamedTuple):
    """What the container of a video says.

    Parameters
    ----------
    is_whole : bool or None
        Whether the file reaches to the end that is stated; None if none is.
    n_frames : int or None
        How many frames it holds, where they were counted.
    states_frames : bool
        Whether the container itself states a number of frames: elsewhere it can only be reckoned
        from the duration and a rate, which is wrong where frames are shown for unlike times.
    """

    is_whole: bool | None = None
    n_frames: int | None = None
    states_frames: bool = False


_EBML = b"\x1a\x45\xdf\xa3"

# Elements of Matroska [1]_ that are gone into; all others are passed over.
_SEGMENT, _CLUSTER, _GROUP, _TRACKS, _TRACK = 0x18538067, 0x1F43B675, 0xA0, 0x1654AE6B, 0xAE
_ENTERED = frozenset({_SEGMENT, _CLUSTER, _GROUP, _TRACKS, _TRACK})
_TRACK_NUMBER, _TRACK_TYPE, _VIDEO = 0xD7, 0x83, 1
_BLOCKS = frozenset({0xA3, 0xA1})
_LONGEST_ID, _LONGEST_SIZE = 4, 8

_ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_HEADER = 1 << 14

_BOX_HEADER, _LONG_BOX = 8, 16
_FRAGMENT = b"moof"


def inspect_container(path: str | os.PathLike[str]) -> Container:
    """Look through the file of a video; its frames are not decoded.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Container
        With nothing known of a container that is none of Matroska (WebM), MP4 (QuickTime, 3GP),
        AVI and ASF (WMV): transport and program streams, for one, state no end.

    Raises
    ------
    OSError
        If it cannot be read.

    References
    ----------
    .. [1] S. Lhomme, M. Bunkus and D. Rice. Matroska media container format specification.
       RFC 9559, 2024.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as stream:
        head = stream.read(12)
        stream.seek(0)
        if head.startswith(_EBML):
            return _inspect_matroska(stream, size)
        if head.startswith(b"RIFF"):
            stated = struct.unpack_from("<I", head, 4)[0]
            return Container(is_whole=stated + 8 <= size, states_frames=True)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _inspect_boxes(stream, size)
        if head.startswith(_ASF):
            return _inspect_asf(stream, size)
    return Container()


def _inspect_asf(stream: BinaryIO, size: int) -> Container:
    head = stream.read(_ASF_HEADER)
    place = head.find(_ASF_FILE)
    if place < 0 or len(head) < place + 48:
        return Container()
    stated = struct.unpack_from("<Q", head, place + 40)[0]  # behind a length and another number
    return Container(is_whole=stated <= size if stated else None)


def _inspect_boxes(stream: BinaryIO, size: int) -> Container:
    start, in_fragments = 0, False
    while start + _BOX_HEADER <= size:
        stream.seek(start)
        header = stream.read(_LONG_BOX)
        length, kind = struct.unpack_from(">I4s", header)
        in_fragments = in_fragments or kind == _FRAGMENT
        if length == 1 and len(header) == _LONG_BOX:
            length = struct.unpack_from(">Q", header, _BOX_HEADER)[0]
        elif length == 0:  # up to the end
            length = size - start
        if length < _BOX_HEADER:
            return Container(is_whole=False, states_frames=not in_fragments)
        start += length
    return Container(is_whole=start == size or None, states_frames=not in_fragments)


def _inspect_matroska(stream: BinaryIO, size: int) -> Container:
    """Count the blocks of the first video track; a block of video is a frame."""
    number = video = None
    n_frames = 0
    for element, start, end in _elements(stream, size):
        if end > size or element == 0:
            return Container(is_whole=False, n_frames=n_frames)
        if element == _TRACK_NUMBER:
            number = _whole(stream, start, end)
        elif element == _TRACK_TYPE and video is None and _whole(stream, start, end) == _VIDEO:
            video = number
        elif element in _BLOCKS:
            stream.seek(start)
            n_frames += _read_number(stream, _LONGEST_SIZE, keep_mark=False) == video
    return Container(is_whole=True, n_frames=n_frames)


def _elements(stream: BinaryIO, size: int) -> Iterator[tuple[int, int, int]]:
    """Give each element's number, and where its content begins and ends; 0 for what is none."""
    place = 0
    while place < size:
        stream.seek(place)
        element = _read_number(stream, _LONGEST_ID, keep_mark=True)
        length = _read_number(stream, _LONGEST_SIZE, keep_mark=False)
        start = stream.tell()
        if element is None or (length is None and element not in _ENTERED):
            yield 0, start, start
            return
        end = start + (length or 0)
        yield element, start, end
        place = start if element in _ENTERED else end


def _read_number(stream: BinaryIO, longest: int, *, keep_mark: bool) -> int | None:
    """Read a number whose first bits say how long it is; None for "unknown" or what is none."""
    first = stream.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = stream.read(length - 1)
    if length > longest or len(rest) < length - 1:
        return None
    value = int.from_bytes(first + rest, "big")
    if keep_mark:
        return value
    value &= (1 << 7 * length) - 1
    return None if value == (1 << 7 * length) - 1 else value


def _whole(stream: BinaryIO, start: int, end: int) -> int:
    stream.seek(start)
    return int.from_bytes(stream.read(min(end - start, 8)), "big")
