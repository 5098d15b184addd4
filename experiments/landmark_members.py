"""Say what landmarks add to HOG, and HOG to landmarks: ``python -m experiments.landmark_members``.

Takes the predictions that ``experiments.run`` left of each member and compares them face by face.
"""

from __future__ import annotations

import sys

import typer

from experiments.console import Out, Predictions
from experiments.runs import (
    PREDICTIONS,
    RESULTS,
    read_predictions,
    stack_predictions,
    write_record,
)
from fer_ensemble.evaluation import compare_predictions

# Members on both kinds of features, each against one on a single kind.
_PAIRS = (
    ("dense_hog_landmarks", "dense_hog"),
    ("dense_hog_landmarks", "boosted_landmarks"),
    ("boosted_hog_landmarks", "boosted_hog"),
    ("boosted_hog_landmarks", "boosted_landmarks"),
)


def main(
    predictions: Predictions = PREDICTIONS,
    out: Out = RESULTS / "landmark_members.json",
) -> None:
    """Compare members on HOG and landmarks with members on either, on PublicTest."""
    record = []
    for member, other in _PAIRS:
        runs = [read_predictions(predictions, name, "official") for name in (member, other)]
        probabilities, y = stack_predictions(runs, "test")
        ours, theirs = probabilities.argmax(axis=2).T
        gain = compare_predictions(y, ours, theirs)
        record.append(
            {
                "member": member,
                "accuracy": float((ours == y).mean()),
                "against": other,
                "its_accuracy": float((theirs == y).mean()),
                **gain.to_dict(),
            }
        )
        low, high = gain.interval
        typer.echo(
            f"{member} against {other}, PublicTest, n = {gain.n:,}: "
            f"{gain.difference:+.3f} ({low:+.3f} to {high:+.3f})"
        )
    write_record(out, record)


if __name__ == "__main__":
    sys.exit(typer.run(main))
