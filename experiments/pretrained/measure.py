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

from experiments.options import RESULTS, Data, Results, write_record
from experiments.pretrained.commands import command_figures
from experiments.pretrained.figures import ensemble_figures, figures, mirrored_members
from experiments.pretrained.peer import N_PARAMETERS, load_peer, peer_faces, predict_peer
from fer_ensemble import load_pretrained
from fer_ensemble.artifact import record_measurement, resolve_model
from fer_ensemble.cli.console import notes, output
from fer_ensemble.datasets import FaceDataset
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.evaluation import compare_predictions
from fer_ensemble.measuring import measure_model

_CORES = (1, 2)


def main(
    data: Data,
    model: Annotated[
        Path | None,
        typer.Option(help="Packed ensemble; by default, the package's.", show_default=False),
    ] = None,
    peer_weights: Annotated[
        Path | None,
        typer.Option(
            help="emotion_model.hdf5 of the package 'fer', to measure it on the same faces.",
            show_default=False,
        ),
    ] = None,
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
            record["command"] = [
                command_figures(model, test, Path(work), cores) for cores in _CORES
            ]
    record_measurement(folder, ensemble, measured.to_measurement(), _cost(record))
    write_record(results / "pretrained.json", record)
    for line in _told(record):
        output.print(line, soft_wrap=True)


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
        name: figures(ensemble, member.predict_proba(test.images), test.labels, has_copy)
        for name, member in mirrored_members(ensemble)
    }


def _measure_fast(
    model: Path | None, peer_weights: Path | None, test: FaceDataset, has_copy: NDArray[np.bool_]
) -> dict[str, Any]:
    """Measure the fast member alone, and the peer beside it if its weights are at hand."""
    fast = load_pretrained("fast", folder=model)
    ours = fast.predict_proba(test.images)
    record = {"fast": {"member": fast.members_[0][0], **figures(fast, ours, test.labels, has_copy)}}
    if peer_weights is None:
        return record
    theirs = predict_peer(load_peer(peer_weights), peer_faces(test.images))
    gain = compare_predictions(test.labels, ours.argmax(1), theirs.argmax(1))
    return record | {
        "peer": {
            "parameters": N_PARAMETERS,
            **figures(fast, theirs, test.labels, has_copy),
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


def _told(record: dict[str, Any]) -> list[str]:
    """Tell the figures in lines."""
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
        told = f"{name}: {_accuracies(member)}"
        if name in ensemble["contributions"]:
            told += f"; adds {_difference(ensemble['contributions'][name])}"
        if name in record["faces_once"]:
            told += f"; faces once {record['faces_once'][name]['all']['accuracy']:.4f}"
        lines.append(told)
    lines.append(f"fast ({record['fast']['member']}): {_accuracies(record['fast'])}")
    lines[-1] += f"; calibration error {record['fast']['all']['calibration_error']:.3f}"
    if "peer" in record:
        told = _difference(record["peer"]["gain_of_fast"])
        lines.append(f"peer: {_accuracies(record['peer'])}; fast gains {told}")
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
