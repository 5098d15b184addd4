"""What members have seen: samples that they were fitted on tell nothing of how they predict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.splitting.copies import row_digests


def check_unseen(members: Iterable[tuple[str, Any]], X: Any, what: str = "samples") -> None:
    """Raise an error if a frozen member was fitted on held-out samples.

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
    X : array-like, sparse matrix or data frame whose first axis is the samples
        The samples held out.
    what : str, default='samples'
        Their name in an error.

    Raises
    ------
    ValueError
        If samples are known again; they are counted, and the first ones named.
    """
    known = list(_frozen_digests(members))
    # Hashing takes its time, and mostly no member is frozen.
    if known:
        digests = row_digests(X)
        for name, seen in known:
            raise_if_seen(f"Member {name!r} was fitted on", np.isin(digests, seen), what)


def raise_if_seen(fault: str, seen: NDArray[np.bool_], what: str) -> None:
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
    *samples : array-like, sparse matrix or data frame
        Samples that the ensemble itself was fitted on.

    Returns
    -------
    ndarray of uint64
        Sorted, each once; see :func:`~fer_ensemble.splitting.row_digests`.
    """
    digests = [row_digests(X) for X in samples] + [seen for _, seen in _frozen_digests(members)]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *digests]))


def _frozen_digests(members: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, NDArray[np.uint64]]]:
    from sklearn.frozen import FrozenEstimator

    for name, member in members:
        # The only parameter of a frozen estimator is the one within, which is not frozen itself.
        parts = [member] if isinstance(member, FrozenEstimator) else member.get_params().values()
        for part in parts:
            # A part that is not frozen is fitted anew, so that what it saw before does not count.
            if isinstance(part, FrozenEstimator) and hasattr(part, "training_digests_"):
                yield name, np.asarray(part.training_digests_)
