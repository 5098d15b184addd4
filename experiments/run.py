"""Run a published system: ``python -m experiments.run NAME --data fer2013.zip``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, Fitted, Note, Predictions, Results, notes, output, read_faces
from experiments.runs import (
    FITTED,
    PREDICTIONS,
    RESULTS,
    UNFINISHED,
    divide,
    find_copies,
    fitted_file,
    prediction_file,
    record_file,
    write_record,
)
from experiments.systems import System, read_system
from fer_ensemble.artifact import installed_version
from fer_ensemble.artifact.states import dump_member, load_member
from fer_ensemble.atomic_files import open_atomically, write_atomically
from fer_ensemble.datasets import FaceDataset, emotion_names, find_protocol
from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.fitting import parse_duration
from fer_ensemble.models import create_member, describe_device, find_parameters, last_step
from fer_ensemble.splitting import copy_groups, holdout_split

_LIBRARIES = (
    "fer-ensemble",
    "keras",
    "tensorflow",
    "numpy",
    "scikit-learn",
    "scikit-image",
    "xgboost",
)


def main(
    name: Annotated[str, typer.Argument(help="A system: the name of a file in systems/.")],
    data: Data,
    protocol: Annotated[
        str,
        typer.Option(
            help="How to split: official, kaggle, random, grouped, balanced, or published for the "
            "way of the system's authors, which is one of these."
        ),
    ] = "official",
    time_budget: Annotated[
        str | None, typer.Option(help="Time for each training, as in 20m.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="File of 'experiments.imagenet_weights' that mobilenet_v2 starts from.",
            show_default=False,
        ),
    ] = None,
    note: Note = "",
    predictions: Predictions = PREDICTIONS,
    fitted: Fitted = FITTED,
    unfinished: Annotated[
        Path, typer.Option(help="Folder for trainings that are interrupted.")
    ] = UNFINISHED,
    results: Results = RESULTS,
) -> None:
    """Train a published system and measure it.

    Writes the figures as JSON into results/, the probabilities into predictions/ and the fitted
    member into fitted/. A run that was interrupted resumes after its last epoch when it is started
    again.
    """
    try:
        system = read_system(name)
        protocol = find_protocol(system.protocol if protocol == "published" else protocol).name
        seconds = None if time_budget is None else parse_duration(time_budget)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    for folder in (predictions, fitted, unfinished):
        folder.mkdir(parents=True, exist_ok=True)
    parts = divide(system, read_faces(data), protocol, seed)
    checkpoint = unfinished / f"{name}.{protocol}.npz"
    member = create_member(
        system.member,
        random_state=seed,
        n_jobs=-1,
        verbose=1,
        time_budget=seconds,
        checkpoint=str(checkpoint),
    )
    if weights is not None:
        _start_from(member, str(weights))
    rows, held = hold_out(parts.train, seed)
    X, y = parts.train.images, parts.train.labels
    X_held, y_held = X[held], y[held]
    soft_labels = _soft_labels(system, fitted, protocol, X[rows], y[rows])
    classes, has_copy = np.unique(y), find_copies(parts)
    rounds = []
    started = time.perf_counter()
    for number in range(system.more_training + 1):
        if number:
            notes.print(f"More training, round {number} of {system.more_training}")
            _set_everywhere(member, "warm_start", True)
        member.fit(X[rows], y[rows], validation_data=(X_held, y_held), **soft_labels)
        probabilities = member.predict_proba(parts.test.images)
        rounds.append(score(parts.test.labels, probabilities, classes, has_copy))
    record = {
        "system": name,
        "protocol": protocol,
        "command": _command(data, protocol, time_budget, seed, name, weights),
        "note": note,
        "device": describe_device(),
        "versions": {library: installed_version(library) for library in _LIBRARIES},
        "seed": seed,
        "n_train": len(rows),
        "n_held_out": len(held),
        "test": parts.description,
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "time_budget": time_budget,
        **_training(member),
        **rounds[-1],
    }
    if len(rounds) > 1:
        record["earlier_rounds"] = [scores["all"]["accuracy"] for scores in rounds[:-1]]
    write_record(record_file(results, name, protocol), record)
    _print(record)
    with open_atomically(prediction_file(predictions, name, protocol)) as stream:
        np.savez_compressed(
            stream,
            test=probabilities.astype(np.float32),
            y_test=parts.test.labels,
            test_without_copies=~has_copy,
            held_out=member.predict_proba(X_held).astype(np.float32),
            y_held_out=y_held,
            held_out_rows=held,
        )
    # The fitted file comes last and whole: `experiments.pretrained.train` takes it for a sign that
    # the run is complete. Before that, no path of this machine must be stored with the member.
    _set_everywhere(member, "checkpoint", None)
    if weights is not None:
        _start_from(member, None)
    write_atomically(fitted_file(fitted, name, protocol), dump_member(name, member))
    checkpoint.unlink(missing_ok=True)


def score(
    y: NDArray[Any],
    probabilities: NDArray[np.float64],
    classes: NDArray[Any],
    has_copy: NDArray[np.bool_],
) -> dict[str, Any]:
    """Measure on all test faces, and on those without an exact copy in the training data.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels of the test faces.
    probabilities : ndarray of shape (n_samples, n_classes)
    classes : ndarray of shape (n_classes,)
        What the columns are.
    has_copy : ndarray of bool of shape (n_samples,)
        Which test faces have such a copy.

    Returns
    -------
    dict
        ``all`` and ``without_copies``, ready for JSON.
    """

    def measure(rows: NDArray[np.bool_]) -> dict[str, Any]:
        return evaluate_predictions(
            y[rows],
            probabilities=probabilities[rows],
            classes=classes,
            class_names=emotion_names(classes),
        ).to_dict()

    return {"all": measure(np.ones_like(has_copy)), "without_copies": measure(~has_copy)}


def hold_out(training: FaceDataset, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out a tenth of the training faces to choose the epoch on.

    Parameters
    ----------
    training : FaceDataset
    seed : int
        Of the run.

    Returns
    -------
    rows, held : ndarray of int
        Places of the faces to fit on, and of those held out.
    """
    # Ensembles learn their weights on these faces later, so that the rows are the same for every
    # system of one protocol and seed. A copy of a fitted face among them would favour those that
    # remember it.
    return holdout_split(
        training.labels,
        test_size=0.1,
        groups=copy_groups(training.images),
        random_state=np.random.RandomState(seed).randint(2**31 - 1),
    )


