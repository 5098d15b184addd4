"""The 68 points of the iBUG annotation: which is which, and which mirrors which."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_POINTS = 68

#: Indices of the points of each part; left and right are the person's own.
PARTS: dict[str, range] = {
    "jaw": range(17),
    "right_brow": range(17, 22),
    "left_brow": range(22, 27),
    "nose_bridge": range(27, 31),
    "nostrils": range(31, 36),
    "right_eye": range(36, 42),
    "left_eye": range(42, 48),
    "outer_lips": range(48, 60),
    "inner_lips": range(60, 68),
}

#: Name of every point: its part, and its place in it.
POINT_NAMES = tuple(f"{part}_{i}" for part, indices in PARTS.items() for i in range(len(indices)))

#: The outer corners of the right and the left eye: their distance is the unit of errors.
OUTER_EYE_CORNERS = (36, 45)

_MIRRORED = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46),
        *(39, 38, 37, 36, 41, 40),
        *range(54, 47, -1),
        *range(59, 54, -1),
        *range(64, 59, -1),
        *range(67, 64, -1),
    ]
)


def mirror_points(points: ArrayLike, width: float) -> NDArray[np.floating]:
    """Move points to where they are in the mirrored face.

    Parameters
    ----------
    points : array-like of shape (n_samples, 68, 2)
        x then y, in pixels from the picture's upper left edge.
    width : float
        Width of the face, in pixels.

    Returns
    -------
    ndarray of shape (n_samples, 68, 2)
        In iBUG's order again: the right eye of the mirrored face was the left one.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.zeros((1, 68, 2))
    >>> points[0, 36] = 10, 20
    >>> mirror_points(points, 48)[0, 45].tolist()
    [38.0, 20.0]
    """
    mirrored = as_points(points)[:, _MIRRORED]
    mirrored[..., 0] = width - mirrored[..., 0]
    return mirrored


def as_points(points: ArrayLike) -> NDArray[np.floating]:
    """Check that an array holds the 68 points of each face.

    Parameters
    ----------
    points : array-like of shape (n_samples, 68, 2)

    Returns
    -------
    ndarray of float of shape (n_samples, 68, 2)
        A face of which any coordinate is not finite is NaN throughout.

    Raises
    ------
    ValueError
        If it has another shape.
    """
    array = np.asarray(points)
    if array.ndim != 3 or array.shape[1:] != (N_POINTS, 2):
        raise ValueError(
            f"Expected points of shape (n_samples, {N_POINTS}, 2), x then y in iBUG's order, got "
            f"an array of shape {array.shape}: choose those {N_POINTS} of your tool's points."
        )
    array = array.astype(np.result_type(array.dtype, np.float32))
    array[~np.isfinite(array).all(axis=(1, 2))] = np.nan
    return array


def eye_distance(points: ArrayLike) -> NDArray[np.floating]:
    """Measure the distance of the outer corners of the eyes.

    Parameters
    ----------
    points : array-like of shape (n_samples, 68, 2)

    Returns
    -------
    ndarray of shape (n_samples,)
        In the unit of the points.
    """
    right, left = (as_points(points)[:, corner] for corner in OUTER_EYE_CORNERS)
    return np.linalg.norm(left - right, axis=1)


def point_errors(found: ArrayLike, given: ArrayLike) -> NDArray[np.floating]:
    """Measure how far found points are from given ones.

    Parameters
    ----------
    found, given : array-like of shape (n_samples, 68, 2)

    Returns
    -------
    ndarray of shape (n_samples,)
        Mean distance of the points of each face, in units of the distance of the outer corners of
        the eyes in `given`; NaN where points are.

    References
    ----------
    Sagonas, C. et al. (2013). 300 Faces In-The-Wild Challenge: the first facial landmark
    localization challenge. ICCV workshops.
    """
    distances = np.linalg.norm(as_points(found) - as_points(given), axis=2).mean(axis=1)
    return distances / eye_distance(given)


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

    def warp(self, faces: NDArray[np.uint8], size: int, *, border: int = 0) -> NDArray[np.uint8]:
        """Transform the faces, their edge pixels repeated where they end.

        Parameters
        ----------
        faces : ndarray of uint8 of shape (n_samples, height, width)
        size : int
            Side of the result, in pixels.
        border : int, default=0
            Pixels repeated around the faces beforehand. It changes no result: OpenCV takes twice
            as long where it has to find that there are none.

        Returns
        -------
        ndarray of uint8 of shape (n_samples, size, size)
        """
        import cv2

        # Points count from the edge of the first pixel, OpenCV from its centre.
        shift = self.shift + self.factor * (0.5 + 0.5j) - (0.5 + 0.5j)
        factor = self.factor.astype(complex)
        shift = shift - factor * (border + border * 1j)
        rows = [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
        matrices = np.moveaxis(np.array(rows), 2, 0)
        faces = np.pad(faces, ((0, 0), (border, border), (border, border)), "edge")
        warped = np.empty((len(faces), size, size), np.uint8)
        for face, matrix, out in zip(faces, matrices, warped, strict=True):
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
    # In products of four rows: so rounding does not depend on the number of faces, and BLAS starts
    # no threads of its own.
    rows = np.zeros((-(-len(z) // 4) * 4, z.shape[1]), z.dtype)
    rows[: len(z)] = np.conj(z - centre)
    products = rows.reshape(-1, 4, z.shape[1]) @ (goal - goal.mean())
    factor = products.reshape(len(rows))[: len(z)] / spread
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
