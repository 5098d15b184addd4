"""Pack the trained candidates: ``python -m experiments.pretrained.pack --data fer2013.zip``."""

from __future__ import annotations

import shlex
import sys
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
    Choice,
    HeldOut,
    cheapest,
    make_final_estimator,
    mirror_parameter,
    read_declaration,
    read_held_out,
    try_combinations,
)
from experiments.pretrained.train import Declaration
from experiments.runs import (
    FITTED,
    PREDICTIONS,
    RESULTS,
    fitted_file,
    read_record,
    record_file,
    write_record,
)
from experiments.systems import read_system
from fer_ensemble.artifact import save_ensemble
from fer_ensemble.artifact.compact import compact_ensemble, compact_member
from fer_ensemble.artifact.member_files import load_member
from fer_ensemble.artifact.pretrained import FAST, SHIPPED
from fer_ensemble.datasets import FaceDataset, training_part
from fer_ensemble.ensemble import BaseEnsemble, StackingEnsemble, VotingEnsemble
from fer_ensemble.evaluation import calibration_error
from fer_ensemble.exporting import convert_ensemble, convert_member
from fer_ensemble.models import KerasClassifier, get_member, last_step
from fer_ensemble.splitting import check_unseen, row_digests

# The part of FER2013 on which nothing is ever measured here.
_HELD_BACK = "PrivateTest"
# How much half precision may change a probability, and how large a share of the labels.
_LARGEST_CHANGE, _LARGEST_SHARE = 0.01, 0.003
# The libraries of which a training's result may depend on the version.
_TRAINERS = ("keras", "tensorflow", "jax", "xgboost")
# How many of the combinations are kept in the record.
_SHOWN = 10


def main(
    data: Data,
    fitted: Fitted = FITTED,
    predictions: Predictions = PREDICTIONS,
    out: Annotated[Path, typer.Option(help="Folder for the ensemble.")] = SHIPPED,
    results: Results = RESULTS,
    declaration: Declaration = DECLARATION,
) -> None:
    """Choose members and rule on the held-out faces, compact, combine, and save as graphs in ONNX.

    Everything is chosen and learned on the faces held out of Training; no other is looked at.
    What combines members is learned on what they predict once compacted. The cheapest network is
    saved alone too, for quick prediction.
    """
    declared = read_declaration(declaration)
    training, record = training_part(read_faces(data), PROTOCOL)
    held_out = read_held_out(predictions, declared.candidates)
    images = _held_out_images(training, held_out)
    systems = {read_system(name).member: name for name in declared.candidates}
    if len(systems) < len(declared.candidates):
        raise ValueError("Two candidates are the same member: declare one of them.")
    members = {name: _load(fitted, system, images) for name, system in systems.items()}
    candidates, changes = [], {}
    for name, system in systems.items():
        offered, changes[name] = _offer(name, members[name], images, held_out.probabilities[system])
        candidates += offered
    fast = cheapest(candidates)
    choices = try_combinations(
        candidates,
        held_out.y,
        declared.max_bytes - fast.n_bytes,
        declared.max_multiply_accumulates,
    )
    # Of one member, a stacking is a calibration that knows the classes apart.
    alone = next(choice for choice in choices if choice.candidates == (fast,))
    facts = {
        "source": data.name,
        "synthetic": False,
        **record,
        "n_held_out": len(held_out.y),
        "held_back": _HELD_BACK,
        "remark": (
            "Trained from scratch on these faces alone: no other data, no foreign weights. "
            "python -m experiments.pretrained.train trains all members anew."
        ),
        "commands": [
            shlex.join(["python", "-m", f"experiments.pretrained.{step}", "--data", data.name])
            for step in ("train", "pack")
        ],
    }
    for folder, ensemble in (
        (out, _combine(choices[0], members, training, held_out)),
        (out / FAST, _combine(alone, members, training, held_out)),
    ):
        trainings = {
            name: _describe_training(systems[name], results) for name, _ in ensemble.members_
        }
        told = {**facts, "trainings": trainings}
        exported = convert_ensemble(compact_ensemble(ensemble))
        save_ensemble(exported, folder, data=told, overwrite=True)
    n_bytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    packed = {"candidates": {one.name: one.n_bytes for one in candidates}, "compacted": changes}
    _report(choices, alone, held_out.y, {**packed, "n_bytes": n_bytes}, results)
    if n_bytes > declared.max_bytes:
        raise ValueError(f"{out} takes {n_bytes:,} bytes, of at most {declared.max_bytes:,}.")


