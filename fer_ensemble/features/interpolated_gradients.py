"""Histograms of gradients whose votes are shared between neighbouring directions and cells.

They are those of OpenCV's ``HOGDescriptor``, for many faces at once: the votes of a gradient stand
in a table, and sharing them between cells is a product of matrices along either axis.

References
----------
Dalal, N. and Triggs, B. (2005). Histograms of oriented gradients for human detection. CVPR.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.features.oriented_gradients import all_gradients

# As many at once as stay, with their votes, in a processor's cache.
_PIXELS_AT_ONCE = 2**15
# Where normalised values are cut: OpenCV's default.
_LARGEST = np.float32(0.2)

_Array = NDArray[np.float32]


def block_histograms(
    places: NDArray[np.int32],
    *,
    orientations: int,
    block: int,
    step: int,
    cell: int,
    mirrored: bool = False,
) -> _Array:
    """Compute the histograms of square blocks.

    Parameters
    ----------
    places : ndarray of int32 of shape (n_samples, side, side)
        Those of gradients, as :func:`gradient_places` finds them.
    orientations : int
        Number of bins of signed directions; even.
    block : int
        Side of the blocks that are normalised together, in pixels.
    step : int
        From one block to the next, in pixels.
    cell : int
        Side of a cell, in pixels.
    mirrored : bool, default=False
        Whether to compute those of the mirror images too, at little more cost.

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_values), or (2 * n_samples, n_values) if `mirrored`
        Block by block and, in a block, cell by cell, down the columns. Those of a picture do not
        depend on the pictures beside it.
    """
    n, side = places.shape[:2]
    table, weights = _table(orientations), _cell_weights(block, cell)
    starts, n_cells = range(0, side - block + 1, step), len(weights)
    across = _everywhere(weights, starts, side)
    if mirrored:
        across = np.concatenate([across, across[:, ::-1]])
    at_once = max(1, min(_PIXELS_AT_ONCE // side**2, n))
    # Taken once: new memory for every few faces costs more than what is done in it.
    votes = np.empty((at_once, side, side * orientations), np.float32)
    rows = np.empty((at_once, len(starts), n_cells, side * orientations), np.float32)
    shape = len(starts), n_cells, 1 + mirrored, len(starts), n_cells, orientations
    sums = np.empty((n, *shape), np.float32)
    # Products of few rows each, all of one shape: so the sums of a face do not depend on the faces
    # beside it, and no product is large enough for BLAS to start threads of its own.
    for first in range(0, n, at_once):
        chunk = places[first : first + at_once]
        k = len(chunk)
        np.take(table, chunk, axis=0, out=votes[:k].reshape(*chunk.shape, -1), mode="wrap")
        for i, start in enumerate(starts):
            np.matmul(weights, votes[:k, start : start + block], out=rows[:k, i])
        np.matmul(
            across,
            rows[:k].reshape(k, -1, side, orientations),
            out=sums[first : first + k].reshape(k, -1, len(across), orientations),
        )
    if mirrored:
        # What points to the right in a face points to the left in its mirror image.
        bins = (orientations // 2 - 1 - np.arange(orientations)) % orientations
        sums[:, :, :, 1] = sums[:, :, :, 1][..., bins]
    blocks = sums.transpose(3, 0, 4, 1, 5, 2, 6).reshape(-1, n_cells**2 * orientations)
    _normalise(blocks)
    return blocks.reshape((1 + mirrored) * n, len(starts) ** 2 * blocks.shape[1])


def _everywhere(weights: _Array, starts: range, side: int) -> _Array:
    """Weights of all pixels along a side for the cells of all blocks, of shape (n_all, side)."""
    everywhere = np.zeros((len(starts), len(weights), side), np.float32)
    for start, cells in zip(starts, everywhere, strict=True):
        cells[:, start : start + weights.shape[1]] = weights
    return everywhere.reshape(-1, side)


@lru_cache(maxsize=4)  # of a MiB for each direction
def _table(orientations: int) -> _Array:
    """The votes of every gradient of bytes for each direction."""
    import cv2

    along_rows, along_columns = (g.astype(np.float32) for g in all_gradients())
    lengths, angles = (a.ravel() for a in cv2.cartToPolar(along_columns, along_rows))
    bins = angles * np.float32(orientations / (2 * np.pi)) - np.float32(0.5)
    lower = np.floor(bins).astype(int)
    share = bins - lower.astype(np.float32)
    votes = np.zeros((len(lengths), orientations), np.float32)
    every = np.arange(len(votes))
    votes[every, lower % orientations] = lengths * (1 - share)
    votes[every, (lower + 1) % orientations] = lengths * share
    return votes


@lru_cache
def _cell_weights(block: int, cell: int) -> _Array:
    """How much the pixels along the side of a block count in each of its cells.

    Of shape (n_cells, block): less with the distance from the cell's centre, up to the next one's,
    and from the middle of the block, by a Gaussian as wide as half a block.
    """
    pixels = np.arange(block)
    centres = np.arange(block // cell) + 0.5
    near = np.maximum(1 - np.abs((pixels + 0.5) / cell - centres[:, None]), 0)
    return (near * np.exp(-8 * (pixels / block - 0.5) ** 2)).astype(np.float32)


def _normalise(blocks: _Array) -> None:
    """Divide blocks, of shape (n_blocks, n_values), by their lengths, in place, cutting once."""
    for least in (0.1 * blocks.shape[1], 1e-3):
        lengths = np.sqrt(np.einsum("ij,ij->i", blocks, blocks))
        blocks /= (lengths + np.float32(least))[:, None]
        if least > 1e-3:
            np.minimum(blocks, _LARGEST, out=blocks)
