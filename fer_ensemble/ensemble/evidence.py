"""What members predicted for rows whose labels are known, and how good scores are on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_ensemble.ensemble.alignment import encode_labels
from fer_ensemble.ensemble.checks import check_probabilities, check_sample_weight
from fer_ensemble.ensemble.ties import TOLERANCE

SMALLEST_PROBABILITY = 1e-15
"""Probabilities of the true class below this count as this: one row on which every member is
certain and wrong must not make the loss infinite."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Predictions for rows of known labels, ready to be scored.

    Attributes
    ----------
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What each member predicts.
    labels : ndarray of shape (n_samples,)
        Indices of the true classes.
    sample_weight : ndarray of shape (n_samples,)
        How much each row counts; ones if nothing else was said.
    """

    probabilities: NDArray[np.floating[Any]]
    labels: NDArray[np.intp]
    sample_weight: NDArray[np.float64]

    def accuracy(self, scores: NDArray[np.floating[Any]]) -> float:
        """Return the share of rows whose true class has the highest score.

        Parameters
        ----------
        scores : ndarray of shape (n_classes, n_samples)
            On any scale.

        Returns
        -------
        float
            From 0 to 1. A row whose true class shares the highest score with k - 1 others counts
            as 1 / k, which is what a decision by chance is worth.
        """
        favourites = scores >= scores.max(axis=0) - TOLERANCE
        right = favourites[self.labels, np.arange(len(self.labels))]
        worth = right / np.count_nonzero(favourites, axis=0)
        return float(np.average(worth, weights=self.sample_weight))

    def log_loss(self, likelihood: NDArray[np.float64]) -> float:
        """Return the mean of -log(probability of the true class), in nats.

        Parameters
        ----------
        likelihood : ndarray of shape (n_samples,)
            Probability of each row's true class.

        Returns
        -------
        float
            Zero at best; no row counts more than 34.5.
        """
        losses = -np.log(np.maximum(likelihood, SMALLEST_PROBABILITY))
        return float(np.average(losses, weights=self.sample_weight))


def check_evidence(
    probabilities: ArrayLike,
    y: ArrayLike,
    classes: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> Evidence:
    """Return predictions, labels and weights that belong together, or say what is wrong.

    Parameters
    ----------
    probabilities : array-like of shape (n_samples, n_members, n_classes)
        What the members predict for rows that they were not fitted on.
    y : array-like of shape (n_samples,)
        The true labels.
    classes : array-like of shape (n_classes,)
        The label that each column stands for.
    sample_weight : array-like of shape (n_samples,), optional
        How much each row counts. None of them negative, not all zero.

    Returns
    -------
    Evidence
        The same, checked.

    Raises
    ------
    ValueError
        If there are no rows, the lengths differ, the labels are not among the classes, the
        probabilities are not distributions, or the sample weights are no weights.
    """
    array = check_probabilities(probabilities)
    labels = encode_labels(y, classes)
    n_samples, _, n_classes = array.shape
    if n_classes != np.size(classes):
        raise ValueError(f"There are {n_classes} columns but {np.size(classes)} classes.")
    if len(labels) != n_samples or n_samples == 0:
        raise ValueError(
            f"Weights are learned from at least one row and one label for each: there are "
            f"{n_samples} rows and {len(labels)} labels."
        )
    if sample_weight is None:
        return Evidence(array, labels, np.ones(n_samples))
    return Evidence(array, labels, check_sample_weight(sample_weight, n_samples))