def _describe_training(name: str, results: Path) -> str:
    """Describe for the model card by which recipe, on what and by whom a system was trained."""
    record, teachers = read_record(record_file(results, name, PROTOCOL)), read_system(name).teachers
    facts = [f"recipe experiments/systems/{name}.toml"]
    if record:
        versions = [
            f"{library} {version}"
            for library, version in record["versions"].items()
            if library in _TRAINERS and version != "not installed"
        ]
        epochs = [f"{record['epochs_run']:g} epochs"] if record["epochs_run"] else []
        time = f"{record['minutes']:g} minutes on {record['device']}"
        facts += [*epochs, time, ", ".join(versions), *filter(None, [record["note"]])]
    if teachers:
        facts.append(
            f"learned from the labels and from what {len(teachers)} larger networks, fitted on the "
            f"same faces, made of the same changed views of them: {', '.join(teachers)}"
        )
    return "; ".join(facts) + "."


def _held_out_images(training: FaceDataset, held_out: HeldOut) -> NDArray[np.uint8]:
    if not np.array_equal(training.labels[held_out.rows], held_out.y):
        raise ValueError("The members were trained on other data than --data: give the same.")
    images: NDArray[np.uint8] = training.images[held_out.rows]
    return images


def _load(folder: Path, system: str, held_out: NDArray[np.uint8]) -> Any:
    """Load and compact a member that has not seen the held-out faces."""
    member = load_member(system, fitted_file(folder, system, PROTOCOL).read_bytes())
    check_unseen([(system, FrozenEstimator(member))], held_out, "held-out faces")
    return compact_member(member)


def _offer(
    name: str, member: Any, images: NDArray[np.uint8], before: NDArray[np.float64]
) -> tuple[list[Candidate], dict[str, float]]:
    """Offer a member, where it can average mirror images with and without them.

    Returns the candidates, and what compacting changed of what it predicted `before`.
    """
    n_bytes, parameter = (
        len(last_step(convert_member(name, member)).graph),
        mirror_parameter(member),
    )
    cost = get_member(name).multiply_accumulates if isinstance(member, KerasClassifier) else 0
    if parameter is None:
        probabilities = member.predict_proba(images)
        return [Candidate(name, probabilities, n_bytes)], _compare(name, probabilities, before)
    was_mirrored = member.get_params(deep=False)[parameter]
    offered = [
        Candidate(
            name,
            member.set_params(**{parameter: mirrored}).predict_proba(images),
            n_bytes,
            mirrored,
            (cost or 0) * (1 + mirrored),
        )
        for mirrored in (False, True)
    ]
    return offered, _compare(name, offered[was_mirrored].probabilities, before)


def _combine(
    choice: Choice, members: dict[str, Any], training: FaceDataset, held_out: HeldOut
) -> BaseEnsemble:
    frozen = [_freeze(one, members) for one in choice.candidates]
    if choice.penalty is None:
        ensemble: BaseEnsemble = VotingEnsemble(
            frozen, rule="weighted", calibrate=True, random_state=0
        )
    else:
        ensemble = StackingEnsemble(
            frozen, final_estimator=make_final_estimator(choice.penalty), random_state=0
        )
    return _fit(ensemble, training, held_out)


def _freeze(candidate: Candidate, members: dict[str, Any]) -> tuple[str, FrozenEstimator]:
    member = members[candidate.name]
    if parameter := mirror_parameter(member):
        # The quick network may see mirror images in the ensemble, and none alone.
        member = compact_member(member).set_params(**{parameter: candidate.mirrored})
    return candidate.name, FrozenEstimator(member)


