"""How data are split for a figure: the protocols of the publications, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.dividing import (
    Parts,
    deal_grouped,
    deal_random,
    divide_balanced,
    divide_grouped,
    divide_kaggle,
    divide_official,
    divide_random,
)


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
    """

    name: str
    summary: str
    keeps_split: bool
    warning: str
    _divide: Callable[..., Parts]
    _deal: Callable[..., Iterator[Parts]] | None = None
    _tests: tuple[str, ...] = ()

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
            all (default :data:`~fer_ensemble.datasets.dividing.BALANCED_COUNTS`); and
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
        there = faces.split_counts()
        return next((name for name in self._tests if name in there), self._tests[-1])


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
        raise ValueError(f"There is no protocol {name!r}: choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


_OFFICIAL = "FER2013's own split, Training against PublicTest: the only comparable one."
_KAGGLE = "Training against every test face that the data have."
_RANDOM = "Random rows of the whole set, each class in proportion; copies may be on both sides."
_GROUPED = "The same, but copies of a face stay on one side."
_BALANCED = "Classes are balanced by changed copies first, and rows drawn at random after: leaks."
_LEAKS = (
    "The balanced protocol leaks: changed copies of test faces are in the training data. Its "
    "figures are no accuracies on new faces; compare the official protocol."
)

#: The protocols, by name.
PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("official", _OFFICIAL, True, "", divide_official, _tests=("public_test", "test")),
        Protocol("kaggle", _KAGGLE, True, "", divide_kaggle, _tests=("test",)),
        Protocol("random", _RANDOM, False, "", divide_random, deal_random),
        Protocol("grouped", _GROUPED, False, "", divide_grouped, deal_grouped),
        Protocol("balanced", _BALANCED, False, _LEAKS, divide_balanced),
    )
}
