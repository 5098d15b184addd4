"""The candidates for the shipped ensemble: declared, read, and chosen.

``ensemble.toml`` names the systems. Their runs leave fitted members, and these are combined in
every way on the faces that were held out of all trainings: by those faces alone, as they are and
changed as data sets differ, it is chosen who is shipped, whether mirror images are averaged, and by
what rule.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from experiments.runs import read_predictions, stack_predictions
from fer_ensemble.ensemble import apply_temperature, combine, learn_weights
from fer_ensemble.ensemble.calibration import fit_member_temperatures
from fer_ensemble.ensemble.meta_features import meta_features

DECLARATION = Path(__file__).parent / "ensemble.toml"
PROTOCOL = "official"

# How large the coefficients of a stacking may be: scikit-learn's C. None stands for no stacking,
# but an average with learned weights.
_PENALTIES = (None, 0.01, 0.03, 0.1)
_N_FOLDS = 5
# In nats. What a member, or its mirror images, must take off the loss to be worth their time. For
# half of it, the trees would see mirror images, for 0.0007 nats that may as well be chance.
_LEAST_GAIN = 1e-3


@dataclass(frozen=True)
class Declaration:
    """What the shipped ensemble is chosen from.

    Attributes
    ----------
    candidates : tuple of str
        Systems that are trained.
    max_bytes : int
        Most bytes that the packed ensemble may have.
    max_multiply_accumulates : int
        Most operations that its networks may take for one face.
    shifted_share : float
        How much of the loss by which it is chosen is of changed faces, from 0 to 1.
    equal_share : float
        How much of that loss is shared equally among the classes, from 0 to 1.
    """

    candidates: tuple[str, ...]
    max_bytes: int
    max_multiply_accumulates: int
    shifted_share: float = 0.0
    equal_share: float = 0.0


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The faces that no candidate was fitted on, and what each of them predicts.

    Attributes
    ----------
    rows : ndarray of shape (n_samples,), int
        Their places among the training faces.
    y : ndarray of shape (n_samples,), int
        Their labels.
    probabilities : dict of str to ndarray of shape (n_samples, n_classes)
        Of each candidate.
    """

    rows: NDArray[np.int64]
    y: NDArray[np.int64]
    probabilities: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fitted member that may be shipped, with or without mirror images.

    Attributes
    ----------
    name : str
        Of the member. Only one candidate of a name is taken.
    probabilities : ndarray of shape (n_views, n_samples, n_classes)
        What it predicts for the held-out faces: as they are, then changed.
    n_bytes : int
        Size of its graph in ONNX, as it is stored.
    mirrored : bool
        Whether its probabilities are averaged over each face and its mirror image.
    multiply_accumulates : int
        Of a network that looks at the faces themselves, for one face; 0 for other members.
    """

    name: str
    probabilities: NDArray[np.float64]
    n_bytes: int
    mirrored: bool = False
    multiply_accumulates: int = 0


@dataclass(frozen=True, eq=False)
class Choice:
    """A combination of candidates, and how well it did.

    Attributes
    ----------
    candidates : tuple of Candidate
    penalty : float or None
        C of the logistic regression that stacks them; ``None`` for a weighted average.
    probabilities : ndarray of shape (n_views, n_samples, n_classes)
        For each view of each held-out face, by what was learned from other faces.
    losses : ndarray of shape (n_samples,)
        Of each held-out face, over all views, as they are weighted, in nats.
    """

    candidates: tuple[Candidate, ...]
    penalty: float | None
    probabilities: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def loss(self) -> float:
        """The mean of the losses: a log loss in which faces and views have their weights."""
        return float(self.losses.mean())

    @property
    def price(self) -> float:
        """The loss, and 0.001 nats for each member and each that sees mirror images too."""
        views = len(self.candidates) + sum(one.mirrored for one in self.candidates)
        return self.loss + _LEAST_GAIN * views


def read_declaration(path: Path = DECLARATION) -> Declaration:
    """Read the declaration.

    Parameters
    ----------
    path : Path, optional

    Returns
    -------
    Declaration
    """
    content = tomllib.loads(path.read_text())
    return Declaration(**{**content, "candidates": tuple(content["candidates"])})


def read_held_out(folder: Path, names: Sequence[str]) -> HeldOut:
    """Read what candidates predict for the held-out faces.

    Parameters
    ----------
    folder : Path
        Where 'experiments.run' leaves its predictions.
    names : sequence of str
        The candidates.

    Returns
    -------
    HeldOut

    Raises
    ------
    typer.BadParameter
        If a candidate was not run, or the faces are not the same for all.
    """
    runs = [read_predictions(folder, name, PROTOCOL) for name in names]
    probabilities, y = stack_predictions(runs, "held_out")
    members = np.ascontiguousarray(probabilities.swapaxes(0, 1))
    return HeldOut(runs[0]["held_out_rows"], y, dict(zip(names, members, strict=True)))


def weigh_views(
    y: NDArray[Any], n_views: int, shifted_share: float, equal_share: float
) -> NDArray[np.float64]:
    """Weigh each view of each face in the loss by which is chosen and learned.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels, 0 to 6.
    n_views : int
        The first are the faces as they are; the others are changed.
    shifted_share, equal_share : float
        See `Declaration`.

    Returns
    -------
    ndarray of shape (n_views, n_samples)
        Weights that sum to the number of faces.
    """
    counts = np.bincount(y)
    of_faces = 1 - equal_share + equal_share * len(y) / np.count_nonzero(counts) / counts[y]
    of_views = np.full((n_views, 1), 1.0)
    if n_views > 1:
        of_views[0], of_views[1:] = 1 - shifted_share, shifted_share / (n_views - 1)
    return of_views * of_faces


def cheapest(candidates: Sequence[Candidate]) -> Candidate:
    """Find the network whose prediction takes the fewest operations.

    Parameters
    ----------
    candidates : sequence of Candidate

    Returns
    -------
    Candidate
        Features and trees are not counted in multiply-accumulates, so that only networks on the
        faces themselves compare.

    Raises
    ------
    ValueError
        If there is no such network.
    """
    networks = [one for one in candidates if one.multiply_accumulates]
    if not networks:
        raise ValueError("No candidate is a network on faces: declare one.")
    return min(networks, key=lambda one: one.multiply_accumulates)


def try_combinations(
    candidates: Sequence[Candidate],
    y: NDArray[Any],
    weights: NDArray[np.float64],
    max_bytes: int,
    max_multiply_accumulates: int,
    seed: int = 0,
) -> list[Choice]:
    """Combine candidates in every way that is neither too large nor too slow.

    A weighted average of calibrated members, and stackings by logistic regressions on logarithms of
    probabilities, learn from four fifths of the faces and are measured on the fifth.

    Parameters
    ----------
    candidates : sequence of Candidate
    y : ndarray of shape (n_samples,)
        Labels of the held-out faces, 0 to 6.
    weights : ndarray of shape (n_views, n_samples)
        From `weigh_views`; they weigh in what is learned as in what is measured.
    max_bytes : int
        Most bytes of all files.
    max_multiply_accumulates : int
        Most operations of all networks, for one face.
    seed : int, default=0
        Of the folds.

    Returns
    -------
    list of Choice
        The one of the lowest price first.

    Raises
    ------
    ValueError
        If every single candidate is too large or too slow.
    """
    folds = StratifiedKFold(_N_FOLDS, shuffle=True, random_state=seed)
    choices = [
        _try(chosen, penalty, y, weights, folds)
        for chosen in _combinations(candidates)
        if sum(one.n_bytes for one in chosen) <= max_bytes
        and sum(one.multiply_accumulates for one in chosen) <= max_multiply_accumulates
        for penalty in _PENALTIES
    ]
    if not choices:
        raise ValueError(
            f"No candidate has at most {max_bytes:,} bytes and {max_multiply_accumulates:,} "
            "operations: allow more, or declare another."
        )
    return sorted(choices, key=lambda choice: choice.price)


def make_final_estimator(penalty: float) -> LogisticRegression:
    """Make the logistic regression that stacks members.

    Parameters
    ----------
    penalty : float
        Its C.

    Returns
    -------
    LogisticRegression
        Unfitted.
    """
    # Newton's method: gradients alone need thousands of steps on columns so alike.
    return LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=1000)


def learning_rows(
    probabilities: NDArray[np.float64], y: NDArray[Any], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64]]:
    """Lay views of faces below each other, for what learns from rows with weights.

    Parameters
    ----------
    probabilities : ndarray of shape (n_views, n_samples, n_members, n_classes)
    y : ndarray of shape (n_samples,)
    weights : ndarray of shape (n_views, n_samples)

    Returns
    -------
    tuple of ndarray
        Of n_views * n_samples rows each.
    """
    rows = probabilities.reshape(-1, *probabilities.shape[2:])
    return rows, np.tile(y, len(probabilities)), weights.ravel()


def mirror_parameter(member: Any) -> str | None:
    """Name the parameter by which a member averages a face and its mirror image.

    Parameters
    ----------
    member : classifier

    Returns
    -------
    str or None
        ``None`` if it has none.
    """
    names = member.get_params(deep=False)
    return next((name for name in ("flip_average", "mirror") if name in names), None)


def _combinations(candidates: Sequence[Candidate]) -> Iterator[tuple[Candidate, ...]]:
    by_name: dict[str, list[Candidate | None]] = {}
    for one in candidates:
        by_name.setdefault(one.name, [None]).append(one)
    for chosen in product(*by_name.values()):
        if kept := tuple(one for one in chosen if one is not None):
            yield kept


def _try(
    members: tuple[Candidate, ...],
    penalty: float | None,
    y: NDArray[Any],
    weights: NDArray[np.float64],
    folds: StratifiedKFold,
) -> Choice:
    """Measure a combination on faces that it did not learn from."""
    stacked = np.stack([one.probabilities for one in members], axis=2)
    if penalty is None:
        stacked = _temper(stacked, y, weights)
    combined = np.empty_like(stacked[:, :, 0])
    for learned, measured in folds.split(y, y):
        rows, labels, shares = learning_rows(stacked[:, learned], y[learned], weights[:, learned])
        asked = stacked[:, measured].reshape(-1, *stacked.shape[2:])
        if penalty is None:
            classes = np.arange(stacked.shape[-1])
            shares_of_members = learn_weights(rows, labels, classes, sample_weight=shares)
            answers = combine(asked, "weighted", shares_of_members)
        else:
            final = make_final_estimator(penalty)
            final.fit(meta_features(rows), labels, sample_weight=shares)
            answers = final.predict_proba(meta_features(asked))
        combined[:, measured] = answers.reshape(combined[:, measured].shape)
    of_truth = np.take_along_axis(combined, y[np.newaxis, :, np.newaxis], axis=2)[..., 0]
    losses = (weights * -np.log(np.maximum(of_truth, 1e-15))).sum(axis=0)
    return Choice(members, penalty, combined, losses)


def _temper(
    stacked: NDArray[np.float64], y: NDArray[Any], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Calibrate on all held-out faces: one temperature a member can hardly overfit thousands."""
    rows, labels, shares = learning_rows(stacked, y, weights)
    temperatures = fit_member_temperatures(rows, labels, np.arange(stacked.shape[-1]), shares)
    return apply_temperature(rows, temperatures).reshape(stacked.shape)
