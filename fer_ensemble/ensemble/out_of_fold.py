"""Predict every row by members that have not seen it, and keep the table of predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.ensemble.fitting import MemberFit, TrainingData, fit_side_by_side


def predict_out_of_fold(
    members: Sequence[tuple[str, Any]],
    data: TrainingData,
    folds: NDArray[np.intp],
    *,
    n_jobs: int | None,
    log_level: int,
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """Predict each fold by clones of the members that are fitted on the other folds.

    The rows to predict are not passed to any fit, nor as ``validation_data``.

    Parameters
    ----------
    members : sequence of (str, estimator)
        Not frozen.
    data : TrainingData
        What to fit on and to predict.
    folds : ndarray of shape (n_samples,), int
        Fold of every row.
    n_jobs : int or None
        Processes, see `fer_ensemble.ensemble.fitting.fit_side_by_side`.
    log_level : int
        Level of the messages about each fit.

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        Columns in the order of the data's classes.
    seconds : dict of str to float
        What all fits of each member took.

    Raises
    ------
    ValueError
        If a member, once fitted, knows other classes than those of the data.
    """
    fits = [
        MemberFit(name, member, np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))
        for fold in np.unique(folds)
        for name, member in members
    ]
    places = {name: place for place, (name, _) in enumerate(members)}
    probabilities = np.empty((len(folds), len(members), len(data.classes)))
    seconds = dict.fromkeys(places, 0.0)
    outcomes = fit_side_by_side(fits, data, n_jobs=n_jobs, log_level=log_level)
    for number, (predicted, taken) in outcomes:
        fit = fits[number]
        probabilities[fit.held_out, places[fit.name]] = predicted
        seconds[fit.name] += taken
    return probabilities, seconds


def write_out_of_fold(
    path: str | os.PathLike[str],
    *,
    probabilities: NDArray[np.float64],
    labels: NDArray[Any],
    fold_ids: NDArray[np.intp] | None,
    classes: NDArray[Any],
    members: Sequence[str],
) -> Path:
    """Write a table of out-of-fold predictions, to be read by `numpy.load` without pickle.

    Parameters
    ----------
    path : path-like
        File to write; .npz is its usual ending.
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What each member predicts.
    labels : ndarray of shape (n_samples,)
        True labels.
    fold_ids : ndarray of shape (n_samples,) or None
        Fold of each row; None if there were no folds.
    classes : ndarray of shape (n_classes,)
        What the columns mean.
    members : sequence of str
        Names of the members.

    Returns
    -------
    Path
        The file. Its arrays have the names of the parameters; without folds there are no
        ``fold_ids``.
    """
    arrays = {
        "probabilities": probabilities,
        # Labels of type object, as data frames have, would be pickled.
        "labels": np.array(labels.tolist()),
        "classes": np.array(classes.tolist()),
        "members": np.array(members),
    }
    if fold_ids is not None:
        arrays["fold_ids"] = fold_ids
    target = Path(path)
    with target.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    return target
