"""Histograms of oriented gradients of many faces at once, with scikit-image's values.

Gradients of bytes are whole numbers, so the direction and the length of each stand in a table:
what is left to do for a pixel is to look them up and to count them in its cell.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

# Gradients of bytes lie between -255 and 255.
_STEEPEST = 255
_N_GRADIENTS = 2 * _STEEPEST + 1
# As many at once as stay, with what is computed from them, in a processor's cache.
_PIXELS_AT_ONCE = 2**17
# Added to the length of a block, and where L2-Hys cuts: both as in scikit-image.
_EPSILON = 1e-5
_LARGEST = 0.2

_Bins = NDArray[np.intp]
_Numbers = NDArray[np.float64]
_Window = tuple[slice, slice, slice]


def oriented_gradients(
    faces: NDArray[np.uint8],
    *,
    orientations: int,
    pixels_per_cell: tuple[int, int],
    cells_per_block: tuple[int, int],
    block_norm: str,
    transform_sqrt: bool,
) -> NDArray[np.float32]:
    """Compute histograms of oriented gradients.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, height, width)
        Grayscale, none smaller than a block.
    orientations : int
        Number of bins of unsigned directions. A gradient counts in one bin and one cell alone.
    pixels_per_cell : tuple of int
        Height and width of a cell. Pixels behind the last whole cell are left out.
    cells_per_block : tuple of int
        Height and width of a block in cells. Blocks overlap: they move on by a cell.
    block_norm : {'L1', 'L1-sqrt', 'L2', 'L2-Hys'}
        How a block is normalised.
    transform_sqrt : bool
        Whether to take the square root of the pixels first.

    Returns
    -------
    ndarray of float32 of shape (n_samples, n_features)
        The values of :func:`skimage.feature.hog` up to rounding, cell by cell of a block, block by
        block. Those of a face do not depend on the faces beside it.

    Raises
    ------
    ValueError
        If `block_norm` is unknown.

    References
    ----------
    Dalal, N. and Triggs, B. (2005). Histograms of oriented gradients for human detection. CVPR.
    """
    n_rows, n_columns = np.floor_divide(faces.shape[1:], pixels_per_cell)
    whole = np.s_[:, : n_rows * pixels_per_cell[0], : n_columns * pixels_per_cell[1]]
    at_once = max(1, min(_PIXELS_AT_ONCE // faces[0].size, len(faces)))
    cells = np.arange(at_once * n_rows * n_columns).reshape(at_once, n_rows, n_columns)
    # The first bin of every pixel's cell.
    first_bins = orientations * cells.repeat(pixels_per_cell[0], 1).repeat(pixels_per_cell[1], 2)
    n_blocks = np.array([n_rows, n_columns]) - cells_per_block + 1
    blocks = np.empty((len(faces), *n_blocks, *cells_per_block, orientations), np.float32)
    for start in range(0, len(faces), at_once):
        chunk = np.ascontiguousarray(faces[start : start + at_once])
        find_gradients = _gradients_of_roots if transform_sqrt else _look_up_gradients
        bins, lengths = find_gradients(chunk, orientations, whole)
        bins += first_bins[: len(chunk)]
        n_bins = cells[: len(chunk)].size * orientations
        sums = np.bincount(bins.ravel(), lengths.ravel(), n_bins)
        means = (sums / np.prod(pixels_per_cell)).reshape(len(chunk), n_rows, n_columns, -1)
        windows = sliding_window_view(means, cells_per_block, axis=(1, 2))
        blocks[start : start + at_once] = np.moveaxis(windows, 3, -1)
        _normalise(blocks[start : start + at_once].reshape(-1, blocks[0, 0, 0].size), block_norm)
    return blocks.reshape(len(faces), -1)


def _look_up_gradients(
    faces: NDArray[np.uint8], orientations: int, window: _Window
) -> tuple[_Bins, _Numbers]:
    """Bins and lengths of the gradients of bytes."""
    bins, lengths = _table(orientations)
    wide = faces.astype(np.int32)
    places = _gradients(wide, axis=1)
    places *= _N_GRADIENTS
    places += _gradients(wide, axis=2)
    places += _STEEPEST * _N_GRADIENTS + _STEEPEST
    places = places[window]
    # All places are in the table: any mode but the default spares looking whether they are.
    return np.take(bins, places, mode="wrap"), np.take(lengths, places, mode="wrap")


@lru_cache(maxsize=8)  # of 4 MiB
def _table(orientations: int) -> tuple[_Bins, _Numbers]:
    steps = np.arange(-_STEEPEST, _STEEPEST + 1.0)
    along_rows, along_columns = steps.repeat(_N_GRADIENTS), np.tile(steps, _N_GRADIENTS)
    return _polar(along_rows, along_columns, orientations)


def _gradients_of_roots(
    faces: NDArray[np.uint8], orientations: int, window: _Window
) -> tuple[_Bins, _Numbers]:
    """Bins and lengths of the gradients of the pixels' square roots."""
    roots = np.sqrt(faces.astype(np.float64))
    along_rows, along_columns = (_gradients(roots, axis)[window] for axis in (1, 2))
    return _polar(along_rows, along_columns, orientations)


def _gradients(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Differences of the two neighbours along an axis, none at the ends of a face."""
    gradients = np.empty_like(values)
    flat, step = values.reshape(-1), int(np.prod(values.shape[axis + 1 :]))
    # Through all faces at once, for speed; what reaches from one into the next is put right below.
    np.subtract(flat[2 * step :], flat[: -2 * step], out=gradients.reshape(-1)[step:-step])
    ends = np.moveaxis(gradients, axis, 0)
    ends[0] = ends[-1] = 0
    return gradients


def _polar(
    along_rows: _Numbers, along_columns: _Numbers, orientations: int
) -> tuple[_Bins, _Numbers]:
    """Bins of directions and lengths of gradients, by the arithmetic of scikit-image.

    Its bins end at numbers in single precision, so that a direction of nearly 180 degrees may lie
    in none: it counts in the last one with length zero.
    """
    lengths = np.sqrt(along_rows**2 + along_columns**2)
    degrees = np.rad2deg(np.arctan2(along_rows, along_columns))
    # What `% 180` gives, but faster.
    unsigned = np.where(degrees < 0, degrees + 180, degrees)
    unsigned[degrees == 180] = 0
    bins = np.zeros(degrees.shape, np.int16)
    for end in np.float32(180 / orientations) * np.arange(1, orientations + 1, dtype=np.float32):
        bins += unsigned >= float(end)
    lengths *= bins < orientations
    return np.minimum(bins, orientations - 1, dtype=np.intp), lengths


def _normalise(blocks: NDArray[np.float32], block_norm: str) -> None:
    """Normalise blocks, of shape (n_blocks, n_values), in place."""
    if block_norm in ("L1", "L1-sqrt"):
        blocks /= blocks.sum(axis=1, keepdims=True) + np.float32(_EPSILON)
        if block_norm == "L1-sqrt":
            np.sqrt(blocks, out=blocks)
    elif block_norm in ("L2", "L2-Hys"):
        _divide_by_length(blocks)
        if block_norm == "L2-Hys":
            np.minimum(blocks, _LARGEST, out=blocks)
            _divide_by_length(blocks)
    else:
        raise ValueError(f"block_norm={block_norm!r}: choose 'L1', 'L1-sqrt', 'L2' or 'L2-Hys'.")


def _divide_by_length(blocks: NDArray[np.float32]) -> None:
    squares = np.einsum("ij,ij->i", blocks, blocks)
    blocks /= np.sqrt(squares + np.float32(_EPSILON**2))[:, None]
