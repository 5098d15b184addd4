"""Synthetic faces with the seven expressions, to try the toolkit without any data."""

from __future__ import annotations

from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets._face_shape import (
    N_LANDMARKS,
    N_TRAITS,
    draw_action_units,
    face_shape,
    turn_head,
)
from fer_ensemble.datasets.dataset import FACE_SIZE, FaceDataset
from fer_ensemble.datasets.labels import EMOTIONS


class SyntheticFaces(NamedTuple):
    """Synthetic faces, as :func:`make_faces` draws them.

    Attributes
    ----------
    images : ndarray of shape (n_samples, 48, 48), uint8
    labels : ndarray of shape (n_samples,), int64
        Places in `EMOTIONS`.
    points : ndarray of shape (n_samples, 68, 2), float32
        The 68 iBUG landmarks, x then y in pixels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    points: NDArray[np.float32]


def make_faces(
    n_samples: int = 1000,
    *,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> SyntheticFaces:
    """Draw synthetic faces with the seven expressions.

    **These are drawings, not people.** They are made for trying the toolkit and for its tests:
    a figure measured on them says nothing about real faces, and has to be called synthetic
    wherever it is shown.

    Each face has features of its own, shows the action units of its expression with a strength
    and a variant of its own [1]_ [2]_, turns its head a little, and is lit, blurred and made
    noisy. Weak and mixed expressions make the classes overlap.

    Parameters
    ----------
    n_samples : int, default=1000
        At least 1. The classes are shuffled, and as equal in number as `n_samples` allows.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same faces, and a smaller `n_samples` the first of them.
        Generators are drawn from, so that a second call gives other faces.

    Returns
    -------
    SyntheticFaces
        `images` of shape (n_samples, 48, 48) and type uint8, `labels` of shape (n_samples,)
        and type int64 in the order of `EMOTIONS`, and `points` of shape (n_samples, 68, 2) and
        type float32: the landmarks that the face was drawn from, in the order of iBUG (0-16
        jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 lips), x then y in pixels. (0, 0) is
        the centre of the upper left pixel; a few points may lie outside the picture.

    Raises
    ------
    ValueError
        If `n_samples` is not a whole number of at least 1, or `random_state` is no seed.

    References
    ----------
    .. [1] P. Ekman and W. V. Friesen. Facial Action Coding System: A Technique for the
           Measurement of Facial Movement. Consulting Psychologists Press, 1978.
    .. [2] P. Ekman, W. V. Friesen and J. C. Hager. Facial Action Coding System:
           Investigator's Guide. Research Nexus, 2002.

    Examples
    --------
    >>> images, labels, points = make_faces(70, random_state=0)
    >>> images.shape, points.shape
    ((70, 48, 48), (70, 68, 2))
    """
    # OpenCV is loaded only when a face is drawn.
    from fer_ensemble.datasets._face_drawing import draw_camera, draw_face, draw_look, photograph

    if not isinstance(n_samples, Integral) or isinstance(n_samples, bool) or n_samples < 1:
        raise ValueError(f"n_samples must be a whole number of at least 1, not {n_samples!r}")
    seed = _seed(random_state)
    labels = _labels(int(n_samples), np.random.default_rng([seed, 0]))
    images = np.empty((n_samples, FACE_SIZE, FACE_SIZE), np.uint8)
    points = np.empty((n_samples, N_LANDMARKS, 2), np.float32)
    for i, label in enumerate(labels.tolist()):
        # Each face has a stream of its own, so that it depends on no other face.
        rng = np.random.default_rng([seed, i + 1])
        action_units = draw_action_units(label, rng)
        shape = face_shape(_draw_traits(rng), action_units)
        placed = turn_head(
            shape,
            angles=rng.normal(0, (0.1, 0.06, 0.05)),
            scale=rng.normal(0.97, 0.03),
            shift=rng.normal(0, 0.5, 2),
        )
        face = draw_face(placed, draw_look(action_units, rng))
        images[i] = photograph(face, draw_camera(rng), rng)
        points[i] = placed[:N_LANDMARKS]
    return SyntheticFaces(images, labels, points)


def synthetic_dataset(
    n_samples: int = 1500,
    *,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> FaceDataset:
    """Draw synthetic faces as a data set.

    Parameters
    ----------
    n_samples : int, default=1500
        How many faces.
    random_state : int, RandomState, Generator or None, default=None
        As `make_faces` takes it.

    Returns
    -------
    FaceDataset
        All of the split ``'train'``, named ``synthetic_00000`` and on. Figures from them say
        nothing about real faces.
    """
    images, labels, _ = make_faces(n_samples, random_state=random_state)
    return FaceDataset(
        images,
        labels,
        split=np.full(n_samples, "train"),
        names=np.array([f"synthetic_{i:05d}" for i in range(n_samples)], dtype=object),
    )


def _seed(random_state: int | np.random.RandomState | np.random.Generator | None) -> int:
    # One number is drawn whatever the source, so that every face can have a stream of its own.
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**63 - 1, dtype=np.int64))
    try:
        return int(np.random.default_rng(random_state).integers(2**63 - 1))
    except (TypeError, ValueError):
        raise ValueError(
            "random_state must be a whole number of at least 0, a RandomState, a Generator or "
            f"None, not {random_state!r}"
        ) from None


def _labels(n_samples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Shuffle the classes set by set, so that fewer labels are the first of more."""
    n_sets = -(-n_samples // len(EMOTIONS))
    shuffled = rng.random((n_sets, len(EMOTIONS))).argsort(axis=1)
    return shuffled.ravel()[:n_samples].astype(np.int64)


def _draw_traits(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw how a face differs at rest, a little less in one half than between faces."""
    return rng.normal(0, 0.6, N_TRAITS) + rng.normal(0, 0.1, (2, N_TRAITS))