def _soft_labels(
    system: System, fitted: Path, protocol: str, X: NDArray[Any], y: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Mix labels with what a system's teachers predict for the training faces, half and half.

    Returns the argument of ``fit``; none of a system without teachers.

    After Hinton, G., Vinyals, O., & Dean, J. (2015), distilling the knowledge in a neural network.
    """
    if not system.teachers:
        return {}
    predicted = []
    for name in system.teachers:
        path = fitted_file(fitted, name, protocol)
        if not path.is_file():
            raise typer.BadParameter(
                f"{system.name} learns from {name}: run 'python -m experiments.run {name} "
                f"--protocol {protocol}' first."
            )
        notes.print(f"{name} predicts {len(X):,} training faces")
        predicted.append(load_member(name, path.read_bytes()).predict_proba(X))
    return {"soft_labels": (np.mean(predicted, axis=0) + np.eye(predicted[0].shape[1])[y]) / 2}


def _start_from(member: Any, weights: str | None) -> None:
    """Let a network start from converted weights; None forgets the file, once it is fitted."""
    network = last_step(member)
    params = {**(network.network_params or {}), "weights": weights, "origin": "torchvision"}
    network.set_params(network_params=params)


def _set_everywhere(member: Any, parameter: str, value: Any) -> None:
    """Set the parameter of that name in every step that has it."""
    member.set_params(**dict.fromkeys(find_parameters(member, parameter), value))


def _training(member: Any) -> dict[str, Any]:
    """Describe how a network was trained; other members have no epochs."""
    network = last_step(member)
    if not hasattr(network, "history_"):
        return {"epochs_run": None, "epochs_planned": None}
    history = {
        key: [float(f"{value:.5g}") for value in values] for key, values in network.history_.items()
    }
    return {
        "epochs_run": round(history["epoch"][-1], 2),
        "epochs_planned": network.epochs,
        "class_counts": network.class_counts_,
        "history": history,
    }


def _command(
    data: Path, protocol: str, time_budget: str | None, seed: int, name: str, weights: Path | None
) -> str:
    # Names of files without their folders: a record must not show where somebody keeps the data.
    parts = ["python -m experiments.run", name, "--data", data.name, "--protocol", protocol]
    parts += ["--time-budget", time_budget] if time_budget else []
    parts += ["--weights", weights.name] if weights else []
    return " ".join([*parts, "--seed", str(seed)])


def _print(record: dict[str, Any]) -> None:
    figures = record["all"]
    low, high = figures["accuracy_interval"]
    output.print(
        f"{record['system']}, {record['protocol']} protocol, {record['test']}, "
        f"n = {figures['n']:,}: "
        f"accuracy {figures['accuracy']:.3f} ({low:.3f}–{high:.3f}), "
        f"macro F1 {figures['macro_f1']:.3f}"
    )
    if warning := find_protocol(record["protocol"]).warning:
        output.print(warning)


if __name__ == "__main__":
    sys.exit(typer.run(main))
