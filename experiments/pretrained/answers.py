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
from fer_ensemble.datasets import FaceDataset, training_part
from fer_ensemble.ensemble import Answers, BaseEnsemble
from fer_ensemble.ensemble.meta_features import meta_features
from fer_ensemble.evaluation import evaluate_predictions

_N_FOLDS = 5


def main(data: Data, model: PackedModel = None, predictions: Predictions = PREDICTIONS) -> None:
    """Learn from four fifths of the held-out faces how to combine members, and answer the fifth.

    As the packed ensembles were learned from all of them: from the faces as they are and changed,
    under the weights of the declaration. Graphs and what else is packed stay as they are.
    """
    packed = model or resolve_model(None)
    training, _ = training_part(read_faces(data), PROTOCOL)
    held_out = training.take(hold_out(training, 0)[1])
    for folder in (packed, packed / FAST):
        ensemble = load_ensemble(folder)
        ensemble.answers_ = Answers(
            cross_fit(ensemble, predict_members(ensemble, held_out, predictions), held_out.labels),
            held_out.labels,
        )
        record_answers(folder, ensemble)
        scores = evaluate_predictions(
            held_out.labels, probabilities=ensemble.answers_.probabilities, classes=range(7)
        )
        low, high = scores.accuracy_interval
        output.print(
            f"{folder.name}: accuracy on held-out faces {scores.accuracy:.3f} "
            f"({low:.3f}–{high:.3f}; n = {scores.n:,})"
        )


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
