"""Say whether one training is worth several members: ``python -m experiments.snapshot_members``.

One training of so many epochs, snapshots of one that goes through as many, fast geometric
ensembling within as many, and independent members that share them: the same epochs for each side,
from the same seeds. Every training is kept as soon as it is done; started again, the command goes
on where it was.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from experiments.console import Data, Out, Unfinished, output, read_faces
from experiments.run import hold_out
from experiments.runs import RESULTS, UNFINISHED, write_record
from fer_ensemble.atomic_files import open_atomically
from fer_ensemble.datasets import EMOTIONS, find_protocol
from fer_ensemble.ensemble import combine, disagreement, learn_weights
from fer_ensemble.evaluation import compare_predictions, wilson_interval
from fer_ensemble.features import HOG
from fer_ensemble.models import KerasClassifier, split_snapshots

CLASSES = np.arange(len(EMOTIONS))
NETWORKS = ("dense on HOG", "small CNN")
# What the others are compared with.
_ONE = "one training"
_TRAINING: dict[str, Any] = {
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "batch_size": 128,
    "patience": None,
    "monitor": "accuracy",
}


def main(
    data: Data,
    epochs: Annotated[int, typer.Option(help="Epochs of each side, all members together.")] = 20,
    members: Annotated[int, typer.Option(help="Members that are made of them.")] = 4,
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 2,
    unfinished: Unfinished = UNFINISHED,
    out: Out = RESULTS / "snapshot_members.json",
) -> None:
    """Train on the official split, learn weights on held-out faces, and report on PublicTest."""
    parts = find_protocol("official").split(read_faces(data), 0)
    rows, held = hold_out(parts.train, 0)
    train, test = parts.train, parts.test
    record: dict[str, Any] = {
        "epochs": epochs,
        "members": members,
        "seeds": seeds,
        "n_train": len(rows),
        "n_held_out": len(held),
        "n": len(test),
        "networks": {},
    }
    for network in NETWORKS:
        samples, test_samples = _prepare(network, train.images, test.images, rows)
        pictures = samples[rows], samples[held], test_samples
        labels = train.labels[rows], train.labels[held]
        sides: dict[str, list[dict[str, Any]]] = {}
        for seed in range(seeds):
            for side, classifiers in _sides(network, epochs, members, seed).items():
                kept = unfinished / f"snapshot_members.{network}.{side}.{epochs}.{seed}.npz"
                arrays = _run(
                    classifiers, *pictures, *labels, kept.with_name(kept.name.replace(" ", "_"))
                )
                sides.setdefault(side, []).append(arrays)
        figures = {
            side: _measure(runs, sides[_ONE], labels[1], test.labels)
            for side, runs in sides.items()
        }
        record["networks"][network] = figures
        for side, found in figures.items():
            output.print(f"{network}, {side}: {found}")
        write_record(out, record)


def _prepare(
    network: str, train: NDArray[np.uint8], test: NDArray[np.uint8], rows: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what a network sees of faces: HOG features, or faces of half the side."""
    if network == "dense on HOG":
        hog = HOG().fit(train[:2])
        features = hog.transform(train)
        scaler = StandardScaler().fit(features[rows])
        return scaler.transform(features), scaler.transform(hog.transform(test))
    halved = [
        faces.reshape(len(faces), 24, 2, 24, 2).mean(axis=(2, 4)).round().astype(np.uint8)
        for faces in (train, test)
    ]
    return halved[0], halved[1]


