"""Histograms of oriented gradients as features."""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import Memory, Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, check_memory

from fer_ensemble.features.oriented_gradients import oriented_gradients
from fer_ensemble.pixels import check_faces

# Below this a thread costs more to start than it saves.
_MIN_FACES_PER_JOB = 1000


class HOG(TransformerMixin, BaseEstimator):
    """Histogram of oriented gradients: a vector of local edge directions per face.

    Parameters and values are those of :func:`skimage.feature.hog`, the values up to rounding. The
    defaults give 1,568 for a 48×48 face.

    Parameters
    ----------
    orientations : int, default=8
        Number of direction bins.
    pixels_per_cell : tuple of int, default=(6, 6)
        Height and width of a cell in pixels.
    cells_per_block : tuple of int, default=(2, 2)
        Height and width, in cells, of the blocks that are normalised together.
    block_norm : {'L1', 'L1-sqrt', 'L2', 'L2-Hys'}, default='L2-Hys'
        How a block is normalised.
    transform_sqrt : bool, default=False
        Whether to take the square root of the pixels first (power-law compression).
    n_jobs : int, default=None
        Threads; ``None`` is one and ``-1`` one for each processor. Small inputs use one anyway.
    memory : str, path or joblib.Memory, default=None
        Where to cache the features of faces already seen, so that two members with the same
        HOG compute it once; ``None`` caches nothing.

    Attributes
    ----------
    face_shape_ : tuple of int
        Height and width, in pixels, of the faces seen in :meth:`fit`.
    n_features_out_ : int
        Length of a feature vector.

    References
    ----------
    Dalal, N. and Triggs, B. (2005). Histograms of oriented gradients for human detection. CVPR.

    Examples
    --------
    >>> from fer_ensemble.datasets import make_faces
    >>> from fer_ensemble.features import HOG
    >>> faces = make_faces(4, random_state=0).images
    >>> HOG().fit_transform(faces).shape
    (4, 1568)
    """

    # Read where samples come a batch at a time.
    learns_nothing = True

    def __init__(
        self,
        orientations: int = 8,
        pixels_per_cell: tuple[int, int] = (6, 6),
        cells_per_block: tuple[int, int] = (2, 2),
        *,
        block_norm: str = "L2-Hys",
        transform_sqrt: bool = False,
        n_jobs: int | None = None,
        memory: Any = None,
    ) -> None:
        self.orientations = orientations
        self.pixels_per_cell = pixels_per_cell
        self.cells_per_block = cells_per_block
        self.block_norm = block_norm
        self.transform_sqrt = transform_sqrt
        self.n_jobs = n_jobs
        self.memory = memory

    def fit(self, X: ArrayLike, y: object = None) -> HOG:
        """Note the size of the faces; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width)
            Grayscale faces.
        y : ignored

        Returns
        -------
        HOG
            The transformer itself.

        Raises
        ------
        ValueError
            If `X` is not a stack of grayscale faces, or a face is smaller than one block.
        """
        faces = check_faces(X, "HOG")
        self.face_shape_: tuple[int, int] = faces.shape[1:]
        cells = np.floor_divide(self.face_shape_, self.pixels_per_cell)
        blocks = cells - np.subtract(self.cells_per_block, 1)
        if blocks.min() < 1:
            raise ValueError(
                f"Faces of {self.face_shape_[0]}×{self.face_shape_[1]} px are smaller than one "
                f"block of {self.cells_per_block} cells of {self.pixels_per_cell} px: "
                "take smaller pixels_per_cell or cells_per_block."
            )
        self.n_features_out_ = int(np.prod(blocks) * np.prod(self.cells_per_block))
        self.n_features_out_ *= self.orientations
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Compute the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width)
            Grayscale faces of the size seen in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            Features in [0, 1], single precision.

        Raises
        ------
        ValueError
            If the faces have another size than those seen in :meth:`fit`.
        """
        check_is_fitted(self)
        faces = check_faces(X, "HOG", self.face_shape_)
        memory: Memory = check_memory(self.memory)
        extract = memory.cache(_extract, ignore=["n_jobs"])
        return extract(
            faces,
            {
                "orientations": self.orientations,
                "pixels_per_cell": tuple(self.pixels_per_cell),
                "cells_per_block": tuple(self.cells_per_block),
                "block_norm": self.block_norm,
                "transform_sqrt": self.transform_sqrt,
            },
            n_jobs=self.n_jobs,
        )

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the features: ``hog0``, ``hog1``, …

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str of shape (n_features_out,)
        """
        check_is_fitted(self)
        return np.array([f"hog{i}" for i in range(self.n_features_out_)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _extract(
    faces: NDArray[Any], parameters: dict[str, Any], n_jobs: int | None = None
) -> NDArray[np.float32]:
    n_chunks = min(effective_n_jobs(n_jobs), max(1, len(faces) // _MIN_FACES_PER_JOB))
    chunks = np.array_split(faces, n_chunks)
    # Required, since a backend chosen for fits, such as a cluster, goes before what is preferred.
    threads = Parallel(n_jobs=n_chunks, require="sharedmem")
    return np.concatenate(
        list(threads(delayed(oriented_gradients)(c, **parameters) for c in chunks))
    )
