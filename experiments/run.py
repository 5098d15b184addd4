"""Run a published system: ``python -m experiments.run NAME --data fer2013.zip``."""

from __future__ import annotations

import importlib.metadata
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.options import HERE, RESULTS, Data, Results, write_record
from experiments.systems import System, read_system
from fer_ensemble.artifact.states import dump_member, load_member
from fer_ensemble.cli.console import notes, output, parse_duration, read_faces
from fer_ensemble.datasets import (
    EMOTIONS,
    PROTOCOLS,
    FaceDataset,
    Parts,
    copy_groups,
    holdout_split,
    row_digests,
)
from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.models import (
    augment_copies,
    create_member,
    describe_device,
    find_parameters,
    last_step,
)

_PACKAGES = (
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
    note: Annotated[str, typer.Option(help="What else to say of this run.")] = "",
    results: Results = RESULTS,
) -> None:
    """Train a published system and measure it.

    Writes the figures as JSON into results/, the probabilities into predictions/ and the fitted
    member into fitted/. A run that was interrupted goes on from its last epoch when it is started
    again.
    """
    try:
        system = read_system(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    protocol = system.protocol if protocol == "published" else protocol
    if protocol not in PROTOCOLS:
        raise typer.BadParameter(
            f"--protocol {protocol}: choose published or one of {', '.join(PROTOCOLS)}."
        )
    faces, _ = read_faces(data, strict=False, seed=seed)
    parts = divide(system, faces, protocol, seed)
    seconds = None if time_budget is None else parse_duration(time_budget)
    unfinished = _file("unfinished", f"{name}.{protocol}.npz")
    member = create_member(
        system.member,
        random_state=seed,
        n_jobs=-1,
        verbose=1,
        time_budget=seconds,
        checkpoint=str(unfinished),
    )
    fitted, held = _hold_out(parts, seed)
    X, y = parts.train.images, parts.train.labels
    X_held, y_held = X[held], y[held]
    lesson = _lesson(system, protocol, X[fitted], y[fitted])
    rounds = []
    started = time.perf_counter()
    for number in range(system.more_training + 1):
        if number:
            notes.print(f"More training, round {number} of {system.more_training}")
            _set_everywhere(member, "warm_start", True)
        member.fit(X[fitted], y[fitted], validation_data=(X_held, y_held), **lesson)
        probabilities = member.predict_proba(parts.test.images)
        rounds.append(_scores(parts, probabilities))
    record = {
        "system": name,
        "protocol": protocol,
        "command": _command(data, protocol, time_budget, seed, name),
        "note": note,
        "device": describe_device(),
        "versions": {package: importlib.metadata.version(package) for package in _PACKAGES},
        "seed": seed,
        "n_train": len(fitted),
        "n_held_out": len(held),
        "test": parts.told,
        "minutes": round((time.perf_counter() - started) / 60, 1),
        "time_budget": time_budget,
        **_training(member),
        **rounds[-1],
    }
    if len(rounds) > 1:
        record["earlier_rounds"] = [scores["all"]["accuracy"] for scores in rounds[:-1]]
    _write(record, results)
    np.savez_compressed(
        _file("predictions", f"{name}.{protocol}.npz"),
        test=probabilities.astype(np.float32),
        y_test=parts.test.labels,
        test_without_copies=_without_copies(parts),
        held_out=member.predict_proba(X_held).astype(np.float32),
        y_held_out=y_held,
        held_out_rows=held,
    )
    _set_everywhere(member, "checkpoint", None)
    _file("fitted", f"{name}.{protocol}.skops").write_bytes(dump_member(name, member))
    unfinished.unlink(missing_ok=True)


def divide(system: System, faces: FaceDataset, protocol: str, seed: int) -> Parts:
    """Divide faces as a run of a system does.

    Parameters
    ----------
    system : System
    faces : FaceDataset
        All of them.
    protocol : str
    seed : int

    Returns
    -------
    Parts
    """
    if system.classes:
        labels = [EMOTIONS.index(emotion) for emotion in system.classes]
        faces = faces.take(np.isin(faces.labels, labels))
    params = dict(system.protocol_params) if protocol == system.protocol else {}
    if protocol == "balanced":
        params["augment"] = augment_copies
    return PROTOCOLS[protocol].split(faces, seed, **params)


def _hold_out(parts: Parts, seed: int) -> tuple[Any, Any]:
    """Hold out a tenth of the training faces for the choice of the epoch: the same for all."""
    return holdout_split(
        parts.train.labels,
        test_size=0.1,
        groups=copy_groups(parts.train.images),
        random_state=np.random.RandomState(seed).randint(2**31 - 1),
    )


def _lesson(
    system: System, protocol: str, X: NDArray[Any], y: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Give what a system's teachers think of the training faces, half and half with the labels.

    After Hinton, G., Vinyals, O., & Dean, J. (2015), distilling the knowledge in a neural network.
    """
    if not system.teachers:
        return {}
    opinions = []
    for name in system.teachers:
        path = HERE / "fitted" / f"{name}.{protocol}.skops"
        if not path.is_file():
            raise typer.BadParameter(
                f"{system.name} learns from {name}: run 'python -m experiments.run {name} "
                f"--protocol {protocol}' first."
            )
        notes.print(f"{name} looks at {len(X):,} training faces")
        opinions.append(load_member(name, path.read_bytes()).predict_proba(X))
    return {"soft_labels": (np.mean(opinions, axis=0) + np.eye(opinions[0].shape[1])[y]) / 2}


def _set_everywhere(member: Any, parameter: str, value: Any) -> None:
    """Set the parameter of that name in every step that has it."""
    member.set_params(**dict.fromkeys(find_parameters(member, parameter), value))


def _file(folder: str, name: str) -> Path:
    path = HERE / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _without_copies(parts: Parts) -> Any:
    """Find the test faces without an exact copy in the training data."""
    return ~np.isin(row_digests(parts.test.images), row_digests(parts.train.images))


def _scores(parts: Parts, probabilities: Any) -> dict[str, Any]:
    """Measure on all test faces, and on those without an exact copy in the training data."""
    alone = _without_copies(parts)
    classes = np.unique(parts.train.labels)
    names = [EMOTIONS[label] for label in classes]

    def measure(rows: Any) -> dict[str, Any]:
        return evaluate_predictions(
            parts.test.labels[rows],
            probabilities=probabilities[rows],
            classes=classes,
            class_names=names,
        ).to_dict()

    return {"all": measure(np.ones_like(alone)), "without_copies": measure(alone)}


def _training(member: Any) -> dict[str, Any]:
    """Tell how a network was trained; nothing of other members."""
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


def _command(data: Path, protocol: str, time_budget: str | None, seed: int, name: str) -> str:
    parts = ["python -m experiments.run", name, "--data", data.name, "--protocol", protocol]
    parts += ["--time-budget", time_budget] if time_budget else []
    return " ".join([*parts, "--seed", str(seed)])


def _write(record: dict[str, Any], results: Path) -> None:
    write_record(results / f"{record['system']}.{record['protocol']}.json", record)
    figures = record["all"]
    low, high = figures["accuracy_interval"]
    output.print(
        f"{record['system']}, {record['protocol']} protocol, {record['test']}, "
        f"n = {figures['n']:,}: "
        f"accuracy {figures['accuracy']:.3f} ({low:.3f}–{high:.3f}), "
        f"macro F1 {figures['macro_f1']:.3f}"
    )
    if warning := PROTOCOLS[record["protocol"]].warning:
        output.print(warning)


if __name__ == "__main__":
    sys.exit(typer.run(main))
