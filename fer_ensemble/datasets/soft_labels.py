"""Train on the votes of several people: label distributions as weighted rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.ferplus import FERPlusVotes
from fer_ensemble.splitting import copy_groups, holdout_split


def soft_label_rows(
    distributions: ArrayLike,
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float64]]:
    """Write label distributions as weighted rows, for any classifier that takes sample weights.

    A sample is repeated once for each label that has a share of it, weighted by that share. The
    summed log loss of these rows is the cross-entropy against the distributions.

    Parameters
    ----------
    distributions : array-like of shape (n_samples, n_classes)
        Such as `FERPlusVotes.distributions`; rows with NaN are left out.

    Returns
    -------
    rows : ndarray of shape (n_rows,)
        Which sample to take.
    labels : ndarray of shape (n_rows,)
        Its label.
    weights : ndarray of shape (n_rows,)
        Its weight; those of a sample sum to 1.

    Examples
    --------
    >>> rows, labels, weights = soft_label_rows([[0.75, 0.25], [0, 1]])
    >>> rows.tolist(), labels.tolist(), weights.tolist()
    ([0, 0, 1], [0, 1, 1], [0.75, 0.25, 1.0])
    >>> # classifier.fit(faces.images[rows], labels, sample_weight=weights)
    """
    shares = np.asarray(distributions, np.float64)
    rows, labels = np.nonzero(shares > 0)  # NaN is not above 0
    return rows, labels.astype(np.int64), shares[rows, labels]


@dataclass(frozen=True, eq=False)
class SoftTraining:
    """Faces to fit on, labelled by votes, and faces to hold out.

    Attributes
    ----------
    images : ndarray of shape (n_rows, 48, 48), uint8
        Every face once for each expression that it got votes for.
    labels : ndarray of shape (n_rows,), int64
        Places in `EMOTIONS`.
    sample_weight : ndarray of shape (n_rows,)
        Shares of the votes; those of a face sum to 1.
    n_faces : int
        How many faces the rows are of.
    held_out : FaceDataset
        Other faces, once each, labelled by the majority of the votes.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sample_weight: NDArray[np.float64]
    n_faces: int
    held_out: FaceDataset


def soft_training(
    faces: FaceDataset,
    votes: FERPlusVotes,
    *,
    held_out: FaceDataset | None = None,
    test_size: float = 0.1,
    random_state: int | np.random.RandomState | None = None,
) -> SoftTraining:
    """Prepare a fit on votes.

    Faces that nobody gave one of the seven expressions are left out, and held-out faces without
    a clear majority too.

    Parameters
    ----------
    faces : FaceDataset
        The training part; its labels serve for holding faces out in proportion.
    votes : FERPlusVotes
        With the names of the faces, as `join_ferplus` returns them; they may be on more faces.
    held_out : FaceDataset, optional
        Faces to hold out, in place of a share of `faces`.
    test_size : float, default=0.1
        That share, with exact copies on one side.
    random_state : int, RandomState or None, default=None
        Seed of the draw.

    Returns
    -------
    SoftTraining

    Raises
    ------
    ValueError
        If a face has no votes, a class is too small to hold any out, or no held-out face has a
        majority.

    References
    ----------
    E. Barsoum, C. Zhang, C. Canton Ferrer and Z. Zhang, "Training deep networks for facial
    expression recognition with crowd-sourced label distribution", ACM International Conference
    on Multimodal Interaction, 2016: their "probabilistic label drawing" in expectation, or
    cross-entropy against the distribution.
    """
    fitted = faces
    # Drawn by the labels that come with the faces: votes name no class to be in proportion to.
    if held_out is None:
        rows, held = holdout_split(
            faces.labels,
            test_size=test_size,
            groups=copy_groups(faces.images),
            random_state=random_state,
        )
        fitted, held_out = faces.take(rows), faces.take(held)
    rows, labels, weights = soft_label_rows(votes.of(fitted).distributions)
    return SoftTraining(
        images=fitted.images[rows],
        labels=labels,
        sample_weight=weights,
        n_faces=len(np.unique(rows)),
        held_out=_by_majority(held_out, votes),
    )


def _by_majority(faces: FaceDataset, votes: FERPlusVotes) -> FaceDataset:
    majority = votes.of(faces).majority
    if not (majority >= 0).any():
        raise ValueError(
            f"No majority of {votes.source} for any of the {len(faces):,} held-out faces: hold "
            "more out."
        )
    return replace(faces, labels=majority).take(majority >= 0)
