"""Faces as the landmark features take them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def as_faces(X: ArrayLike) -> NDArray[np.uint8]:
    """Check that an array is a stack of grayscale faces.

    Parameters
    ----------
    X : array-like of uint8 of shape (n_samples, height, width)

    Returns
    -------
    ndarray of uint8 of shape (n_samples, height, width)

    Raises
    ------
    ValueError
        If it has another shape or type, or pictures without pixels.
    """
    faces = np.asarray(X)
    if faces.ndim != 3 or 0 in faces.shape[1:]:
        raise ValueError(
            "Expected grayscale faces of shape (n_samples, height, width), "
            f"got an array of shape {faces.shape}."
        )
    if faces.dtype != np.uint8:
        raise ValueError(
            f"Expected faces of uint8, 0 to 255, got {faces.dtype}: scale and convert them first."
        )
    return faces


def to_side(faces: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Resize faces to squares.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)
    side : int
        In pixels.

    Returns
    -------
    squares : ndarray of uint8 of shape (n_samples, side, side)
        The faces themselves if they have that size.
    scale : ndarray of float32 of shape (2,)
        What x and y in a square are multiplied by to lie in the face as given.
    """
    import cv2

    height, width = faces.shape[1:]
    scale = np.array([width / side, height / side], np.float32)
    if (height, width) == (side, side):
        return faces, scale
    way = cv2.INTER_AREA if min(height, width) > side else cv2.INTER_CUBIC
    squares = np.empty((len(faces), side, side), np.uint8)
    for face, square in zip(faces, squares, strict=True):
        cv2.resize(face, (side, side), square, interpolation=way)
    return squares, scale
