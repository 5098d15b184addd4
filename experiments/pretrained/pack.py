"""Pack the trained candidates: ``python -m experiments.pretrained.pack --data fer2013.zip``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from experiments.console import Data, Fitted, Predictions, Results, output, read_faces
from experiments.pretrained.candidates import (
    DECLARATION,
    PROTOCOL,
    Candidate,
    HeldOut,
    Step,
    cheapest,
    choose_members,
    read_declaration,
    read_held_out,
)
from experiments.pretrained.train import Declaration
from experiments.runs import FITTED, PREDICTIONS, RESULTS, fitted_file, write_record
from experiments.systems import read_system
from fer_ensemble.artifact.compact import compact_member
from fer_ensemble.artifact.pretrained import SHIPPED, save_pretrained
from fer_ensemble.artifact.states import dump_member, load_member
from fer_ensemble.datasets import FaceDataset, training_part
from fer_ensemble.ensemble import VotingEnsemble
from fer_ensemble.models import KerasClassifier, get_member
from fer_ensemble.splitting import check_unseen, row_digests

# The part of FER2013 on which nothing is ever measured here.
_HELD_BACK = "PrivateTest"
# How much half precision may change a probability, and how large a share of the labels.
_LARGEST_CHANGE, _LARGEST_SHARE = 0.01, 0.003


def main(
    data: Data,
    fitted: Fitted = FITTED,
    predictions: Predictions = PREDICTIONS,
    out: Annotated[Path, typer.Option(help="Folder for the ensemble.")] = SHIPPED,
    results: Results = RESULTS,
    declaration: Declaration = DECLARATION,
) -> None:
    """Choose members on the held-out faces, compact them, learn weights and temperatures, save.

    Everything is chosen and learned on the faces held out of Training; no other is looked at.
    Weights and temperatures are learned on what the compacted members predict.
    """
    declared = read_declaration(declaration)
    training, record = training_part(read_faces(data), PROTOCOL)
    held_out = read_held_out(predictions, declared.candidates)
    images = _held_out_images(training, held_out)
    members = {name: _load(fitted, name, images) for name in declared.candidates}
    for name in declared.without_flip:
        members[name].set_params(flip_average=False)
    candidates = [
        _candidate(name, member, held_out.probabilities[name]) for name, member in members.items()
    ]
    names, steps = choose_members(candidates, held_out.y, declared.max_bytes)
    ensemble = _combine({name: members[name] for name in names}, training, held_out)
    changes = _compare(ensemble, held_out, declared.without_flip)
    place = save_pretrained(
        ensemble,
        out,
        fast=cheapest(candidates).name,
        data={
            "source": data.name,
            "synthetic": False,
            **record,
            "n_held_out": len(held_out.y),
            "held_back": _HELD_BACK,
            "remark": _describe_training(names),
            "commands": [
                shlex.join(["python", "-m", f"experiments.pretrained.{step}", "--data", data.name])
                for step in ("train", "pack")
            ],
        },
        overwrite=True,
    )
    n_bytes = sum(file.stat().st_size for file in place.iterdir())
    _report(candidates, steps, ensemble, changes, n_bytes, results)
    if n_bytes > declared.max_bytes:
        raise ValueError(f"{place} takes {n_bytes:,} bytes, of at most {declared.max_bytes:,}.")


def _describe_training(names: Sequence[str]) -> str:
    """Describe for the model card what the members were trained on."""
    sentences = ["Trained from scratch on these faces alone: no other data, no foreign weights."]
    for name in names:
        if teachers := " and ".join(read_system(name).teachers):
            sentences.append(
                f"{name} learned from the labels and from what {teachers}, trained on the same "
                "faces, make of them."
            )
    return " ".join(sentences)


def _held_out_images(training: FaceDataset, held_out: HeldOut) -> NDArray[np.uint8]:
    if not np.array_equal(training.labels[held_out.rows], held_out.y):
        raise ValueError("The members were trained on other data than --data: give the same.")
    images: NDArray[np.uint8] = training.images[held_out.rows]
    return images


def _load(folder: Path, name: str, held_out: NDArray[np.uint8]) -> Any:
    """Load and compact a member that has not seen the held-out faces."""
    member = load_member(name, fitted_file(folder, name, PROTOCOL).read_bytes())
    check_unseen([(name, FrozenEstimator(member))], held_out, "held-out faces")
    return compact_member(member)


def _candidate(name: str, member: Any, probabilities: NDArray[np.float64]) -> Candidate:
    # The size is known only from the file itself: states are compressed.
    n_bytes = len(dump_member(name, member))
    if not isinstance(member, KerasClassifier):
        return Candidate(name, probabilities, n_bytes)
    cost = get_member(name).multiply_accumulates
    return Candidate(name, probabilities, n_bytes, str(member.network), cost)


def _combine(members: dict[str, Any], training: FaceDataset, held_out: HeldOut) -> VotingEnsemble:
    fitted = np.delete(np.arange(len(training)), held_out.rows)
    X, y = training.images, training.labels
    ensemble = VotingEnsemble(
        [(name, FrozenEstimator(member)) for name, member in members.items()],
        rule="weighted",
        calibrate=True,
        random_state=0,
    )
    ensemble.fit(X[fitted], y[fitted], validation_data=(X[held_out.rows], held_out.y))
    # Compacted members are without theirs. The ensemble keeps them once, so that copies of training
    # faces can be left out of a measurement.
    ensemble.training_digests_ = np.unique(row_digests(X[fitted]))
    return ensemble


def _compare(
    ensemble: VotingEnsemble, held_out: HeldOut, changed: tuple[str, ...]
) -> dict[str, dict[str, float]]:
    """Measure what compacting did to each member, and refuse it if that is too much."""
    changes = {}
    for i, (name, _) in enumerate(ensemble.members_):
        assert ensemble.validation_probabilities_ is not None
        new, old = ensemble.validation_probabilities_[:, i], held_out.probabilities[name]
        change = {
            "accuracy": float((new.argmax(1) == held_out.y).mean()),
            "largest": float(np.abs(new - old).max()),
            "labels": float((new.argmax(1) != old.argmax(1)).mean()),
        }
        if name not in changed and not (
            change["largest"] < _LARGEST_CHANGE and change["labels"] < _LARGEST_SHARE
        ):
            raise ValueError(f"{name} predicts otherwise once compacted: {change}")
        changes[name] = change
    return changes


def _report(
    candidates: list[Candidate],
    steps: list[Step],
    ensemble: VotingEnsemble,
    changes: dict[str, dict[str, float]],
    n_bytes: int,
    results: Path,
) -> None:
    assert ensemble.weights_ is not None
    assert ensemble.calibration_ is not None
    calibration = ensemble.calibration_[ensemble.rule]
    record = {
        "n_held_out": len(candidates[0].probabilities),
        "candidates": {one.name: one.n_bytes for one in candidates},
        "steps": [asdict(step) for step in steps],
        "weights": dict(zip(changes, ensemble.weights_.tolist(), strict=True)),
        "calibration": calibration.to_dict(),
        "compacted": changes,
        "n_bytes": n_bytes,
    }
    write_record(results / "pretrained_choice.json", record)
    for step in steps:
        rises = ", ".join(f"{name} {rise:+.4f}" for name, rise in step.contributions.items())
        output.print(f"Log loss {step.log_loss:.4f}; without: {rises}")
        output.print(f"  {step.left_out or 'nobody'} is left out")
    for name, weight in record["weights"].items():
        size = record["candidates"][name]
        change = ", ".join(f"{key} {value:.5f}" for key, value in changes[name].items())
        output.print(f"{name}: weight {weight:.3f}, {size:,} bytes; compacted: {change}")
    output.print(
        f"Held out, cross-fitted: accuracy {calibration.after.accuracy:.3f}, calibration error "
        f"{calibration.before.calibration_error:.3f} → {calibration.after.calibration_error:.3f}; "
        f"{n_bytes:,} bytes in all"
    )


if __name__ == "__main__":
    sys.exit(typer.run(main))
