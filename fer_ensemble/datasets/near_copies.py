"""Faces that show the same photograph: exact copies, and mirrored, shifted or re-lit ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.splitting import copy_groups

#: Least similarity of near-copies. The similarities of FER2013's Training and PublicTest faces that
#: look alike at first form two humps, with fewest pairs between 0.5 and 0.6. By eye, 98 of the 260
#: pairs from 0.65 to 0.70, and all 45 mirrored pairs above 0.65, each show one photograph.
SIMILAR = 0.65

_MAX_SHIFT = 3  # pixels, to every side
# Standard deviations of the blur that is taken away, in pixels: for the comparison of two faces,
# and for the first look, whose thumbnails have a third of the resolution.
_FINE, _COARSE = 2.0, 6.0
_THUMBNAIL_SIZE = 16
# Keeps nine in ten of the near-copies that a looser first look finds, at a tenth of its cost.
_ALIKE_AT_FIRST = 0.7
_LEAST_CONTRAST = 0.5  # grey levels; the details of a flatter face are noise
# Thumbnails that are compared with all others at once: bounds the memory of the products.
_BLOCK = 512


@dataclass(frozen=True, eq=False)
class NearCopies:
    """Pairs of faces that show the same photograph.

    Attributes
    ----------
    pairs : ndarray of shape (n_pairs, 2), int64
        Rows of the two faces, the smaller one first; each pair once, in ascending order.
    similarity : ndarray of shape (n_pairs,), float64
        From the least one asked for to 1.
    mirrored : ndarray of shape (n_pairs,), bool
        Whether one face resembles the mirror image of the other more than the other itself.
    """

    pairs: NDArray[np.int64]
    similarity: NDArray[np.float64]
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        """Count of pairs."""
        return len(self.pairs)


def find_near_copies(images: NDArray[np.uint8], *, threshold: float = SIMILAR) -> NearCopies:
    """Find pairs of faces that show the same photograph, mirror images included.

    Compared are details: what is left of a face when its blur is taken away, so that light,
    contrast and the layout that all faces share do not count. The similarity of two faces is the
    normalised cross-correlation [1]_ of their details, at the best of all shifts by up to 3
    pixels. All pairs are first compared by thumbnails of 16 × 16 pixels, and those that differ
    there are dropped. That keeps 499 of 500 Training faces of FER2013 beside themselves shifted by
    one pixel, three in four of those shifted by two, and few shifted by more. Memory grows with
    the faces and the pairs found, not with all pairs.

    Parameters
    ----------
    images : ndarray of shape (n_samples, 48, 48), uint8
        Faces, exact copies left out: they would be found as well.
    threshold : float, default=0.65
        Least similarity, above 0 and at most 1.

    Returns
    -------
    NearCopies
        Faces without details, as blank ones, are in no pair.

    Raises
    ------
    ValueError
        If `threshold` is out of range.

    References
    ----------
    .. [1] J. P. Lewis, "Fast normalized cross-correlation", Vision Interface, 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from fer_ensemble.datasets import find_near_copies, make_faces
    >>> faces = make_faces(5, random_state=0).images
    >>> shifted = np.roll(faces[2], 2, axis=1)
    >>> found = find_near_copies(np.concatenate([faces, shifted[np.newaxis, :, ::-1]]))
    >>> found.pairs.tolist(), found.mirrored.tolist()
    ([[2, 5]], [True])
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold}: take a similarity above 0 and at most 1.")
    rows = np.flatnonzero([_has_details(face) for face in images])
    matches: dict[tuple[int, int], _Match] = {}
    for mirrored in (False, True):
        for i, j in _candidates(images, rows, mirrored):
            similarity = _similarity(images[i], images[j][:, ::-1] if mirrored else images[j])
            if similarity >= max(threshold, matches.get((i, j), _Match(0, False)).similarity):
                matches[i, j] = _Match(similarity, mirrored)
    pairs = sorted(matches)
    return NearCopies(
        np.array(pairs, np.int64).reshape(-1, 2),
        np.array([matches[pair].similarity for pair in pairs], np.float64),
        np.array([matches[pair].mirrored for pair in pairs], np.bool_),
    )


def find_copies(
    images: NDArray[np.uint8], *, threshold: float = SIMILAR
) -> tuple[NDArray[np.int64], NearCopies]:
    """Find exact copies and near-copies at once.

    Parameters
    ----------
    images : ndarray of shape (n_samples, 48, 48), uint8
        Any faces.
    threshold : float, default=0.65
        As `find_near_copies` takes it.

    Returns
    -------
    groups : ndarray of shape (n_samples,), int64
        The same number for exact copies, as :func:`~fer_ensemble.splitting.copy_groups` gives it.
    near : NearCopies
        By rows of `images`: of exact copies the first stands for all.
    """
    groups = copy_groups(images)
    first = np.unique(groups, return_index=True)[1]
    # In memory: every face is compared with every other.
    found = find_near_copies(np.asarray(images[first]), threshold=threshold)
    return groups, NearCopies(first[found.pairs], found.similarity, found.mirrored)


class _Match(NamedTuple):
    similarity: float
    mirrored: bool


def _candidates(
    images: NDArray[np.uint8], rows: NDArray[np.intp], mirrored: bool
) -> Iterator[tuple[int, int]]:
    """Pairs of rows, the smaller one first, whose thumbnails are alike."""
    if not len(rows):
        return
    thumbnails = np.stack([_thumbnail(images[row]) for row in rows])
    others = thumbnails[:, :, ::-1] if mirrored else thumbnails
    left, right = (part.reshape(len(rows), -1) for part in (thumbnails, others))
    # One product of matrices compares a block with all others: only what this first look leaves is
    # worth a comparison pair by pair.
    for start in range(0, len(rows), _BLOCK):
        alike = left[start : start + _BLOCK] @ right[start:].T >= _ALIKE_AT_FIRST
        # Few of the millions are alike. To look for them in a flat array takes a fraction of what
        # np.argwhere takes.
        i, j = np.divmod(np.flatnonzero(alike), alike.shape[1])
        for pair in zip(rows[start + i[i < j]], rows[start + j[i < j]], strict=True):
            yield int(pair[0]), int(pair[1])


def _thumbnail(face: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Coarse details, with mean zero and norm one."""
    import cv2

    size = (_THUMBNAIL_SIZE, _THUMBNAIL_SIZE)
    small: NDArray[np.float32] = cv2.resize(
        _details(face, _COARSE), size, interpolation=cv2.INTER_AREA
    )
    small -= small.mean()
    norm = float(np.linalg.norm(small))
    return small / norm if norm else small


def _similarity(face: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    import cv2

    # A frame is cut from one face alone, so that it fits into the other at every shift.
    template = _details(face, _FINE)[_MAX_SHIFT:-_MAX_SHIFT, _MAX_SHIFT:-_MAX_SHIFT]
    by_shift = cv2.matchTemplate(_details(other, _FINE), template, cv2.TM_CCOEFF_NORMED)
    return min(float(by_shift.max()), 1.0)


def _has_details(face: NDArray[np.uint8]) -> bool:
    middle = _details(face, _FINE)[_MAX_SHIFT:-_MAX_SHIFT, _MAX_SHIFT:-_MAX_SHIFT]
    return bool(middle.std() >= _LEAST_CONTRAST)


def _details(face: NDArray[np.uint8], blur: float) -> NDArray[np.float32]:
    import cv2

    pixels = face.astype(np.float32)
    details: NDArray[np.float32] = pixels - cv2.GaussianBlur(pixels, (0, 0), blur)
    return details
