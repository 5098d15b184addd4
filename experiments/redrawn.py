"""Draw test faces anew after training: ``python -m experiments.redrawn --data fer2013.zip``.

Under the balanced protocol the authors' sets of test faces have other sizes from member to member,
and again for the ensembles: rows were drawn more than once. Whoever draws them anew after training
measures members on faces that they were trained on.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from experiments.combine import combine_every_way
from experiments.console import Data, Fitted, Out, Predictions, notes, output, read_faces
from experiments.runs import (
    FITTED,
    PREDICTIONS,
    RESULTS,
    Arrays,
    find_runs,
    fitted_file,
    stack_predictions,
    write_record,
)
from experiments.systems import Ensemble, all_ensembles
from fer_ensemble.artifact.member_files import load_member
from fer_ensemble.datasets import Parts
from fer_ensemble.evaluation import wilson_interval

_PROTOCOL = "balanced"


@dataclass(frozen=True, eq=False)
class Redrawn:
    """What a member predicts for test faces that were drawn anew.

    Attributes
    ----------
    probabilities : ndarray of shape (n_samples, n_classes)
    y : ndarray of shape (n_samples,)
        Labels.
    trained_on : ndarray of bool of shape (n_samples,)
        Which of the faces stood in the training part.
    """

    probabilities: NDArray[np.float64]
    y: NDArray[np.int64]
    trained_on: NDArray[np.bool_]

    def measure(self) -> dict[str, Any]:
        """Measure the member."""
        return {
            "n": len(self.y),
            "n_trained_on": int(self.trained_on.sum()),
            **_accuracy(self.y, self.probabilities),
        }


def main(
    data: Data,
    predictions: Predictions = PREDICTIONS,
    fitted: Fitted = FITTED,
    seed: Annotated[int, typer.Option(help="Seed of those runs.")] = 0,
    out: Out = RESULTS / "redrawn.json",
) -> None:
    """Measure balanced runs, and ensembles of them, on rows drawn anew from the balanced set.

    Members, weights and stacking are those of the runs: nothing is fitted or learned again.
    """
    redrawn: dict[str, Redrawn] = {}
    runs: dict[str, Arrays] = {}
    for system, parts, arrays in find_runs(predictions, read_faces(data), _PROTOCOL, seed):
        file = fitted_file(fitted, system.name, _PROTOCOL)
        if not file.is_file():
            continue
        member = load_member(system.name, file.read_bytes())
        # Another seed than that of the first draw, which would give its test faces back.
        images, labels, trained_on = draw_again(parts, seed + 1)
        with notes.status(f"{system.name} predicts {len(images):,} faces"):
            redrawn[system.name] = Redrawn(member.predict_proba(images), labels, trained_on)
        runs[system.name] = arrays
    record = {
        "systems": {name: drawn.measure() for name, drawn in redrawn.items()},
        "ensembles": {
            ensemble.name: _combine(ensemble, redrawn, runs, seed)
            for ensemble in all_ensembles()
            if ensemble.protocol == _PROTOCOL and set(ensemble.members) <= redrawn.keys()
        },
    }
    write_record(out, record)
    for name, figures in {**record["systems"], **record["ensembles"]}.items():
        output.print(f"{name}: {figures}")


def draw_again(
    parts: Parts, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.bool_]]:
    """Draw as many test faces anew from both parts together, each class in proportion.

    Parameters
    ----------
    parts : Parts
        Of the first draw.
    seed : int

    Returns
    -------
    images : ndarray of shape (n_samples, 48, 48), uint8
    labels : ndarray of shape (n_samples,), int
    trained_on : ndarray of bool of shape (n_samples,)
        Which of them were in the training part.
    """
    labels = np.concatenate([parts.train.labels, parts.test.labels])
    rows = train_test_split(
        np.arange(len(labels)), test_size=len(parts.test), stratify=labels, random_state=seed
    )[1]
    images = np.concatenate([parts.train.images, parts.test.images])[rows]
    return images, labels[rows], rows < len(parts.train)


def _combine(
    ensemble: Ensemble, redrawn: dict[str, Redrawn], runs: dict[str, Arrays], seed: int
) -> dict[str, Any]:
    members = [redrawn[name] for name in ensemble.members]
    test = np.stack([member.probabilities for member in members], axis=1)
    held_out = stack_predictions([runs[name] for name in ensemble.members], "held_out")
    combined, _ = combine_every_way(*held_out, test, seed)
    # All members divide alike and were drawn anew by one seed: the labels are those of each.
    return {way: _accuracy(members[0].y, found) for way, found in combined.items()}


def _accuracy(truth: NDArray[np.int64], probabilities: NDArray[np.float64]) -> dict[str, Any]:
    right = int((probabilities.argmax(axis=1) == truth).sum())
    return {"accuracy": right / len(truth), "interval": wilson_interval(right, len(truth))}


if __name__ == "__main__":
    sys.exit(typer.run(main))
