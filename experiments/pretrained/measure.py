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
from experiments.pretrained.candidates import mirrored_members
from experiments.pretrained.peer import N_PARAMETERS, load_peer, peer_faces, predict_peer
from experiments.pretrained.speed import time_command
from experiments.run import score
from experiments.runs import RESULTS, write_record
from fer_ensemble import load_pretrained
from fer_ensemble.artifact import record_measurement, resolve_model
from fer_ensemble.datasets import FaceDataset
from fer_ensemble.ensemble import VotingEnsemble, apply_temperature, combine, leave_one_out
from fer_ensemble.evaluation import calibration_error, compare_predictions
from fer_ensemble.measuring import measure_model

# Most machines have more; these can be measured anywhere.
_CORES = (1, 2)


def main(
    data: Data,
    model: PackedModel = None,
    peer_weights: PeerWeights = None,
    speed: Annotated[bool, typer.Option(help="Whether to measure times, on idle cores.")] = True,
    results: Results = RESULTS,
) -> None:
    """Measure accuracy and calibration on PublicTest, what members add, size and speed.

    They are written into its model card too. Nothing is chosen by them.
    """
    folder = model or resolve_model(None)
    with notes.status("Predicting"):
        measured = measure_model(folder, data)
        ensemble, test, has_copy = measured.ensemble, measured.part.faces, measured.seen
        if has_copy is None:
            raise typer.BadParameter(f"--data {data}: has no training faces beside the test faces.")
        record: dict[str, Any] = {
            "n": len(test),
            "n_with_copies": int(has_copy.sum()),
            "n_bytes": sum(file.stat().st_size for file in folder.iterdir()),
            "ensemble": ensemble_figures(ensemble, measured.probabilities, test.labels, has_copy),
            "faces_once": _without_mirrors(ensemble, test, has_copy),
            **_measure_fast(model, peer_weights, test, has_copy),
        }
    if speed:
        record["speed"] = [_time_in_process(model, peer_weights, cores) for cores in _CORES]
        with TemporaryDirectory() as work:
            record["command"] = [time_command(model, test, Path(work), cores) for cores in _CORES]
    record_measurement(folder, ensemble, measured.to_measurement(), _cost(record))
    write_record(results / "pretrained.json", record)
    for line in _lines(record):
        output.print(line)


def ensemble_figures(
    ensemble: VotingEnsemble,
    probabilities: NDArray[np.float64],
    y: NDArray[Any],
    has_copy: NDArray[np.bool_],
) -> dict[str, Any]:
    """Measure a calibrated ensemble and what its members give it.

    Parameters
    ----------
    ensemble : VotingEnsemble
        Fitted with ``calibrate=True``.
    probabilities : ndarray of shape (n_samples, n_members, n_classes)
        What its ``predict_member_proba`` gives for the test faces.
    y : ndarray of shape (n_samples,)
        Their labels.
    has_copy : ndarray of shape (n_samples,), bool
        Which of them have an exact copy in the training data.

    Returns
    -------
    dict
        Figures on all and on those without copies, of the members, the gain over the best of
        them on these very faces, each member's contribution, and the calibration error before and
        after, ready for JSON.
    """
    names = [name for name, _ in ensemble.members_]
    combined = ensemble.combine(probabilities)
    untempered = combine(probabilities, ensemble.rule, ensemble.weights_)
    members = {
        name: score(y, probabilities[:, i], ensemble.classes_, has_copy)
        for i, name in enumerate(names)
    }
    best = max(names, key=lambda name: members[name]["all"]["accuracy"])
    gain = compare_predictions(y, combined.argmax(1), probabilities[:, names.index(best)].argmax(1))
    return {
        **score(y, combined, ensemble.classes_, has_copy),
        "calibration_error": {
            "before": calibration_error(y, untempered, ensemble.classes_),
            "after": calibration_error(y, combined, ensemble.classes_),
        },
        "members": members,
        "best_member": best,
        "gain": gain.to_dict(),
        "contributions": _contributions(ensemble, probabilities, y) if len(names) > 1 else {},
    }


def _cost(record: dict[str, Any]) -> dict[str, Any] | None:
    """Give what the model card says of size and speed; nothing if no times were measured."""
    if "speed" not in record:
        return None
    speeds = {str(entry["cores"]): entry["faces_per_second"] for entry in record["speed"]}
    return {
        "n_bytes": record["n_bytes"],
        "faces_per_second": {cores: round(sides["ensemble"]) for cores, sides in speeds.items()},
        "fast": {cores: round(sides["fast"]) for cores, sides in speeds.items()},
    }


def _without_mirrors(
    ensemble: VotingEnsemble, test: FaceDataset, has_copy: NDArray[np.bool_]
) -> dict[str, Any]:
    """Measure members without the mirror images that they average."""
    return {
        name: score(test.labels, member.predict_proba(test.images), ensemble.classes_, has_copy)
        for name, member in mirrored_members(ensemble)
    }


def _measure_fast(
    model: Path | None, peer_weights: Path | None, test: FaceDataset, has_copy: NDArray[np.bool_]
) -> dict[str, Any]:
    """Measure the fast member alone, and the peer beside it if its weights are at hand."""
    fast = load_pretrained("fast", folder=model)
    classes = fast.classes_
    ours = fast.predict_proba(test.images)
    record: dict[str, Any] = {
        "fast": {"member": fast.members_[0][0], **score(test.labels, ours, classes, has_copy)}
    }
    if peer_weights is None:
        return record
    theirs = predict_peer(load_peer(peer_weights), peer_faces(test.images))
    gain = compare_predictions(test.labels, ours.argmax(1), theirs.argmax(1))
    return record | {
        "peer": {
            "parameters": N_PARAMETERS,
            **score(test.labels, theirs, classes, has_copy),
            "gain_of_fast": gain.to_dict(),
        }
    }


def _contributions(
    ensemble: VotingEnsemble, probabilities: NDArray[np.float64], y: NDArray[Any]
) -> dict[str, dict[str, Any]]:
    # Without a member the others keep their temperatures: these were fitted one by one.
    assert ensemble.calibration_ is not None
    tempered = apply_temperature(
        probabilities, ensemble.calibration_[ensemble.rule].member_temperatures
    )
    found = leave_one_out(tempered, y, ensemble.classes_, "weighted", weights=ensemble.weights_)
    names = [name for name, _ in ensemble.members_]
    return {name: one.to_dict() for name, one in zip(names, found, strict=True)}


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
    ensemble, gain = record["ensemble"], record["ensemble"]["gain"]
    errors = ensemble["calibration_error"]
    lines = [
        f"{record['n_bytes']:,} bytes",
        f"ensemble: {_accuracies(ensemble)}; calibration error {errors['before']:.3f} → "
        f"{errors['after']:.3f}",
        f"  gain over {ensemble['best_member']} {_difference(gain)}",
    ]
    lines += [
        f"  {row['name']}: recall {row['recall']:.3f}, precision {row['precision']:.3f}, F1 "
        f"{row['f1']:.3f}, n = {row['support']}"
        for row in ensemble["all"]["per_class"]
    ]
    for name, member in ensemble["members"].items():
        line = f"{name}: {_accuracies(member)}"
        if name in ensemble["contributions"]:
            line += f"; adds {_difference(ensemble['contributions'][name])}"
        if name in record["faces_once"]:
            line += f"; faces once {record['faces_once'][name]['all']['accuracy']:.4f}"
        lines.append(line)
    lines.append(f"fast ({record['fast']['member']}): {_accuracies(record['fast'])}")
    lines[-1] += f"; calibration error {record['fast']['all']['calibration_error']:.3f}"
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
