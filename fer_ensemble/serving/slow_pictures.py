"""Which pictures may take seconds, told before they are decoded: few bytes can claim very much."""

from __future__ import annotations

import io
import math

from fer_ensemble.faces.animations import is_animated
from fer_ensemble.faces.contents import recognise
from fer_ensemble.faces.decode import LARGE_PICTURE
from fer_ensemble.faces.inputs import GivenPicture

# No photograph of fewer bytes takes long, in formats that cannot say much with little.
_SLOW_BYTES = 4 * 2**20
_JPEG_2000 = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")


def may_be_slow(picture: GivenPicture) -> bool:
    """Whether a picture may take long, by what can be known in microseconds.

    Parameters
    ----------
    picture : GivenPicture

    Returns
    -------
    bool
        True of all that might have frames or pages, or claims very many pixels.
    """
    return _is_large(picture) or recognise(io.BytesIO(picture.content)) == "animation"


def is_slow(picture: GivenPicture) -> bool:
    """Whether a picture takes long: it does have frames or pages, or very many pixels.

    Parameters
    ----------
    picture : GivenPicture

    Returns
    -------
    bool
    """
    if _is_large(picture):
        return True
    try:
        return is_animated(picture.content, max_pixels=picture.max_pixels)
    except Exception:  # told in the picture's row, once it is searched
        return True


def _is_large(picture: GivenPicture) -> bool:
    """Whether a picture claims many pixels, where that stands in the format's head."""
    content = picture.content
    if content.startswith(b"\x89PNG"):
        pixels = int.from_bytes(content[16:20]) * int.from_bytes(content[20:24])
    elif content[8:12] == b"WEBP":
        pixels = _webp_pixels(content)
    else:
        return len(content) > _SLOW_BYTES or content.startswith(_JPEG_2000)
    # What claims more than it may is refused at once.
    return LARGE_PICTURE < pixels <= picture.max_pixels


def _webp_pixels(content: bytes) -> int:
    """Pixels that the first chunk of a WebP claims: extended, lossless or lossy."""
    kind, low = content[12:16], 0x3FFF
    if kind == b"VP8X":
        sides = [int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27)]
    elif kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        sides = [(bits >> shift & low) + 1 for shift in (0, 14)]
    else:
        sides = [int.from_bytes(content[at : at + 2], "little") & low for at in (26, 28)]
    return math.prod(sides)
