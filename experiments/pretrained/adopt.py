"""Take weights trained elsewhere in: ``python -m experiments.pretrained.adopt NAME NAME.npz``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, Fitted, Note, Predictions, Results, output, read_faces
from experiments.pretrained.candidates import PROTOCOL
from experiments.run import hold_out, score, write_predictions
from experiments.runs import (
    FITTED,
    PREDICTIONS,
    RESULTS,
    divide,
    find_copies,
    fitted_file,
    prediction_file,
    record_file,
    write_record,
)
from experiments.systems import System, read_system
from fer_ensemble.artifact.member_files import dump_member
from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.datasets import Parts
from fer_ensemble.models import NETWORKS, KerasClassifier, create_member
from fer_ensemble.splitting import row_digests

# Of the runs in whose place the weights stand: by it the held-out faces are drawn.
_SEED = 0


def main(
    name: Annotated[str, typer.Argument(help="The system that they are of.")],
    weights: Annotated[
        Path, typer.Argument(help="NAME.npz; what is known of its training is in NAME.json.")
    ],
    data: Data,
    note: Note = "",
    predictions: Predictions = PREDICTIONS,
    fitted: Fitted = FITTED,
    results: Results = RESULTS,
) -> None:
    """Put weights into a system's network, measure it, and leave what 'experiments.run' leaves.

    The weights are arrays w0, w1, … in the order of Keras's get_weights(), of a network fitted on
    the faces that 'experiments.run' fits on, with seed 0. The record beside them has the keys spec
    (network and its parameters), params (how many weights), job (its recipe), history (for each
    epoch, [loss, accuracy] and seconds), seconds, device, jax and keras.
    """
    try:
        system = read_system(name)
        parts = divide(system, read_faces(data), PROTOCOL, _SEED)
        rows, held = hold_out(parts.train, _SEED)
        told = json.loads(weights.with_suffix(".json").read_text())
        member = _restore(system, _read_weights(weights), told, parts, rows)
    except (KeyError, OSError, ValueError) as error:
        raise typer.BadParameter(f"{weights}: {error}") from error
    classes, has_copy = member.classes_, find_copies(parts)
    probabilities = member.predict_proba(parts.test.images)
    record = {
        "system": name,
        "protocol": PROTOCOL,
        "command": shlex.join(
            ["python", "-m", __spec__.name, name, weights.name, "--data", data.name]
        ),
        "note": note,
        "device": f"{told['device']} (jax)",
        "versions": {library: told[library] for library in ("keras", "jax")},
        "seed": told["job"]["seed"],
        "n_train": len(rows),
        "n_held_out": len(held),
        "test": parts.description,
        "minutes": round(told["seconds"] / 60, 1),
        "time_budget": None,
        "epochs_run": float(len(told["history"])),
        "epochs_planned": member.epochs,
        "class_counts": member.class_counts_,
        "history": member.history_,
        "recipe": told["job"],
        **score(parts.test.labels, probabilities, classes, has_copy),
    }
    write_record(record_file(results, name, PROTOCOL), record)
    for folder in (predictions, fitted):
        folder.mkdir(parents=True, exist_ok=True)
    write_predictions(
        prediction_file(predictions, name, PROTOCOL), member, parts, held, probabilities
    )
    write_atomically(fitted_file(fitted, name, PROTOCOL), dump_member(name, member))
    with np.load(prediction_file(predictions, name, PROTOCOL)) as kept:
        unseen = float((kept["held_out"].argmax(1) == kept["y_held_out"]).mean())
    # Were the held-out faces among those fitted on, it would know them as well as these.
    known = rows[:: len(rows) // len(held)]
    seen = float((member.predict(parts.train.images[known]) == parts.train.labels[known]).mean())
    output.print(
        f"{name}: {sum(array.size for array in member.weights_):,} weights; accuracy on "
        f"{record['test']} {record['all']['accuracy']:.3f} (n = {record['all']['n']:,}), held out "
        f"{unseen:.3f} (n = {len(held):,}), on faces fitted on {seen:.3f} (n = {len(known):,})"
    )


def _read_weights(path: Path) -> list[NDArray[np.float32]]:
    with np.load(path) as stored:
        return [stored[f"w{i}"].astype(np.float32) for i in range(len(stored.files))]


def _restore(
    system: System,
    weights: list[NDArray[np.float32]],
    told: dict[str, Any],
    parts: Parts,
    rows: NDArray[np.int64],
) -> KerasClassifier:
    """Make the fitted member that a training by the project would have left."""
    member = create_member(system.member, **system.params, random_state=_SEED)
    network, params = told["spec"]
    if (network, params) != (member.network, dict(member.network_params or {})):
        raise ValueError(
            f"They are of the network {network} with {params}, and {system.name} is "
            f"{member.network} with {member.network_params}."
        )
    X, y = parts.train.images[rows], parts.train.labels[rows]
    classes, counts = np.unique(y, return_counts=True)
    built = NETWORKS[network]((*X.shape[1:], 1), len(classes), **params)
    shapes = [tuple(variable.shape) for variable in built.weights]
    if shapes != [array.shape for array in weights] or built.count_params() != told["params"]:
        raise ValueError(
            f"{sum(array.size for array in weights):,} weights, {told['params']:,} by the record, "
            f"do not fill a network of {built.count_params():,}."
        )
    member.classes_, member.input_shape_ = classes, (*X.shape[1:], 1)
    member.weights_ = weights
    tally = {str(label): int(count) for label, count in zip(classes, counts, strict=True)}
    member.class_counts_ = {"before": tally, "after": tally}
    figures, seconds = zip(*told["history"], strict=True)
    loss, accuracy = zip(*figures, strict=True)
    columns = {
        "loss": loss,
        "accuracy": accuracy,
        "seconds": seconds,
        "epoch": range(1, len(seconds) + 1),
    }
    member.history_ = {
        key: [float(f"{value:.5g}") for value in values] for key, values in columns.items()
    }
    member.training_digests_ = np.unique(row_digests(X))
    return member


if __name__ == "__main__":
    sys.exit(typer.run(main))
