"""The arithmetic of the rules, on blocks of samples that fit into a processor's cache.

A block has the shape ``(n_members, n_classes, n_samples)``: with the samples last, every operation
runs along long contiguous rows. Scores are returned as ``(n_classes, n_samples)``, on any scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.evaluation import SMALLEST_PROBABILITY

Floats: TypeAlias = NDArray[np.float64]
Pool: TypeAlias = Callable[[Floats, Floats], Floats]

_BLOCK_SIZE = 200_000


def pool_blocks(array: NDArray[np.floating[Any]], pool: Pool, weights: Floats) -> Floats:
    """Score the classes of every sample, a block of samples at a time.

    Parameters
    ----------
    array : ndarray of shape (n_samples, n_members, n_classes)
        Probabilities that were checked.
    pool : callable
        One of the functions of this module: of a block and the weights.
    weights : ndarray of shape (n_members,)
        One weight per member, not all zero.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Scores scaled to sum to one in each row; where all are zero, the classes share alike.
    """
    n_samples, n_members, n_classes = array.shape
    pooled = np.empty((n_samples, n_classes))
    step = max(1, _BLOCK_SIZE // (n_members * n_classes))
    for start in range(0, n_samples, step):
        rows = slice(start, start + step)
        block = np.array(array[rows].transpose(1, 2, 0), dtype=np.float64, order="C")
        scores = pool(block, weights)
        total = scores.sum(axis=0)
        scores[:, total == 0] = 1
        total[total == 0] = n_classes
        pooled[rows] = (scores / total).T
    return pooled


def mean(block: Floats, weights: Floats) -> Floats:
    """Average the probabilities."""
    scores: Floats = np.einsum("mkn,m->kn", block, weights)
    return scores


def votes(block: Floats, weights: Floats) -> Floats:
    """Count a vote per member for its favourite, split among favourites that are equal."""
    favourites = block == block.max(axis=1, keepdims=True)
    shares = favourites / favourites.sum(axis=1, keepdims=True)
    scores: Floats = np.einsum("mkn,m->kn", shares, weights)
    return scores


def geometric_mean(block: Floats, weights: Floats) -> Floats:
    """Average the logarithms of the probabilities."""
    logarithms = np.log(np.maximum(block, SMALLEST_PROBABILITY))
    scores = np.einsum("mkn,m->kn", logarithms, weights / weights.sum())
    exponentials: Floats = np.exp(scores - scores.max(axis=0))
    return exponentials


def median(block: Floats, weights: Floats) -> Floats:
    """Take the middle probability."""
    # In less than half the time of NumPy's own median, which looks for NaN as well.
    middle = (len(block) - 1) // 2, len(block) // 2
    ordered = np.partition(block, middle, axis=0)
    scores: Floats = (ordered[middle[0]] + ordered[middle[1]]) / 2
    return scores


def maximum(block: Floats, weights: Floats) -> Floats:
    """Take the highest probability."""
    scores: Floats = block.max(axis=0)
    return scores


def ranks(block: Floats, weights: Floats) -> Floats:
    """Add up over the members how many classes each class beats, a draw counting one half."""
    n_members, n_classes, n_samples = block.shape
    scores = np.full((n_classes, n_samples), n_members * (n_classes - 1) / 2)
    for i in range(n_classes):
        for j in range(i):
            above, below = block[:, i] > block[:, j], block[:, i] < block[:, j]
            lead = np.subtract(above, below, dtype=np.int8).sum(axis=0) / 2
            scores[i] += lead
            scores[j] -= lead
    return scores
