"""How data are split for a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from fer_ensemble.datasets import EMOTIONS, FaceDataset, balance_rows
from fer_ensemble.models.balancing import augment_once
from fer_ensemble.models.members.hog_cnn import AUGMENTATION

#: Faces of each class after the balancing of the HOG + CNN ensemble.
BALANCED = {
    "angry": 8500,
    "disgust": 6500,
    "fear": 9000,
    "happy": 8500,
    "sad": 8500,
    "surprise": 8000,
    "neutral": 9000,
}


@dataclass(frozen=True, eq=False)
class Parts:
    """Training faces and test faces.

    Attributes
    ----------
    X_train, X_test : ndarray of uint8 of shape (n_samples, 48, 48)
    y_train, y_test : ndarray of int of shape (n_samples,)
    told : str
        What the test faces are.
    """

    X_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    X_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    told: str


def official(data: FaceDataset, seed: int) -> Parts:
    """FER2013's own split: Training against PublicTest. The only comparable one."""
    train, test = data.select("train"), data.select("public_test")
    return Parts(train.images, train.labels, test.images, test.labels, "PublicTest")


def kaggle(data: FaceDataset, seed: int) -> Parts:
    """Training folder against test folder: PublicTest, and PrivateTest where the data have it."""
    train, test = data.select("train"), data.select("test")
    told = " and ".join(name for name in test.split_counts())
    return Parts(train.images, train.labels, test.images, test.labels, told)


def random(data: FaceDataset, seed: int, *, test_size: float = 0.1) -> Parts:
    """Random rows of the whole set, stratified; copies of a face may stand on both sides."""
    return _random_parts(data.images, data.labels, test_size, seed, "random hold-out")


def balanced(
    data: FaceDataset,
    seed: int,
    *,
    target: int | Mapping[str, int] = MappingProxyType(BALANCED),
    test_size: float = 0.1,
) -> Parts:
    """Balance the whole set by augmented copies first, and split at random after.

    It leaks: augmented copies of test faces are in the training set, so the score is inflated.
    """
    if isinstance(target, Mapping):
        target = {EMOTIONS.index(name): size for name, size in target.items()}
    chosen = balance_rows(data.labels, target, seed)
    X, y = data.images[chosen.rows], data.labels[chosen.rows]
    copies = X[chosen.repeated][..., np.newaxis]
    X[chosen.repeated] = augment_once(copies, AUGMENTATION, seed)[..., 0]
    return _random_parts(X, y, test_size, seed, "hold-out that leaks")


PROTOCOLS: dict[str, Callable[..., Parts]] = {
    "official": official,
    "kaggle": kaggle,
    "random": random,
    "balanced": balanced,
}


def _random_parts(X: Any, y: Any, test_size: float, seed: int, told: str) -> Parts:
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=test_size, stratify=y, random_state=seed
    )
    return Parts(X_train, y_train, X_test, y_test, told)
