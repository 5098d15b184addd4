"""Say what landmarks add to HOG, and HOG to landmarks: ``python -m experiments.landmark_members``.

Takes the predictions that ``experiments.run`` left of each member and compares them face by face.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import typer

from experiments.options import PREDICTIONS, RESULTS, Out, Predictions, write_record
from fer_ensemble.evaluation import compare_predictions

#: Members on both, each against what it is to beat.
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
        y, ours = _read(predictions, member)
        y_other, theirs = _read(predictions, other)
        if not np.array_equal(y, y_other):
            raise typer.BadParameter(
                f"{member} and {other} were run on other faces: run both anew."
            )
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


def _read(folder: Path, member: str) -> tuple[Any, Any]:
    path = folder / f"{member}.official.npz"
    if not path.is_file():
        raise typer.BadParameter(
            f"{path}: not there. Make it by: python -m experiments.run {member} --data fer2013.zip"
        )
    with np.load(path) as arrays:
        return arrays["y_test"], arrays["test"].argmax(axis=1)


if __name__ == "__main__":
    sys.exit(typer.run(main))
