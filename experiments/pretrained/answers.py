"""Answer for held-out faces: ``python -m experiments.pretrained.answers --data fer2013.zip``.

What `experiments.pretrained.pack` writes too, for ensembles that it packed before it did.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from experiments.console import Data, PackedModel, Predictions, output, read_faces
from experiments.pretrained.candidates import (
    DECLARATION,
    PROTOCOL,
    learning_rows,
    make_final_estimator,
    read_declaration,
    weigh_views,
)
from experiments.run import hold_out
from experiments.runs import PREDICTIONS
from experiments.views import DRAWN_VIEWS, predict_views
from fer_ensemble.artifact import load_ensemble, record_answers, resolve_model
from fer_ensemble.artifact.pretrained import FAST
from fer_ensemble.datasets import FaceDataset, find_near_copies, training_part
from fer_ensemble.ensemble import Answers, BaseEnsemble
from fer_ensemble.ensemble.meta_features import meta_features
from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.splitting import row_digests

_N_FOLDS = 5


def main(data: Data, model: PackedModel = None, predictions: Predictions = PREDICTIONS) -> None:
    """Learn from four fifths of the held-out faces how to combine members, and answer the fifth.

    As the packed ensembles were learned from all of them: from the faces as they are and changed,
    under the weights of the declaration. Graphs and what else is packed stay as they are.
    """
    packed = model or resolve_model(None)
    training, _ = training_part(read_faces(data), PROTOCOL)
    rows = hold_out(training, 0)[1]
    held_out = training.take(rows)
    new = find_new(training, rows)
    for folder in (packed, packed / FAST):
        ensemble = load_ensemble(folder)
        stacked = predict_members(ensemble, held_out, predictions)
        answers = cross_fit(ensemble, stacked, held_out.labels)
        ensemble.answers_ = Answers(answers[new], held_out.labels[new])
        record_answers(folder, ensemble)
        scores = evaluate_predictions(
            ensemble.answers_.labels,
            probabilities=ensemble.answers_.probabilities,
            classes=range(7),
        )
        low, high = scores.accuracy_interval
        output.print(
            f"{folder.name}: accuracy on new held-out faces {scores.accuracy:.3f} "
            f"({low:.3f}–{high:.3f}; n = {scores.n:,})"
        )


def find_new(training: FaceDataset, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which held-out faces show a photograph that no face fitted on shows.

    Exact copies were never held out; mirrored, shifted and re-lit ones of faces fitted on were.
    These are known better than the faces of others will be, for which sets of labels are made.

    Parameters
    ----------
    training : FaceDataset
    rows : ndarray of shape (n_held_out,), int
        Places of the held-out faces.

    Returns
    -------
    ndarray of shape (n_held_out,), bool
    """
    _, distinct = np.unique(row_digests(training.images), return_index=True)
    # A held-out face stands for itself, whichever of its copies is the first.
    looked_at = np.union1d(distinct, rows)
    pairs = looked_at[find_near_copies(training.images[looked_at]).pairs]
    is_held_out = np.zeros(len(training), bool)
    is_held_out[rows] = True
    known = np.zeros(len(training), bool)
    for one, other in (pairs.T, pairs.T[::-1]):
        known[one[~is_held_out[other]]] = True
    return ~known[rows]


def predict_members(ensemble: BaseEnsemble, faces: FaceDataset, kept: Path) -> NDArray[np.float64]:
    """Predict faces as they are and changed by each member.

    Parameters
    ----------
    ensemble : BaseEnsemble
        Packed.
    faces : FaceDataset
        Held out of its training.
    kept : Path
        Folder of predictions.

    Returns
    -------
    ndarray of shape (n_views, n_samples, n_members, n_classes)
    """
    views = [
        predict_views(
            member, faces.images, DRAWN_VIEWS, kept / "views" / f"{name}.packed.npz"
        ).astype(np.float64)
        for name, member in ensemble.members_
    ]
    stacked = np.stack(views, axis=2)
    return stacked / stacked.sum(axis=3, keepdims=True)


def cross_fit(
    ensemble: BaseEnsemble, stacked: NDArray[np.float64], y: NDArray[Any]
) -> NDArray[np.float64]:
    """Combine members for each face by a final estimator that has not learned from it.

    Parameters
    ----------
    ensemble : BaseEnsemble
        A packed stacking.
    stacked : ndarray of shape (n_views, n_samples, n_members, n_classes)
    y : ndarray of shape (n_samples,)

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        For the faces as they are.
    """
    declared = read_declaration(DECLARATION)
    penalty = ensemble.final_estimator_.facts_["parameters"]["C"]  # type: ignore[attr-defined]
    answers = np.empty((len(y), stacked.shape[-1]))
    for learned, asked in StratifiedKFold(_N_FOLDS, shuffle=True, random_state=0).split(y, y):
        weights = weigh_views(
            y[learned], len(stacked), declared.shifted_share, declared.equal_share
        )
        rows, labels, shares = learning_rows(stacked[:, learned], y[learned], weights)
        final = make_final_estimator(penalty).fit(meta_features(rows), labels, sample_weight=shares)
        answers[asked] = final.predict_proba(meta_features(stacked[0, asked]))
    return answers


if __name__ == "__main__":
    sys.exit(typer.run(main))
