"""The ways to divide faces that :mod:`fer_ensemble.datasets.protocols` names and describes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets.balancing import balance_rows
from fer_ensemble.datasets.copies import unite_groups
from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.labels import EMOTIONS
from fer_ensemble.datasets.near_copies import find_near_copies
from fer_ensemble.datasets.splits import copy_groups, holdout_split

#: Faces of each class after the balancing of the HOG + CNN ensemble.
BALANCED_COUNTS = {
    "angry": 8500,
    "disgust": 6500,
    "fear": 9000,
    "happy": 8500,
    "sad": 8500,
    "surprise": 8000,
    "neutral": 9000,
}

Augment = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Parts:
    """Training faces and test faces.

    Attributes
    ----------
    train, test : FaceDataset
    told : str
        What the test faces are.
    """

    train: FaceDataset
    test: FaceDataset
    told: str


def divide_official(faces: FaceDataset, random_state: int) -> Parts:
    """Take Training against PublicTest, as FER2013 has them."""
    return Parts(faces.select("train"), faces.select("public_test"), "PublicTest")


def divide_kaggle(faces: FaceDataset, random_state: int) -> Parts:
    """Take Training against every test face."""
    test = faces.select("test")
    return Parts(faces.select("train"), test, " and ".join(test.split_counts()))


def divide_random(faces: FaceDataset, random_state: int, *, test_size: float = 0.1) -> Parts:
    """Hold out random rows, each class in proportion."""
    return _held_out(faces, random_state, test_size, "random hold-out")


def _held_out(faces: FaceDataset, random_state: int, test_size: float, told: str) -> Parts:
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(len(faces)),
        test_size=test_size,
        stratify=faces.labels,
        random_state=random_state,
    )
    return Parts(faces.take(train), faces.take(test), told)


def deal_random(faces: FaceDataset, n_splits: int, random_state: int) -> Iterator[Parts]:
    """Deal random rows to folds, each class in proportion."""
    return _dealt(faces, np.arange(len(faces)), n_splits, random_state, "random")


def divide_grouped(
    faces: FaceDataset, random_state: int, *, test_size: float = 0.1, copies: str = "exact"
) -> Parts:
    """Hold out random rows, each class in proportion, copies on one side."""
    train, test = holdout_split(
        faces.labels, test_size=test_size, groups=_groups(faces, copies), random_state=random_state
    )
    return Parts(faces.take(train), faces.take(test), "hold-out, copies kept together")


def deal_grouped(
    faces: FaceDataset, n_splits: int, random_state: int, *, copies: str = "exact"
) -> Iterator[Parts]:
    """Deal random rows to folds, each class in proportion, copies in one fold."""
    return _dealt(faces, _groups(faces, copies), n_splits, random_state, "grouped")


def _groups(faces: FaceDataset, copies: str) -> NDArray[np.int64]:
    if copies not in ("exact", "near"):
        raise ValueError(f"copies={copies!r}: choose 'exact' or 'near'.")
    groups = copy_groups(faces.images)
    if copies == "exact":
        return groups
    first = np.unique(groups, return_index=True)[1]
    return unite_groups(groups, find_near_copies(faces.images[first]).pairs)


def _dealt(
    faces: FaceDataset, groups: NDArray[np.int64], n_splits: int, random_state: int, told: str
) -> Iterator[Parts]:
    from sklearn.model_selection import StratifiedKFold

    first, of_group = np.unique(groups, return_index=True, return_inverse=True)[1:]
    dealer = StratifiedKFold(n_splits, shuffle=True, random_state=random_state)
    # A group counts for the class of its first face.
    for number, (_, test) in enumerate(dealer.split(first, faces.labels[first]), start=1):
        is_test = np.isin(of_group, test)
        fold = f"{told} fold {number} of {n_splits}"
        yield Parts(faces.take(~is_test), faces.take(is_test), fold)


def divide_balanced(
    faces: FaceDataset,
    random_state: int,
    *,
    target: int | Mapping[str, int] | None = None,
    test_size: float = 0.1,
    augment: Augment | None = None,
) -> Parts:
    """Balance by copies first, and hold out random rows after."""
    target = BALANCED_COUNTS if target is None else target
    counts: int | dict[int, int]
    if isinstance(target, Mapping):
        counts = {EMOTIONS.index(name): size for name, size in target.items()}
    else:
        counts = target
    chosen = balance_rows(faces.labels, counts, random_state)
    whole = faces.take(chosen.rows)
    if augment is not None:
        images = whole.images.copy()
        images[chosen.repeated] = augment(images[chosen.repeated], random_state)
        whole = replace(whole, images=images)
    return _held_out(whole, random_state, test_size, "hold-out that leaks")
