"""The ways to divide faces into training and test faces for a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.datasets.balancing import balance_rows
from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.labels import EMOTIONS
from fer_ensemble.datasets.near_copies import find_copies
from fer_ensemble.splitting import copy_groups, holdout_split, unite_groups
from fer_ensemble.suggestions import did_you_mean

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

#: Changes faces of shape (n_samples, 48, 48), given them and a seed.
Augment = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Parts:
    """Training faces and test faces.

    Attributes
    ----------
    train, test : FaceDataset
    description : str
        What the test faces are.
    """

    train: FaceDataset
    test: FaceDataset
    description: str


@dataclass(frozen=True, eq=False)
class Protocol:
    """A way to split data for a figure.

    Attributes
    ----------
    name : str
        Its key in `PROTOCOLS`.
    summary : str
        What it does, in a line.
    keeps_split : bool
        Whether the data's own split is kept; if not, all faces are split anew.
    warning : str
        What must stand wherever a figure of it appears; empty for most.
    augments : bool
        Whether `split` takes ``augment``, since faces are repeated.
    """

    name: str
    summary: str
    keeps_split: bool
    _divide: Callable[..., Parts]
    _deal: Callable[..., Iterator[Parts]] | None = None
    # Parts of the data's own split; the first that the data have is tested on.
    _tests: tuple[str, ...] = ()
    warning: str = ""
    augments: bool = False

    def split(self, faces: FaceDataset, random_state: int = 0, **params: Any) -> Parts:
        """Divide faces into a training and a test part.

        Parameters
        ----------
        faces : FaceDataset
        random_state : int, default=0
            Seed; without effect where the data's own split is kept.
        **params
            Of random, grouped and balanced: ``test_size``, the share of the test part (default
            0.1). Of grouped: ``copies='near'`` keeps near-copies together too, not only exact
            ones. Of balanced: ``target``, the faces of each expression by name, or one number for
            all (default :data:`~fer_ensemble.datasets.protocols.BALANCED_COUNTS`); and
            ``augment``, a function of faces and seed that changes those that balancing repeats
            (default: none are changed).

        Returns
        -------
        Parts

        Raises
        ------
        ValueError
            If a part is missing or would have no face of some class.

        Examples
        --------
        >>> from fer_ensemble.datasets import PROTOCOLS, synthetic_dataset
        >>> faces = synthetic_dataset(140, random_state=0)
        >>> parts = PROTOCOLS["grouped"].split(faces, 0, test_size=0.2)
        >>> len(parts.train), len(parts.test)
        (112, 28)
        """
        return self._divide(faces, random_state, **params)

    def folds(
        self, faces: FaceDataset, n_splits: int = 5, random_state: int = 0, **params: Any
    ) -> Iterator[Parts]:
        """Divide faces into folds, each of which is the test part once.

        Parameters
        ----------
        faces : FaceDataset
        n_splits : int, default=5
            Count of folds.
        random_state : int, default=0
            Seed.
        **params
            ``copies``, as in `split`.

        Returns
        -------
        iterator of Parts

        Raises
        ------
        ValueError
            If the protocol has no folds.
        """
        if self._deal is None:
            able = ", ".join(name for name, protocol in PROTOCOLS.items() if protocol._deal)
            raise ValueError(f"The {self.name} protocol has no folds: take one of {able}.")
        return self._deal(faces, n_splits, random_state, **params)

    def test_split(self, faces: FaceDataset) -> str:
        """Name the part of the data's own split that is tested on.

        Parameters
        ----------
        faces : FaceDataset

        Returns
        -------
        str
            As `FaceDataset.select` takes it. Of official, public_test, or test if the data have
            none of that name: private_test is for the very end.

        Raises
        ------
        ValueError
            If the protocol does not keep the data's own split.
        """
        if not self.keeps_split:
            raise ValueError(f"The {self.name} protocol does not keep the data's own split.")
        present = faces.split_counts()
        return next((name for name in self._tests if name in present), self._tests[-1])


def find_protocol(name: str) -> Protocol:
    """Return the protocol of a name.

    Parameters
    ----------
    name : str
        A key of `PROTOCOLS`.

    Returns
    -------
    Protocol

    Raises
    ------
    ValueError
        If there is none; the message lists those that there are.
    """
    if name not in PROTOCOLS:
        raise ValueError(
            f"There is no protocol {name!r}: choose one of {', '.join(PROTOCOLS)}."
            + did_you_mean(name, PROTOCOLS)
        )
    return PROTOCOLS[name]


def _divide_official(faces: FaceDataset, random_state: int) -> Parts:
    """Take Training against PublicTest, as FER2013 has them."""
    return Parts(faces.select("train"), faces.select("public_test"), "PublicTest")


def _divide_kaggle(faces: FaceDataset, random_state: int) -> Parts:
    """Take Training against every test face."""
    test = faces.select("test")
    return Parts(faces.select("train"), test, " and ".join(test.split_counts()))


def _divide_random(faces: FaceDataset, random_state: int, *, test_size: float = 0.1) -> Parts:
    """Hold out random rows, each class in proportion."""
    return _hold_out_rows(faces, random_state, test_size, "random hold-out")


def _divide_grouped(
    faces: FaceDataset, random_state: int, *, test_size: float = 0.1, copies: str = "exact"
) -> Parts:
    """Hold out random rows, each class in proportion, copies on one side."""
    train, test = holdout_split(
        faces.labels, test_size=test_size, groups=_groups(faces, copies), random_state=random_state
    )
    return Parts(faces.take(train), faces.take(test), "hold-out, copies kept together")


def _divide_balanced(
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
        images = np.array(whole.images)  # a copy, in memory
        images[chosen.repeated] = augment(images[chosen.repeated], random_state)
        whole = replace(whole, images=images)
    return _hold_out_rows(whole, random_state, test_size, "hold-out that leaks")


def _hold_out_rows(
    faces: FaceDataset, random_state: int, test_size: float, description: str
) -> Parts:
    # Rows and not groups of copies, unlike `holdout_split`: copies on both sides are what these
    # protocols are there to show.
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(len(faces)),
        test_size=test_size,
        stratify=faces.labels,
        random_state=random_state,
    )
    return Parts(faces.take(train), faces.take(test), description)


def _deal_random(faces: FaceDataset, n_splits: int, random_state: int) -> Iterator[Parts]:
    """Deal random rows to folds, each class in proportion."""
    return _deal_groups(faces, np.arange(len(faces)), n_splits, random_state, "random")


def _deal_grouped(
    faces: FaceDataset, n_splits: int, random_state: int, *, copies: str = "exact"
) -> Iterator[Parts]:
    """Deal random rows to folds, each class in proportion, copies in one fold."""
    return _deal_groups(faces, _groups(faces, copies), n_splits, random_state, "grouped")


def _deal_groups(
    faces: FaceDataset, groups: NDArray[np.int64], n_splits: int, random_state: int, protocol: str
) -> Iterator[Parts]:
    from sklearn.model_selection import StratifiedKFold

    first, of_group = np.unique(groups, return_index=True, return_inverse=True)[1:]
    dealer = StratifiedKFold(n_splits, shuffle=True, random_state=random_state)
    # A group counts for the class of its first face.
    for number, (_, test) in enumerate(dealer.split(first, faces.labels[first]), start=1):
        is_test = np.isin(of_group, test)
        fold = f"{protocol} fold {number} of {n_splits}"
        yield Parts(faces.take(~is_test), faces.take(is_test), fold)


def _groups(faces: FaceDataset, copies: str) -> NDArray[np.int64]:
    if copies not in ("exact", "near"):
        raise ValueError(f"copies={copies!r}: choose 'exact' or 'near'.")
    if copies == "exact":
        return copy_groups(faces.images)
    groups, near = find_copies(faces.images)
    return unite_groups(groups, groups[near.pairs])


#: The protocols, by name.
PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "official",
            "FER2013's own split, Training against PublicTest: the only comparable one.",
            keeps_split=True,
            _divide=_divide_official,
            # Never private_test by default: a figure on it belongs to the very end.
            _tests=("public_test", "test"),
        ),
        Protocol(
            "kaggle",
            "Training against every test face that the data have.",
            keeps_split=True,
            _divide=_divide_kaggle,
            _tests=("test",),
        ),
        Protocol(
            "random",
            "Random rows of the whole set, each class in proportion; copies may be on both sides.",
            keeps_split=False,
            _divide=_divide_random,
            _deal=_deal_random,
        ),
        Protocol(
            "grouped",
            "The same, but copies of a face stay on one side.",
            keeps_split=False,
            _divide=_divide_grouped,
            _deal=_deal_grouped,
        ),
        Protocol(
            "balanced",
            "Classes are balanced by changed copies first, and rows drawn at random after: leaks.",
            keeps_split=False,
            _divide=_divide_balanced,
            warning=(
                "The balanced protocol leaks: changed copies of test faces are in the training "
                "data. Its figures are no accuracies on new faces; compare the official protocol."
            ),
            augments=True,
        ),
    )
}
