"""Compare exports in each precision: ``python -m experiments.precisions --data fer2013.zip``.

The shipped ensembles, exported to ONNX in every way, label the same test faces as before the
export, when their networks ran in Keras.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, Out, PackedModel, notes, output, read_faces
from experiments.pretrained.runtimes import in_keras
from experiments.runs import RESULTS, write_record
from experiments.timing import timed
from fer_ensemble import export_ensemble, load_ensemble
from fer_ensemble.artifact import ExportedEnsemble, read_manifest, resolve_model
from fer_ensemble.artifact.pretrained import FAST
from fer_ensemble.datasets import EvaluationPart, emotion_names, evaluation_part
from fer_ensemble.ensemble import BaseEnsemble
from fer_ensemble.evaluation import compare_predictions, evaluate_predictions
from fer_ensemble.models.onnx_export import PRECISIONS

Predictor = BaseEnsemble | ExportedEnsemble

_DRAWN, _TRAINING = "ranges from drawn faces", "ranges from training faces"
#: Ways to export, and the precision of each. "int8" learns ranges: from drawn faces unless it is
#: given others.
WAYS = {precision: precision for precision in PRECISIONS if precision != "int8"} | {
    f"int8, {source}": "int8" for source in (_DRAWN, _TRAINING)
}


def main(
    data: Data,
    model: PackedModel = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            help="Packed ensemble that was not exported, to compare with; by default, the networks "
            "of --model in Keras, beside its trees as they are.",
            show_default=False,
        ),
    ] = None,
    timed_faces: Annotated[int, typer.Option(min=1, help="Faces of a repetition.")] = 512,
    repetitions: Annotated[int, typer.Option(min=1, help="Of all precisions in turn.")] = 3,
    out: Out = RESULTS / "precisions.json",
) -> None:
    """Export the ensemble and the quick network in every precision, and measure what that changes.

    On the official test faces (PublicTest): size, accuracy, calibration, and how far probabilities
    and labels are from those before the export. Nothing is chosen by them.
    """
    packed, faces = model or resolve_model(None), read_faces(data)
    part = evaluation_part(faces, read_manifest(packed).data)
    if part.training is None:
        raise typer.BadParameter(f"--data {data}: has no training faces beside the test faces.")
    record: dict[str, Any] = {
        "test": part.description,
        "n": len(part.faces),
        "before": "--reference" if reference else "networks in Keras, trees exported",
        "faces_timed": timed_faces,
        "repetitions": repetitions,
    }
    for name, folder in (("ensemble", packed), (FAST, packed / FAST)):
        before = in_keras(load_ensemble(folder))
        if reference is not None:
            before = load_ensemble(reference / folder.relative_to(packed))
        with TemporaryDirectory() as work, notes.status(f"Exporting and asking {name}"):
            sizes, exported = _export(folder, part, Path(work))
            sides: dict[str, Predictor] = {"before": before, **exported}
            figures = compare_sides(sides, part)
            speeds = _time(sides, part.faces.images[:timed_faces], repetitions)
        record[name] = {
            side: {"n_bytes": sizes.get(side), **found, "faces_per_second": speeds[side]}
            for side, found in figures.items()
        }
        for side, found in record[name].items():
            output.print(f"{name}, {side}: {_line(found)}")
    write_record(out, record)


def compare_sides(sides: Mapping[str, Predictor], part: EvaluationPart) -> dict[str, Any]:
    """Measure classifiers on the same faces, and how far each is from the first.

    Parameters
    ----------
    sides : mapping of str to classifier
        From the same faces to probabilities of the same classes.
    part : EvaluationPart

    Returns
    -------
    dict
        By the name of the side, ready for JSON. All but the first have ``change``, with the
        ``largest`` and the ``mean`` change of a probability, ``agreement``, the share of faces that
        have the same label, and ``accuracy``, the difference with its paired interval.
    """
    y, found = part.faces.labels, {}
    first: NDArray[np.float64] | None = None
    for side, predictor in sides.items():
        probabilities, classes = predictor.predict_proba(part.faces.images), predictor.classes_
        scores = evaluate_predictions(
            y, probabilities=probabilities, classes=classes, class_names=emotion_names(classes)
        )
        found[side] = {
            "n": scores.n,
            "accuracy": scores.accuracy,
            "accuracy_interval": scores.accuracy_interval,
            "log_loss": scores.log_loss,
            "calibration_error": scores.calibration_error,
        }
        if first is None:
            first = probabilities
            continue
        change = np.abs(probabilities - first)
        labels, before = classes[probabilities.argmax(1)], classes[first.argmax(1)]
        found[side]["change"] = {
            "largest": float(change.max()),
            "mean": float(change.mean()),
            "agreement": float((labels == before).mean()),
            "accuracy": compare_predictions(y, labels, before).to_dict(),
        }
    return found


def _export(
    folder: Path, part: EvaluationPart, work: Path
) -> tuple[dict[str, int], dict[str, ExportedEnsemble]]:
    """Export in every way; returns the bytes of all graphs, and the exported ensembles."""
    assert part.training is not None
    sizes, exported = {}, {}
    for number, (way, precision) in enumerate(WAYS.items()):
        target = work / str(number)
        faces = part.training.images if _TRAINING in way else None
        export_ensemble(folder, target, precision=precision, faces=faces)
        sizes[way] = sum(file.stat().st_size for file in target.glob("*.onnx"))
        exported[way] = ExportedEnsemble(target)
    return sizes, exported


def _time(
    sides: Mapping[str, Predictor], faces: NDArray[np.uint8], repetitions: int
) -> dict[str, float]:
    """Return the median faces a second of each side, timed in turn; all have predicted before."""
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(repetitions):
        for side, predictor in sides.items():
            seconds[side].append(timed(partial(predictor.predict_proba, faces)).wall)
    return {side: round(len(faces) / statistics.median(all_), 1) for side, all_ in seconds.items()}


def _line(figures: Mapping[str, Any]) -> str:
    low, high = figures["accuracy_interval"]
    parts = [
        f"accuracy {figures['accuracy']:.4f} ({low:.4f}–{high:.4f}, n = {figures['n']:,})",
        f"log loss {figures['log_loss']:.4f}",
        f"calibration error {figures['calibration_error']:.4f}",
        f"{figures['faces_per_second']:,.0f} faces a second",
    ]
    if change := figures.get("change"):
        gain = change["accuracy"]
        parts = [
            f"{figures['n_bytes']:,} bytes",
            *parts,
            f"probabilities differ by up to {change['largest']:.2g}, {change['mean']:.2g} on "
            f"average",
            f"{change['agreement']:.4f} of the labels agree",
            f"accuracy differs by {gain['difference']:+.4f} "
            f"({gain['interval'][0]:+.4f}–{gain['interval'][1]:+.4f})",
        ]
    return "; ".join(parts)


if __name__ == "__main__":
    sys.exit(typer.run(main))
