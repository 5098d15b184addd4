"""Run a published system: ``python -m experiments.run NAME --data fer2013.zip``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import (
    Data,
    Fitted,
    Note,
    Predictions,
    Results,
    Unfinished,
    notes,
    output,
    read_faces,
)
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
from fer_ensemble.artifact.member_files import dump_member, load_member
from fer_ensemble.atomic_files import open_atomically, write_atomically
from fer_ensemble.datasets import FaceDataset, Parts, emotion_names, find_protocol
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
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Epochs of a network, in place of its own.", show_default=False),
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
    unfinished: Unfinished = UNFINISHED,
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
        **system.params,
        random_state=seed,
        n_jobs=-1,
        verbose=1,
        time_budget=seconds,
        checkpoint=str(checkpoint),
    )
    if epochs is not None:
        _set_everywhere(member, "epochs", epochs)
    if weights is not None:
        _start_from(member, str(weights))
    rows, held = hold_out(parts.train, seed)
    X, y = parts.train.images, parts.train.labels
    X_held, y_held = X[held], y[held]
    teachers = _teachers(system, fitted, protocol)
    classes, has_copy = np.unique(y), find_copies(parts)
    rounds = []
    started = time.perf_counter()
    for number in range(system.more_training + 1):
        if number:
            notes.print(f"More training, round {number} of {system.more_training}")
            _set_everywhere(member, "warm_start", True)
        member.fit(X[rows], y[rows], validation_data=(X_held, y_held), **teachers)
        probabilities = member.predict_proba(parts.test.images)
        rounds.append(score(parts.test.labels, probabilities, classes, has_copy))
    record = {
        "system": name,
        "protocol": protocol,
        "command": _command(
            name,
            data=data.name,
            protocol=protocol,
            time_budget=time_budget,
            epochs=epochs,
            weights=weights and weights.name,
            seed=seed,
        ),
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
    write_predictions(
        prediction_file(predictions, name, protocol), member, parts, held, probabilities
    )
    # The fitted file comes last and whole: `experiments.pretrained.train` takes it for a sign that
    # the run is complete. Before that, no path of this machine must be stored with the member.
    _set_everywhere(member, "checkpoint", None)
    if weights is not None:
        _start_from(member, None)
    write_atomically(fitted_file(fitted, name, protocol), dump_member(name, member))
    checkpoint.unlink(missing_ok=True)


def write_predictions(
    path: Path, member: Any, parts: Parts, held: NDArray[np.int64], test: NDArray[np.float64]
) -> None:
    """Write what a fitted member predicts, as :func:`experiments.runs.read_predictions` reads it.

    Parameters
    ----------
    path : Path
    member : classifier
        Fitted.
    parts : Parts
        The faces, divided.
    held : ndarray of int
        Places of the held-out faces among the training faces.
    test : ndarray of shape (n_samples, n_classes)
        What it predicts for the test faces.
    """
    with open_atomically(path) as stream:
        np.savez_compressed(
            stream,
            test=test.astype(np.float32),
            y_test=parts.test.labels,
            test_without_copies=~find_copies(parts),
            held_out=member.predict_proba(parts.train.images[held]).astype(np.float32),
            y_held_out=parts.train.labels[held],
            held_out_rows=held,
        )


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


def _teachers(system: System, fitted: Path, protocol: str) -> dict[str, list[Any]]:
    """Load a system's teachers, as the argument of ``fit``; none of a system without them."""
    members = []
    for name in system.teachers:
        path = fitted_file(fitted, name, protocol)
        if not path.is_file():
            raise typer.BadParameter(
                f"{system.name} learns from {name}: run 'python -m experiments.run {name} "
                f"--protocol {protocol}' first."
            )
        members.append(load_member(name, path.read_bytes()))
    return {"teachers": members} if members else {}


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


def _command(name: str, **options: str | int | None) -> str:
    """Write the command of a run, with the options that are given.

    Files are named without their folders: a record must not show where somebody keeps them.
    """
    given = {key.replace("_", "-"): value for key, value in options.items() if value is not None}
    parts = [f"--{key} {value}" for key, value in given.items()]
    return " ".join(["python -m experiments.run", name, *parts])


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
