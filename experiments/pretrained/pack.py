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
from experiments.pretrained.answers import find_new
from experiments.pretrained.candidates import (
    DECLARATION,
    PROTOCOL,
    Candidate,
    Choice,
    HeldOut,
    cheapest,
    learning_rows,
    make_final_estimator,
    mirror_parameter,
    read_declaration,
    read_held_out,
    try_combinations,
    weigh_views,
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
from experiments.views import DRAWN_VIEWS, predict_views
from fer_ensemble.artifact import save_ensemble
from fer_ensemble.artifact.compact import compact_ensemble, compact_member
from fer_ensemble.artifact.member_files import load_member
from fer_ensemble.artifact.pretrained import FAST, SHIPPED
from fer_ensemble.datasets import FaceDataset, training_part
from fer_ensemble.ensemble import Answers, BaseEnsemble, VotingEnsemble, to_stacking
from fer_ensemble.evaluation import evaluate_predictions
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

    Everything is chosen and learned on the faces held out of Training, as they are and changed as
    data sets differ; no other is looked at. What combines members is learned on what they predict
    once compacted. The cheapest network is saved alone too, for quick prediction.
    """
    declared = read_declaration(declaration)
    training, record = training_part(read_faces(data), PROTOCOL)
    held_out = read_held_out(predictions, declared.candidates)
    images, new = _held_out_images(training, held_out), find_new(training, held_out.rows)
    systems = {read_system(name).member: name for name in declared.candidates}
    if len(systems) < len(declared.candidates):
        raise ValueError("Two candidates are the same member: declare one of them.")
    members = {name: _load(fitted, system, images) for name, system in systems.items()}
    candidates, changes = [], {}
    for name, system in systems.items():
        limit, kept = declared.max_multiply_accumulates, predictions / "views"
        candidates += _offer(name, members[name], images, limit, kept)
        changes[name] = _compare(name, members[name], images, held_out.probabilities[system])
    fast = cheapest(candidates)
    shares = {
        "shifted_share": declared.shifted_share,
        "equal_share": declared.equal_share,
    }
    weights = weigh_views(held_out.y, len(DRAWN_VIEWS), **shares)
    choices = try_combinations(
        candidates,
        held_out.y,
        weights,
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
        (out, _combine(choices[0], members, training, held_out, weights, new)),
        (out / FAST, _combine(alone, members, training, held_out, weights, new)),
    ):
        trainings = {
            name: _describe_training(systems[name], results) for name, _ in ensemble.members_
        }
        told = {**facts, "trainings": trainings}
        exported = convert_ensemble(compact_ensemble(ensemble))
        save_ensemble(exported, folder, data=told, overwrite=True)
    n_bytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    packed = {"candidates": {one.name: one.n_bytes for one in candidates}, "compacted": changes}
    _report(choices, alone, held_out.y, shares, {**packed, "n_bytes": n_bytes}, results)
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
    name: str, member: Any, images: NDArray[np.uint8], limit: int, kept: Path
) -> list[Candidate]:
    """Offer a member, with and without mirror images where it can average them within the limit."""
    n_bytes = len(last_step(convert_member(name, member)).graph)
    cost = get_member(name).multiply_accumulates if isinstance(member, KerasClassifier) else 0
    parameter, offered = mirror_parameter(member), []
    was_mirrored = parameter is not None and member.get_params(deep=False)[parameter]
    for mirrored in (False, True) if parameter else (False,):
        operations = (cost or 0) * (1 + mirrored)
        if operations > limit:
            continue
        if parameter:
            member.set_params(**{parameter: mirrored})
        file = kept / f"{name}.{'mirrored' if mirrored else 'once'}.npz"
        predicted = predict_views(member, images, DRAWN_VIEWS, file).astype(np.float64)
        predicted /= predicted.sum(axis=2, keepdims=True)
        offered.append(Candidate(name, predicted, n_bytes, mirrored, operations))
    if parameter:
        member.set_params(**{parameter: was_mirrored})
    return offered


def _combine(
    choice: Choice,
    members: dict[str, Any],
    training: FaceDataset,
    held_out: HeldOut,
    weights: NDArray[np.float64],
    new: NDArray[np.bool_],
) -> BaseEnsemble:
    """Learn the combination anew from all views of all held-out faces."""
    frozen = [_freeze(one, members) for one in choice.candidates]
    fitted = np.delete(np.arange(len(training)), held_out.rows)
    X, y = training.images, training.labels
    ensemble = VotingEnsemble(frozen, rule="weighted", calibrate=True, random_state=0)
    ensemble.fit(X[fitted], y[fitted], validation_data=(X[held_out.rows], held_out.y))
    stacked = np.stack([one.probabilities for one in choice.candidates], axis=2)
    (
        ensemble.validation_probabilities_,
        ensemble.validation_labels_,
        ensemble.validation_sample_weight_,
    ) = learning_rows(stacked, held_out.y, weights)
    combined: BaseEnsemble
    if choice.penalty is None:
        combined = ensemble.learn_combination()
    else:
        final_estimator = make_final_estimator(choice.penalty)
        combined = to_stacking(ensemble, final_estimator=final_estimator)
    # Compacted members are without theirs. The ensemble keeps those of all training faces, so that
    # copies of them can be left out of a measurement.
    combined.training_digests_ = np.unique(row_digests(X))
    # By what was learned from other faces, as sets of labels need it.
    combined.answers_ = Answers(choice.probabilities[0][new], held_out.y[new])
    return combined


def _freeze(candidate: Candidate, members: dict[str, Any]) -> tuple[str, FrozenEstimator]:
    member = members[candidate.name]
    if parameter := mirror_parameter(member):
        # The quick network may see mirror images in the ensemble, and none alone.
        member = compact_member(member).set_params(**{parameter: candidate.mirrored})
    return candidate.name, FrozenEstimator(member)


def _compare(
    name: str, member: Any, images: NDArray[np.uint8], old: NDArray[np.float64]
) -> dict[str, float]:
    """Measure what compacting did to a member, and refuse it if that is too much."""
    new = member.predict_proba(images)
    change = {
        "largest": float(np.abs(new - old).max()),
        "labels": float((new.argmax(1) != old.argmax(1)).mean()),
    }
    if change["largest"] > _LARGEST_CHANGE or change["labels"] > _LARGEST_SHARE:
        raise ValueError(f"{name} predicts otherwise once compacted: {change}")
    return change


def _report(
    choices: list[Choice],
    fast: Choice,
    y: NDArray[Any],
    shares: dict[str, float],
    packed: dict[str, Any],
    results: Path,
) -> None:
    """Write and print how the choice came about."""
    best = choices[0]
    other = next((one for one in choices if (one.penalty is None) != (best.penalty is None)), None)
    rest = {one.name: _best_without(one.name, choices) for one in best.candidates}
    record = {
        "n_held_out": len(y),
        **shares,
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
        accuracies = [f"{told[part]['accuracy']:.3f}" for part in ("clean", "shifted")]
        output.print(
            f"{told['loss']:.4f} nats; accuracy {accuracies[0]}, shifted {accuracies[1]}: "
            f"{told['rule']} of {', '.join(told['members'])}"
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
    return {
        "members": [
            f"{one.name} with mirror images" if one.mirrored else one.name
            for one in choice.candidates
        ],
        "rule": "weighted" if choice.penalty is None else f"stacking with C = {choice.penalty:g}",
        "loss": choice.loss,
        "clean": _figures(choice.probabilities[:1], y),
        "shifted": _figures(choice.probabilities[1:], y),
        "multiply_accumulates": sum(one.multiply_accumulates for one in choice.candidates),
    }


def _figures(probabilities: NDArray[np.float64], y: NDArray[Any]) -> dict[str, float]:
    """Measure the same faces in several views, each of which counts alike."""
    classes, labels = np.arange(probabilities.shape[2]), np.tile(y, len(probabilities))
    rows = probabilities.reshape(len(labels), -1)
    scores = evaluate_predictions(labels, probabilities=rows, classes=classes)
    return {
        "accuracy": scores.accuracy,
        "balanced_accuracy": scores.balanced_accuracy,
        "log_loss": scores.log_loss,
        "calibration_error": scores.calibration_error,
    }


def _best_without(name: str, choices: list[Choice]) -> Choice | None:
    """Find the best combination without a member."""
    return next(
        (one for one in choices if name not in {member.name for member in one.candidates}), None
    )


def _difference(best: Choice, other: Choice) -> dict[str, Any]:
    """Give how much higher another combination's loss is, and its interval at 95 %."""
    rises = other.losses - best.losses
    mean, error = float(rises.mean()), float(rises.std() / np.sqrt(len(rises)))
    return {"difference": mean, "interval": [mean - 1.96 * error, mean + 1.96 * error]}


if __name__ == "__main__":
    sys.exit(typer.run(main))
