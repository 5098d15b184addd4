"""Bring the values of a picture to 8 bits: those of 16-bit files, and arrays of any kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Depths of the cameras and scanners that store their values in 16 bits as they are.
_DEPTHS = (8, 10, 12, 14, 16)

# Values of a picture that are looked at once; each step of that is a copy.
_BAND = 512


def to_eight_bits(
    values: NDArray[np.uint16], depth: int | None = None
) -> tuple[NDArray[np.uint8], str]:
    """Bring 16-bit values to 8 bits, by dropping the last bits of those that are used.

    Parameters
    ----------
    values : ndarray of any shape, uint16
    depth : int, optional
        Bits a value that the file states. It counts only where no value is too large for it: many
        programs state what a camera had, but fill 16 bits. Otherwise, the least of 8, 10, 12, 14
        and 16 bits is taken that holds the largest value of the picture.

    Returns
    -------
    ndarray of the same shape, uint8
    str
        What was assumed, if anything was; else empty.

    Examples
    --------
    >>> import numpy as np
    >>> to_eight_bits(np.array([[0, 4080]], np.uint16))
    (array([[  0, 255]], dtype=uint8), '16-bit values up to 4,080 taken for 12-bit ones')
    """
    largest = int(values.max(initial=0))
    stated = depth is not None and largest < 2**depth
    if not stated:
        depth = next(bits for bits in _DEPTHS if largest < 2**bits)
    assert depth is not None
    scaled = values >> (depth - 8) if depth > 8 else values
    if depth < 8:
        scaled = values * np.uint16(255) // np.uint16(2**depth - 1)
    assumed = not stated and depth < 16
    note = f"16-bit values up to {largest:,} taken for {depth}-bit ones" if assumed else ""
    return scaled.astype(np.uint8), note


def lay_on_white(colour: NDArray[np.uint8], opacity: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a picture that is transparent in parts on white.

    Parameters
    ----------
    colour : ndarray of shape (height, width, 3) or (height, width, 1), uint8
    opacity : ndarray of shape (height, width), uint8

    Returns
    -------
    ndarray of the shape of `colour`, uint8
    """
    image = np.empty_like(colour)
    for top in range(0, len(colour), _BAND):
        rows = slice(top, top + _BAND)
        weight = opacity[rows, :, np.newaxis].astype(np.uint32)
        mixed = colour[rows] * weight + 255 * (255 - weight) + 127
        image[rows] = mixed // 255
    return image


def image_of_array(array: NDArray[Any]) -> tuple[NDArray[np.uint8], str]:
    """Read an array as a picture.

    Parameters
    ----------
    array : ndarray of shape (height, width) or (height, width, channels)
        One channel is gray; three are blue, green and red, as OpenCV reads them; a fourth is the
        opacity. Values are 0 to 255 of any type; truth values; floats from 0 to 1; or 16-bit ones,
        see `to_eight_bits`.

    Returns
    -------
    ndarray of shape (height, width) or (height, width, 3), uint8
    str
        What was assumed, if anything was; else empty.

    Raises
    ------
    ValueError
        If it is no picture; the message says what it is.
    """
    values = np.asarray(array)
    channels = values.shape[2] if values.ndim == 3 else 1
    if values.ndim not in (2, 3) or channels not in (1, 3, 4) or not values.size:
        raise ValueError(
            f"an array of shape {values.shape} is no picture: (height, width), or (height, width, "
            "channels) with 1, 3 or 4 of these"
        )
    image, note = _eight_bits(values)
    if image.ndim == 3 and channels == 1:
        return image[..., 0], note
    if channels == 4:
        return lay_on_white(image[..., :3], image[..., 3]), note
    return np.ascontiguousarray(image), note


def _eight_bits(values: NDArray[Any]) -> tuple[NDArray[np.uint8], str]:
    if values.dtype == np.uint8:
        return values, ""
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255), ""
    if values.dtype.kind not in "iuf":
        raise ValueError(f"an array of {values.dtype} is no picture: its values must be numbers")
    least, largest = values.min(), values.max()
    if not (np.isfinite(least) and np.isfinite(largest)) or least < 0 or largest > 65535:
        raise ValueError(
            f"values from {least:g} to {largest:g} are no picture's: 0 to 255, 0.0 to 1.0 or "
            "16 bits are"
        )
    if values.dtype.kind == "f" and largest <= 1:
        return np.rint(values * 255).astype(np.uint8), "values up to 1 taken for shares of white"
    if largest > 255 or values.dtype == np.uint16:
        if values.dtype.kind == "f":
            values = np.rint(values)
        return to_eight_bits(values.astype(np.uint16))
    return np.rint(values).astype(np.uint8), ""
