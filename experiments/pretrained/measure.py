"""Measure the shipped ensemble: ``python -m experiments.pretrained.measure --data fer2013.zip``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, PackedModel, PeerWeights, Results, notes, output
from experiments.pretrained.peer import N_PARAMETERS, load_peer, peer_faces, predict_peer
from experiments.pretrained.runtimes import mirrored_members
from experiments.pretrained.speed import time_command
from experiments.run import score
from experiments.runs import RESULTS, write_record
from fer_ensemble.artifact import record_measurement, resolve_model
from fer_ensemble.artifact.pretrained import FAST
from fer_ensemble.datasets import FaceDataset
from fer_ensemble.ensemble import BaseEnsemble
from fer_ensemble.evaluation import compare_predictions
from fer_ensemble.measuring import MeasuredModel, measure_model

# Most machines have more; these can be measured anywhere.
_CORES = (1, 2)


def main(
    data: Data,
    model: PackedModel = None,
    peer_weights: PeerWeights = None,
    speed: Annotated[bool, typer.Option(help="Whether to measure times, on idle cores.")] = True,
    results: Results = RESULTS,
) -> None:
    """Measure accuracy and calibration on PublicTest, size and speed.

    They are written into the model cards too, that of the quick network included, with groups of
    faces and faces changed on purpose. Nothing is chosen by them.
    """
    folder = model or resolve_model(None)
    with notes.status("Predicting"):
        measured, fast = (
            measure_model(place, data, subgroups=True) for place in (folder, folder / FAST)
        )
        ensemble, test, has_copy = measured.ensemble, measured.part.faces, measured.seen
        if has_copy is None:
            raise typer.BadParameter(f"--data {data}: has no training faces beside the test faces.")
        record: dict[str, Any] = {
            "n": len(test),
            "n_with_copies": int(has_copy.sum()),
            "n_bytes": _n_bytes(folder),
            "ensemble": ensemble_figures(ensemble, measured.probabilities, test.labels, has_copy),
            "faces_once": _without_mirrors(ensemble, test, has_copy),
            **_measure_fast(fast, peer_weights, has_copy),
        }
    if speed:
        record["speed"] = [_time_in_process(model, peer_weights, cores) for cores in _CORES]
        with TemporaryDirectory() as work:
            record["command"] = [time_command(model, test, Path(work), cores) for cores in _CORES]
    for place, found, side in ((folder, measured, "ensemble"), (folder / FAST, fast, FAST)):
        cost = _cost(record, side, _n_bytes(place))
        record_measurement(place, found.ensemble, found.to_measurement(), cost)
    write_record(results / "pretrained.json", record)
    for line in _lines(record):
        output.print(line)


def ensemble_figures(
    ensemble: BaseEnsemble,
    probabilities: NDArray[np.float64],
    y: NDArray[Any],
    has_copy: NDArray[np.bool_],
) -> dict[str, Any]:
    """Measure an ensemble and what its members give it.

    Parameters
    ----------
    ensemble : BaseEnsemble
        Fitted.
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What its ``predict_member_proba`` gives for the test faces.
    y : ndarray of shape (n_samples,)
        Their labels.
    has_copy : ndarray of shape (n_samples,), bool
        Which of them have an exact copy in the training data.

    Returns
    -------
    dict
        Figures on all and on those without copies, of the members too, and the gain over the best
        of them on these very faces, ready for JSON.
    """
    names = [name for name, _ in ensemble.members_]
    combined = ensemble.combine(probabilities)
    members = {
        name: score(y, probabilities[:, i], ensemble.classes_, has_copy)
        for i, name in enumerate(names)
    }
    best = max(names, key=lambda name: members[name]["all"]["accuracy"])
    gain = compare_predictions(y, combined.argmax(1), probabilities[:, names.index(best)].argmax(1))
    return {
        **score(y, combined, ensemble.classes_, has_copy),
        "members": members,
        "best_member": best,
        "gain": gain.to_dict(),
    }


def _n_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _cost(record: dict[str, Any], side: str, n_bytes: int) -> dict[str, Any] | None:
    """Give what a model card says of size and speed; nothing if no times were measured."""
    if "speed" not in record:
        return None
    speeds = {str(entry["cores"]): entry["faces_per_second"][side] for entry in record["speed"]}
    return {
        "n_bytes": n_bytes,
        "faces_per_second": {cores: round(speed) for cores, speed in speeds.items()},
    }


def _without_mirrors(
    ensemble: BaseEnsemble, test: FaceDataset, has_copy: NDArray[np.bool_]
) -> dict[str, Any]:
    """Measure members without the mirror images that they average."""
    return {
        name: score(test.labels, member.predict_proba(test.images), ensemble.classes_, has_copy)
        for name, member in mirrored_members(ensemble)
    }


def _measure_fast(
    fast: MeasuredModel, peer_weights: Path | None, has_copy: NDArray[np.bool_]
) -> dict[str, Any]:
    """Measure the quick network, and the peer beside it if its weights are at hand."""
    y, classes = fast.part.faces.labels, fast.ensemble.classes_
    ours = fast.combine(fast.rule)
    record: dict[str, Any] = {
        "fast": {"member": fast.ensemble.members_[0][0], **score(y, ours, classes, has_copy)}
    }
    if peer_weights is None:
        return record
    theirs = predict_peer(load_peer(peer_weights), peer_faces(fast.part.faces.images))
    gain = compare_predictions(y, ours.argmax(1), theirs.argmax(1))
    return record | {
        "peer": {
            "parameters": N_PARAMETERS,
            **score(y, theirs, classes, has_copy),
            "gain_of_fast": gain.to_dict(),
        }
    }


def _time_in_process(model: Path | None, peer_weights: Path | None, cores: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "experiments.pretrained.speed", "--cores", str(cores)]
    command += [] if model is None else ["--model", str(model)]
    command += [] if peer_weights is None else ["--peer-weights", str(peer_weights)]
    with notes.status(f"Timing on {cores} of the cores"):
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _lines(record: dict[str, Any]) -> list[str]:
    """Write the figures in lines."""
    ensemble, fast = record["ensemble"], record["fast"]
    lines = [
        f"{record['n_bytes']:,} bytes",
        f"ensemble: {_accuracies(ensemble)}; calibration error "
        f"{ensemble['all']['calibration_error']:.3f}",
        f"  gain over {ensemble['best_member']} {_difference(ensemble['gain'])}",
    ]
    lines += [
        f"  {row['name']}: recall {row['recall']:.3f}, precision {row['precision']:.3f}, F1 "
        f"{row['f1']:.3f}, n = {row['support']}"
        for row in ensemble["all"]["per_class"]
    ]
    for name, member in ensemble["members"].items():
        line = f"{name}: {_accuracies(member)}"
        if name in record["faces_once"]:
            line += f"; faces once {record['faces_once'][name]['all']['accuracy']:.4f}"
        lines.append(line)
    lines.append(f"fast ({fast['member']}): {_accuracies(fast)}")
    lines[-1] += f"; calibration error {fast['all']['calibration_error']:.3f}"
    if "peer" in record:
        gain = _difference(record["peer"]["gain_of_fast"])
        lines.append(f"peer: {_accuracies(record['peer'])}; fast gains {gain}")
    return lines + [
        json.dumps(entry) for key in ("speed", "command") for entry in record.get(key, ())
    ]


def _accuracies(scores: dict[str, Any]) -> str:
    low, high = scores["all"]["accuracy_interval"]
    return (
        f"accuracy {scores['all']['accuracy']:.4f} ({low:.4f}–{high:.4f}), without copies "
        f"{scores['without_copies']['accuracy']:.4f} (n = {scores['without_copies']['n']:,})"
    )


def _difference(comparison: dict[str, Any]) -> str:
    low, high = comparison["interval"]
    return f"{comparison['difference']:+.4f} ({low:+.4f}–{high:+.4f})"


if __name__ == "__main__":
    sys.exit(typer.run(main))