def _fit(ensemble: Any, training: FaceDataset, held_out: HeldOut) -> BaseEnsemble:
    fitted = np.delete(np.arange(len(training)), held_out.rows)
    X, y = training.images, training.labels
    ensemble.fit(X[fitted], y[fitted], validation_data=(X[held_out.rows], held_out.y))
    # Compacted members are without theirs. The ensemble keeps those of all training faces, so that
    # copies of them can be left out of a measurement.
    ensemble.training_digests_ = np.unique(row_digests(X))
    return ensemble


def _compare(name: str, new: NDArray[np.float64], old: NDArray[np.float64]) -> dict[str, float]:
    """Measure what compacting did to a member, and refuse it if that is too much."""
    change = {
        "largest": float(np.abs(new - old).max()),
        "labels": float((new.argmax(1) != old.argmax(1)).mean()),
    }
    if change["largest"] > _LARGEST_CHANGE or change["labels"] > _LARGEST_SHARE:
        raise ValueError(f"{name} predicts otherwise once compacted: {change}")
    return change


def _report(
    choices: list[Choice], fast: Choice, y: NDArray[Any], packed: dict[str, Any], results: Path
) -> None:
    """Write and print how the choice came about."""
    best = choices[0]
    other = next((one for one in choices if (one.penalty is None) != (best.penalty is None)), None)
    rest = {one.name: _best_without(one.name, choices) for one in best.candidates}
    record = {
        "n_held_out": len(y),
        "n_combinations": len(choices),
        "best": [_describe(choice, y) for choice in choices[:_SHOWN]],
        "fast": _describe(fast, y),
        "other_rule": other and {**_describe(other, y), **_difference(best, other)},
        "without": {name: one and _difference(best, one) for name, one in rest.items()},
        **packed,
    }
    write_record(results / "pretrained_choice.json", record)
    output.print(f"{len(choices)} combinations on {len(y):,} held-out faces, cross-fitted")
    for told in [*record["best"], *filter(None, [record["other_rule"]]), record["fast"]]:
        output.print(
            f"{told['log_loss']:.4f} nats, accuracy {told['accuracy']:.3f}, calibration error "
            f"{told['calibration_error']:.3f}: {told['rule']} of {', '.join(told['members'])}"
        )
    for name, rise in {"the other rule": record["other_rule"], **record["without"]}.items():
        if rise:
            low, high = rise["interval"]
            output.print(f"{name}: {rise['difference']:+.4f} nats ({low:+.4f}–{high:+.4f})")
    for name, change in packed["compacted"].items():
        moved = ", ".join(f"{key} {value:.5f}" for key, value in change.items())
        output.print(f"{name}: {packed['candidates'][name]:,} bytes; compacted: {moved}")
    output.print(f"{packed['n_bytes']:,} bytes in all")


def _describe(choice: Choice, y: NDArray[Any]) -> dict[str, Any]:
    classes = np.arange(choice.probabilities.shape[1])
    return {
        "members": [
            f"{one.name} with mirror images" if one.mirrored else one.name
            for one in choice.candidates
        ],
        "rule": "weighted" if choice.penalty is None else f"stacking with C = {choice.penalty:g}",
        "log_loss": choice.log_loss,
        "accuracy": float((choice.probabilities.argmax(1) == y).mean()),
        "calibration_error": calibration_error(y, choice.probabilities, classes),
        "multiply_accumulates": sum(one.multiply_accumulates for one in choice.candidates),
    }


def _best_without(name: str, choices: list[Choice]) -> Choice | None:
    """Find the best combination without a member."""
    return next(
        (one for one in choices if name not in {member.name for member in one.candidates}), None
    )


def _difference(best: Choice, other: Choice) -> dict[str, Any]:
    """Give how much higher another combination's log loss is, and its interval at 95 %."""
    rises = other.losses - best.losses
    mean, error = float(rises.mean()), float(rises.std() / np.sqrt(len(rises)))
    return {"difference": mean, "interval": [mean - 1.96 * error, mean + 1.96 * error]}


if __name__ == "__main__":
    sys.exit(typer.run(main))
