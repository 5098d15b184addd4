"""Occlusion maps: which places of a face speak for a label, by what covering them does.

A patch of the face is covered, the classifier is asked anew, and what the label's log-odds lose is
put down to the place. Any classifier will do, since nothing but its probabilities is asked for.

References
----------
M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.

V. Petsiuk, A. Das and K. Saenko, "RISE: randomized input sampling for explanation of black-box
models", BMVC 2018. (deletion and insertion)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: From faces, uint8 of shape (n_samples, side, side), to probabilities (n_samples, n_classes).
PredictProba: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[np.floating]]

#: What a patch is covered with.
FILLS = ("blur", "gray")

#: Side of a patch and distance of patches, as shares of the face's side: 8 and 4 px of 48. Chosen
#: on Training faces by ``python -m experiments.explanations``.
PATCH = 1 / 6
STRIDE = 1 / 12

# Probabilities count as this at the least: how far a label is ruled out beyond it says nothing, and
# would leave all else of a map pale.
_LEAST = 1e-6

# Blurred so far, as a share of the side, a face shows no expression any more.
_BLUR = 1 / 6


def occlusion_map(
    predict_proba: PredictProba,
    face: NDArray[np.uint8],
    label: int,
    *,
    fill: str = "blur",
    patch: int | None = None,
    stride: int | None = None,
) -> NDArray[np.float32]:
    """Map how much each place of a face speaks for a label.

    Parameters
    ----------
    predict_proba : callable
        From faces of shape (n_samples, side, side), uint8, to probabilities. It is asked once, for
        the face and all its covered copies.
    face : ndarray of uint8 of shape (side, side)
    label : int
        Column of the label.
    fill : {"blur", "gray"}, default="blur"
        What a patch is covered with: the face so blurred that no feature is left of it, or the
        face's mean. A gray patch has edges, which may be taken for features; a blurred one has
        hardly any.
    patch, stride : int, optional
        Side of a patch, and distance from one to the next, in pixels; by default a sixth and a
        twelfth of the face's side.

    Returns
    -------
    ndarray of float32 of shape (side, side)
        What the label's log-odds lose when a pixel is covered, on the mean of the patches that
        cover it, of which those around it count most; in nats. Above 0 the place speaks for the
        label, below 0 against it.

    Raises
    ------
    ValueError
        If there is no such fill or label, or `patch` or `stride` is not in its range.

    Examples
    --------
    A classifier that looks at the upper left pixel alone:

    >>> def bright(faces):
    ...     p = 0.1 + 0.8 * (faces[:, 0, 0] / 255)
    ...     return np.stack([1 - p, p], axis=1)
    >>> face = np.zeros((12, 12), np.uint8)
    >>> face[0, 0] = 255
    >>> found = occlusion_map(bright, face, 1, patch=4, stride=4)
    >>> bool(found[0, 0] > 1), float(abs(found[4:]).max())
    (True, 0.0)
    """
    side = len(face)
    patch = max(1, round(side * PATCH)) if patch is None else patch
    stride = max(1, round(side * STRIDE)) if stride is None else stride
    if not 1 <= stride <= patch <= side:
        raise ValueError(
            f"patch={patch} and stride={stride} on faces of side {side}: 1 <= stride <= patch <= "
            "side, so that every pixel is covered."
        )
    weights = patch_weights(side, patch, stride)
    masks = weights > 0
    covered = np.where(masks, cover(face, fill), face)
    odds = log_odds(predict_proba(np.concatenate([face[None], covered])), label)
    lost = odds[0] - odds[1:]
    return np.asarray(np.tensordot(lost, weights, axes=1) / weights.sum(axis=0), dtype=np.float32)


def patch_weights(side: int, patch: int, stride: int) -> NDArray[np.float64]:
    """Lay patches over a face, those at its edges partly outside.

    Parameters
    ----------
    side, patch, stride : int
        In pixels; see :func:`occlusion_map`.

    Returns
    -------
    ndarray of shape (n_patches, side, side)
        Above 0 in a patch, the most in its middle: so a map is as smooth as its patches allow.
    """
    tent = 1 - np.abs(2 * np.arange(patch) + 1 - patch) / (patch + 1)
    starts = range(-((patch - 1) // stride) * stride, side, stride)
    lines = np.zeros((len(starts), side + 2 * patch))
    for line, start in zip(lines, starts, strict=True):
        line[start + patch : start + 2 * patch] = tent
    lines = lines[:, patch:-patch]
    return (lines[:, None, :, None] * lines[None, :, None, :]).reshape(-1, side, side)


def cover(face: NDArray[np.uint8], fill: str = "blur") -> NDArray[np.uint8]:
    """Give a face of which nothing can be read any more, to take patches from.

    Parameters
    ----------
    face : ndarray of uint8 of shape (side, side)
    fill : {"blur", "gray"}, default="blur"

    Returns
    -------
    ndarray of uint8 of shape (side, side)

    Raises
    ------
    ValueError
        If there is no such fill.
    """
    if fill == "gray":
        return np.full_like(face, round(float(face.mean())))
    if fill != "blur":
        raise ValueError(f"fill={fill!r}: choose one of {', '.join(FILLS)}.")
    import cv2

    sigma = len(face) * _BLUR
    blurred = cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, dtype=np.uint8)


def log_odds(probabilities: ArrayLike, label: int) -> NDArray[np.float64]:
    """Give the logarithm of the odds of a label.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_classes)
    label : int
        Column of the label.

    Returns
    -------
    ndarray of shape (n_samples,)
        log(p / (1 - p)), in nats, from -13.8 to 13.8: shares of votes may be 0 or 1.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    array = np.asarray(probabilities, np.float64)
    if not 0 <= label < array.shape[1]:
        raise ValueError(f"There is no label {label!r} among {array.shape[1]} columns.")
    chosen = array[:, label]
    # Not 1 - p, which is 0 where p rounds to 1.
    others = np.delete(array, label, axis=1).sum(axis=1)
    odds: NDArray[np.float64] = np.log(np.maximum(chosen, _LEAST) / np.maximum(others, _LEAST))
    return odds


def deletion_curve(
    predict_proba: PredictProba,
    face: NDArray[np.uint8],
    label: int,
    order: NDArray[np.floating],
    shares: Sequence[float] = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
    *,
    fill: str = "blur",
    insert: bool = False,
) -> NDArray[np.float64]:
    """Cover the most important places of a face first, and watch the label's probability fall.

    Parameters
    ----------
    predict_proba, face, label, fill
        As of :func:`occlusion_map`.
    order : ndarray of shape (side, side)
        How important each pixel is said to be, such as an occlusion map.
    shares : sequence of float
        Shares of the pixels that are covered, from 0 to 1.
    insert : bool, default=False
        Whether to uncover these pixels in a face that is covered, instead.

    Returns
    -------
    ndarray of shape (n_shares,)
        Probability of the label at each share.

    References
    ----------
    Petsiuk et al. 2018.
    """
    # Later pixels of the same importance come later: a flat map has an order, too.
    ranks = np.empty(order.size, np.intp)
    ranks[np.argsort(-order, axis=None, kind="stable")] = np.arange(order.size)
    first = ranks.reshape(1, *order.shape) < np.round(np.multiply(shares, order.size)).reshape(
        -1, 1, 1
    )
    covered = cover(face, fill)
    variants = np.where(first, face, covered) if insert else np.where(first, covered, face)
    return np.asarray(predict_proba(variants), np.float64)[:, label]
