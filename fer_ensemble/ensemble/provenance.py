"""Know again the samples that a member was fitted on before the ensemble saw it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from fer_ensemble.datasets.splits import row_digests


def check_unseen(members: Iterable[tuple[str, Any]], X: Any, what: str = "samples") -> None:
    """Refuse held-out samples on which a frozen member was fitted.

    The estimators of this package keep ``training_digests_``, the sorted digests of the samples
    given to their ``fit``, the share that they hold out themselves included; samples that they
    were given as ``validation_data`` are not counted. To an estimator of another make the
    attribute can be given by hand: ``np.unique(row_digests(X_train))``. Nothing is known of one
    without it.

    Parameters
    ----------
    members : iterable of (str, estimator)
        Frozen ones are looked at, and frozen parts of others, such as the classifier in
        ``CalibratedClassifierCV(FrozenEstimator(classifier))``.
    X : array, sparse matrix or data frame whose first axis is the samples
        The samples held out.
    what : str
        Their name in an error.

    Raises
    ------
    ValueError
        If samples are known again; they are counted, and the first ones named.
    """
    known = list(_known(members))
    if known:
        digests = row_digests(X)
        for name, seen in known:
            refuse(f"Member {name!r} was fitted on", np.isin(digests, seen), what)


def refuse(fault: str, seen: NDArray[np.bool_], what: str) -> None:
    """Raise an error if samples that must be new are not.

    Parameters
    ----------
    fault : str
        The beginning of the error.
    seen : ndarray of shape (n_samples,), bool
        Which samples are not new.
    what : str
        The name of the samples.

    Raises
    ------
    ValueError
        If there is one.
    """
    rows = np.flatnonzero(seen)
    if rows.size:
        listing = ", ".join(map(str, rows[:5])) + ", …" * (rows.size > 5)
        raise ValueError(
            f"{fault} {rows.size} of the {len(seen)} {what} (rows {listing}): what members say "
            "of samples that they have seen tells nothing of how they predict. Leave these rows "
            "out, or fit the members without them."
        )


def seen_digests(members: Iterable[tuple[str, Any]], *samples: Any) -> NDArray[np.uint64]:
    """Return what an ensemble keeps as its own ``training_digests_``.

    Parameters
    ----------
    members : iterable of (str, estimator)
        What its frozen members are known to have been fitted on is counted in.
    *samples : array, sparse matrix or data frame
        Samples that the ensemble itself was fitted on.

    Returns
    -------
    ndarray of uint64
        Sorted, each once; see `fer_ensemble.datasets.row_digests`.
    """
    digests = [row_digests(X) for X in samples] + [seen for _, seen in _known(members)]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *digests]))


def _known(members: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, NDArray[np.uint64]]]:
    for name, member in members:
        parts = [member] if isinstance(member, FrozenEstimator) else member.get_params().values()
        for part in parts:
            if isinstance(part, FrozenEstimator) and hasattr(part, "training_digests_"):
                yield name, np.asarray(part.training_digests_)
