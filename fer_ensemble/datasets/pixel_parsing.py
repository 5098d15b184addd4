"""Read a face from the numbers of its pixels, as CSVs write them."""

from __future__ import annotations

import re
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets.dataset import FACE_SIZE
from fer_ensemble.faces import to_face
from fer_ensemble.faces.decode import to_gray

_N_PIXELS = FACE_SIZE * FACE_SIZE
# What lists written by other programs have between and around the numbers.
_SEPARATORS = bytes.maketrans(b"[](),;", b"      ")
_WHOLE = re.compile(rb"[+-]?[0-9]+(\.0*)?")
_SMALLEST = 16  # pixels on a side; fewer are no face but a row that was cut


class PixelError(ValueError):
    """Pixels cannot be read; `kind` is a key of `PROBLEM_KINDS`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def parse_pixels(field: bytes) -> tuple[bytes, str]:
    """Read the pixels of a face.

    Parameters
    ----------
    field : bytes
        Whole numbers from 0 to 255, separated by blanks or commas: those of a square gray picture
        line by line, or of a square picture in colour, three to a pixel or a plane after another.

    Returns
    -------
    face : bytes
        The 48 × 48 pixels.
    note : str
        What was done to get them; empty if they stand in the field as they are.

    Raises
    ------
    PixelError
        If there are too few or too many, or one is no whole number from 0 to 255.
    """
    # Digits and blanks only: then NumPy's parser, some forty times as fast, cannot misread.
    if not field.translate(None, b"0123456789 \t"):
        values = np.fromstring(field, np.int64, sep=" ")
        if len(values) == _N_PIXELS and values.max() <= 255:
            return values.astype(np.uint8).tobytes(), ""
    tokens = field.translate(_SEPARATORS).split()
    if len(tokens) == 1 and not _WHOLE.fullmatch(tokens[0]):
        shown = tokens[0][:40].decode("utf-8", "replace")
        raise PixelError("not_a_number", f"{shown!r} where the numbers of pixels should be")
    gray_side, colour_side = isqrt(len(tokens)), isqrt(len(tokens) // 3)
    is_gray = gray_side >= _SMALLEST and gray_side**2 == len(tokens)
    is_colour = colour_side >= _SMALLEST and 3 * colour_side**2 == len(tokens)
    if not is_gray and not is_colour:
        raise PixelError(
            "wrong_pixel_count",
            f"{len(tokens)} pixels instead of {_N_PIXELS}, and no other square picture's",
        )
    numbers = (_parse_pixel(number, token) for number, token in enumerate(tokens, start=1))
    pixels = np.frombuffer(bytes(numbers), np.uint8)
    if is_gray:
        face, shape = pixels.reshape(gray_side, gray_side), f"{gray_side}×{gray_side}"
    else:
        face = to_gray(_colour_picture(pixels, colour_side))
        shape = f"{colour_side}×{colour_side} in colour"
    note = "" if len(tokens) == _N_PIXELS else f"resized from {shape}"
    return to_face(face, FACE_SIZE).tobytes(), note


def _colour_picture(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Lay out red, green and blue, in either usual order, as blue, green, red of each pixel."""
    together = pixels.reshape(side, side, 3)
    planes = pixels.reshape(3, side, side).transpose(1, 2, 0)
    # In the wrong order, neighbours are pixels from far apart: the smoother picture is the right
    # one. (A gray picture written as colour is as smooth in one of them, and rough in the other.)
    roughness = [
        np.abs(np.diff(each.astype(np.int16), axis=1)).mean() for each in (together, planes)
    ]
    return (together if roughness[0] <= roughness[1] else planes)[:, :, ::-1]


def _parse_pixel(number: int, token: bytes) -> int:
    shown = token[:20].decode("utf-8", "replace")
    if not _WHOLE.fullmatch(token):
        raise PixelError("not_a_number", f"pixel {number} is {shown!r}, not a whole number")
    whole = token.partition(b".")[0]
    digits = whole.lstrip(b"+-").lstrip(b"0") or b"0"
    negative = whole.startswith(b"-") and digits != b"0"
    if negative or len(digits) > 3 or int(digits) > 255:
        raise PixelError("pixel_out_of_range", f"pixel {number} is {shown}, outside 0–255")
    return int(digits)