def _sides(network: str, epochs: int, members: int, seed: int) -> dict[str, list[KerasClassifier]]:
    def create(epochs: int, seed: int, **params: Any) -> KerasClassifier:
        if network == "dense on HOG":
            architecture: dict[str, Any] = {"units": (1024, 512), "dropout": 0.4}
            return KerasClassifier(
                "dense",
                network_params=architecture,
                epochs=epochs,
                random_state=seed,
                **{**_TRAINING, "learning_rate": 3e-4, **params},
            )
        return KerasClassifier(
            "cnn_1",
            network_params={"filters": (16, 32, 64)},
            augmentation={"flip": True, "translation": 0.1},
            epochs=epochs,
            random_state=seed,
            **{**_TRAINING, **params},
        )

    # Seeds of independent members are no other side's.
    others = [1000 + seed * members + number for number in range(members)]
    return {
        _ONE: [create(epochs, seed)],
        "snapshots": [create(epochs, seed, snapshots=members)],
        "fast geometric": [create(epochs, seed, snapshots=members, schedule="fast_geometric")],
        "independent members": [create(epochs // members, other) for other in others],
    }


def _run(
    classifiers: list[KerasClassifier],
    X: NDArray[Any],
    X_held: NDArray[Any],
    X_test: NDArray[Any],
    y: NDArray[Any],
    y_held: NDArray[Any],
    kept: Path,
) -> dict[str, Any]:
    """Fit members and ask each; or read what they said when this was done before."""
    if not kept.is_file():
        found: dict[str, list[NDArray[np.float64]]] = {"held_out": [], "test": []}
        started = time.process_time()
        for number, classifier in enumerate(classifiers):
            classifier.set_params(checkpoint=kept.with_suffix(f".{number}.checkpoint"))
            classifier.fit(X, y, validation_data=(X_held, y_held))
            for part in split_snapshots(classifier):
                found["held_out"].append(part.predict_proba(X_held))
                found["test"].append(part.predict_proba(X_test))
        arrays = {name: np.stack(values, axis=1) for name, values in found.items()}
        kept.parent.mkdir(parents=True, exist_ok=True)
        with open_atomically(kept) as stream:
            np.savez(stream, **arrays)
        for classifier in classifiers:
            Path(classifier.checkpoint).unlink(missing_ok=True)
        output.print(f"{kept.stem}: {time.process_time() - started:.0f} s of processor time")
    with np.load(kept) as stored:
        return dict(stored)


def _measure(
    runs: list[dict[str, Any]],
    one: list[dict[str, Any]],
    y_held: NDArray[Any],
    y: NDArray[Any],
) -> dict[str, Any]:
    """Measure a side on the test faces, and beside the one training of the same seed."""
    alone = [run["test"][:, 0].argmax(axis=1) for run in one]
    averaged, weighted = [], []
    for run in runs:
        weights = learn_weights(run["held_out"], y_held, CLASSES)
        averaged.append(combine(run["test"], "average").argmax(axis=1))
        weighted.append(combine(run["test"], "weighted", weights).argmax(axis=1))
    members = [(run["test"].argmax(axis=2) == y[:, None]).mean(axis=0) for run in runs]
    figures: dict[str, Any] = {
        "members": np.mean(members, axis=0).round(4).tolist(),
        "average": _summarize(averaged, alone, y),
        "weighted": _summarize(weighted, alone, y),
    }
    if runs[0]["test"].shape[1] > 1:
        apart = [disagreement(run["test"].argmax(axis=2) == y[:, None]) for run in runs]
        n_members = len(apart[0])
        pairs = np.triu_indices(n_members, 1)
        figures["disagreement"] = round(float(np.mean([a[pairs] for a in apart])), 4)
    return figures


def _summarize(
    predicted: list[NDArray[Any]], alone: list[NDArray[Any]], y: NDArray[Any]
) -> dict[str, Any]:
    """Accuracy of every seed, and the mean gain with an interval over faces."""
    hits = [int((labels == y).sum()) for labels in predicted]
    pairs = [
        compare_predictions(y, *pair, random_state=0) for pair in zip(predicted, alone, strict=True)
    ]
    # Seeds share their faces: faces are drawn, and with each its gains under all seeds.
    gains = np.mean(
        [(a == y) * 1.0 - (b == y) for a, b in zip(predicted, alone, strict=True)], axis=0
    )
    random = np.random.default_rng(0)
    drawn = [gains[random.integers(0, len(y), len(y))].mean() for _ in range(2000)]
    return {
        "accuracy": round(float(np.mean(hits)) / len(y), 4),
        "by_seed": [round(count / len(y), 4) for count in hits],
        "intervals": [[round(end, 4) for end in wilson_interval(n, len(y))] for n in hits],
        "gain": round(float(gains.mean()), 4),
        "gain_interval": [round(float(q), 4) for q in np.quantile(drawn, [0.025, 0.975])],
        "mcnemar_p": [round(pair.mcnemar_p, 4) for pair in pairs],
    }


if __name__ == "__main__":
    typer.run(main)
