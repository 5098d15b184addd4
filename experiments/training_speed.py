"""Compare the training engine with Keras's own fit: ``python -m experiments.training_speed``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, read_faces
from experiments.runs import RESULTS, write_record
from fer_ensemble.models import NETWORKS, KerasClassifier, describe_device
from fer_ensemble.models.device import resolve_precision
from fer_ensemble.models.training import jit_compile

_AUGMENTATION = {"flip": True, "rotation": 10, "translation": 0.1}


def main(
    data: Data,
    network: Annotated[str, typer.Option(help="Network to train.")] = "cnn_2",
    faces: Annotated[int, typer.Option(help="Training faces of an epoch.")] = 6400,
    batch_size: Annotated[int, typer.Option(help="Faces of a step.")] = 64,
    rounds: Annotated[int, typer.Option(help="Rounds of all sides, one after the other.")] = 3,
    out: Annotated[
        Path | None,
        typer.Option(help="File for the figures.", show_default="named after the backend"),
    ] = None,
) -> None:
    """Time epochs of Keras's fit and of the engine, without and with augmentation, in turn.

    With Keras on JAX, the engine takes many steps in one call; it is timed with one step a call,
    too. Throughput is that of each side's fastest epoch, the first of each round left out: it
    compiles.
    """
    training = read_faces(data).select("train")
    rows = np.random.default_rng(0).permutation(len(training))[:faces]
    X, y = training.images[rows][..., np.newaxis], training.labels[rows]
    sides: dict[str, Callable[[], list[float]]] = {
        "keras": lambda: _time_keras(network, batch_size, X, y),
        "engine": lambda: _time_engine(network, batch_size, X, y),
        "engine, augmented": lambda: _time_engine(
            network, batch_size, X, y, augmentation=_AUGMENTATION
        ),
    }
    if keras.backend.backend() == "jax":
        sides["engine, one step a call"] = lambda: _time_engine(
            network, batch_size, X, y, steps_per_execution=1
        )
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, time_epochs in sides.items():
            seconds[side] += time_epochs()
    fastest = {side: min(times) for side, times in seconds.items()}
    record = {
        "network": network,
        "faces": faces,
        "batch_size": batch_size,
        "device": describe_device(),
        "precision": resolve_precision("auto"),
        "epoch_seconds": {side: [round(t, 2) for t in times] for side, times in seconds.items()},
        "throughput_of_keras": {
            side: round(fastest["keras"] / time, 3) for side, time in fastest.items()
        },
    }
    write_record(out or RESULTS / f"training_speed.{keras.backend.backend()}.json", record)
    typer.echo(json.dumps(record["throughput_of_keras"]))


def _time_keras(network: str, batch_size: int, X: NDArray[Any], y: NDArray[Any]) -> list[float]:
    """Time epochs of ``Model.fit`` on the bare network."""
    keras.config.set_dtype_policy(resolve_precision("auto"))
    model = NETWORKS[network](X.shape[1:], 7)
    keras.config.set_dtype_policy("float32")
    model.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=jit_compile(),
    )
    clock = _Clock()
    model.fit(X, y, batch_size=batch_size, epochs=3, verbose=0, callbacks=[clock])
    return clock.seconds[1:]


def _time_engine(
    network: str, batch_size: int, X: NDArray[Any], y: NDArray[Any], **params: Any
) -> list[float]:
    classifier = KerasClassifier(
        network,
        epochs=3,
        batch_size=batch_size,
        validation_fraction=None,
        random_state=0,
        **params,
    )
    return classifier.fit(X, y).history_["seconds"][1:]


class _Clock(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.seconds.append(time.perf_counter() - self._started)


if __name__ == "__main__":
    sys.exit(typer.run(main))
