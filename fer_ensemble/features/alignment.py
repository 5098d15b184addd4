"""Similarity transforms between shapes, and faces brought upright by them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Similarity(NamedTuple):
    """One similarity transform per face, with points as complex numbers: z → factor · z + shift.

    Attributes
    ----------
    factor : ndarray of complex of shape (n_samples,)
        Its length is the scale, its angle the rotation.
    shift : ndarray of complex of shape (n_samples,)
    """

    factor: NDArray[np.complexfloating]
    shift: NDArray[np.complexfloating]

    def apply(self, points: NDArray[Any]) -> NDArray[np.float32]:
        """Transform the points of each face.

        Parameters
        ----------
        points : ndarray of shape (n_samples, n_points, 2)

        Returns
        -------
        ndarray of float32 of shape (n_samples, n_points, 2)
        """
        z = _complex(points) * self.factor[:, None] + self.shift[:, None]
        return np.stack([z.real, z.imag], axis=2).astype(np.float32)

    def inverse(self) -> Similarity:
        """Transform back."""
        return Similarity(1 / self.factor, -self.shift / self.factor)

    def warp(self, faces: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """Transform the faces, their edge pixels repeated where they end.

        Parameters
        ----------
        faces : ndarray of uint8 of shape (n_samples, height, width)
        size : int
            Side of the result, in pixels.

        Returns
        -------
        ndarray of uint8 of shape (n_samples, size, size)
        """
        import cv2

        # Points count from the edge of the first pixel, OpenCV from its centre.
        shift = self.shift + self.factor * (0.5 + 0.5j) - (0.5 + 0.5j)
        warped = np.empty((len(faces), size, size), np.uint8)
        for face, a, b, out in zip(faces, self.factor, shift, warped, strict=True):
            matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
            cv2.warpAffine(face, matrix, (size, size), out, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
        return warped


def fit_similarity(points: NDArray[Any], target: NDArray[Any]) -> Similarity:
    """Find the similarity transforms that bring points nearest to a shape, by least squares.

    Parameters
    ----------
    points : ndarray of shape (n_samples, n_points, 2)
    target : ndarray of shape (n_points, 2)

    Returns
    -------
    Similarity

    References
    ----------
    Cootes, T. et al. (1995). Active shape models: their training and application. Computer Vision
    and Image Understanding 61(1), appendix A.
    """
    z, goal = _complex(points), _complex(target)
    centre = z.mean(axis=1, keepdims=True)
    spread = (np.abs(z - centre) ** 2).sum(axis=1)
    factor = (np.conj(z - centre) @ (goal - goal.mean())) / spread
    return Similarity(factor, goal.mean() - factor * centre[:, 0])


def draw_similarity(
    n_samples: int,
    size: int,
    *,
    rotation: float,
    zoom: float,
    shift: float,
    random: np.random.RandomState,
) -> Similarity:
    """Draw random similarity transforms about the centre of a face.

    Parameters
    ----------
    n_samples : int
    size : int
        Side of the face, in pixels.
    rotation : float
        Most degrees, either way.
    zoom : float
        Largest change of the size, as its natural logarithm: 0.2 is up to 22 % larger or 18 %
        smaller.
    shift : float
        Most pixels along either axis.
    random : RandomState

    Returns
    -------
    Similarity
    """
    angle = np.deg2rad(random.uniform(-rotation, rotation, n_samples))
    factor = np.exp(random.uniform(-zoom, zoom, n_samples) + 1j * angle)
    moved = random.uniform(-shift, shift, (n_samples, 2)) @ np.array([1, 1j])
    centre = size / 2 * (1 + 1j)
    return Similarity(factor, centre - factor * centre + moved)


def _complex(points: NDArray[Any]) -> NDArray[np.complexfloating]:
    return points[..., 0] + 1j * points[..., 1]
