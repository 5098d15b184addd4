"""Look for the HOG of a publication: ``python -m experiments.hog_readings --data fer2013.zip``.

The authors of ``dense_hog_published`` leave open how their HOG is set, and of what layers the
network is made that they call ``dcnn_hog``. Readings are compared on faces held out of Training;
the one that comes out best is measured under the authors' own split.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments.console import Data, Fitted, Out, notes, output, read_faces
from experiments.redrawn import draw_again
from experiments.run import hold_out
from experiments.runs import FITTED, RESULTS, divide, fitted_file, read_record, write_record
from experiments.systems import read_system
from fer_ensemble.artifact.member_files import load_member
from fer_ensemble.datasets import EMOTIONS, FaceDataset
from fer_ensemble.evaluation import evaluate_predictions
from fer_ensemble.features import HOG
from fer_ensemble.models import KerasClassifier
from fer_ensemble.models.networks.blocks import dense_block, normalised_convolution, softmax

if TYPE_CHECKING:
    import keras

SYSTEM = "dense_hog_published"
# A kernel machine says in seconds how much features hold, where a network takes minutes.
_N_SCREENED, _N_COMPONENTS = 8000, 1000


@dataclass(frozen=True)
class Reading:
    """A way to read "HOG".

    Attributes
    ----------
    hog : dict
        Arguments of :class:`~fer_ensemble.features.HOG`.
    side : int
        Side in pixels that faces are brought to first.
    """

    hog: Mapping[str, Any] = field(default_factory=dict)
    side: int = 48

    def features(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute features, of shape (n_samples, n_features)."""
        size = (self.side, self.side)
        if faces.shape[1:] != size:
            pictures = (Image.fromarray(face) for face in faces)
            faces = np.stack([p.resize(size, Image.Resampling.BILINEAR) for p in pictures])
        return HOG(n_jobs=-1, **self.hog).fit_transform(faces)

    def maps(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute features as maps of the face, of shape (n_samples, height, width, n_channels)."""
        features = self.features(faces)
        cells, blocks = (self.hog[key][0] for key in ("pixels_per_cell", "cells_per_block"))
        height = self.side // cells - blocks + 1
        return features.reshape(len(faces), height, height, -1)


def _cells(orientations: int, pixels: int, cells: int, **more: Any) -> dict[str, Any]:
    sides = {"pixels_per_cell": (pixels, pixels), "cells_per_block": (cells, cells)}
    return {"orientations": orientations, **sides, **more}


#: By what they are called: directions, side of a cell in pixels, side of a block in cells.
READINGS = {
    "8, 6, 2 (ours)": Reading(_cells(8, 6, 2)),
    "8, 6, 2, square roots of pixels": Reading(_cells(8, 6, 2, transform_sqrt=True)),
    "8, 6, 2, blocks by L1": Reading(_cells(8, 6, 2, block_norm="L1")),
    "8, 6, 1": Reading(_cells(8, 6, 1)),
    "12, 6, 2": Reading(_cells(12, 6, 2)),
    "9, 8, 2": Reading(_cells(9, 8, 2)),
    "9, 8, 3 (scikit-image's defaults)": Reading(_cells(9, 8, 3)),
    "8, 4, 2": Reading(_cells(8, 4, 2)),
    "8, 16, 1 (scikit-image's example)": Reading(_cells(8, 16, 1)),
    "8, 16, 1, faces of 128 px": Reading(_cells(8, 16, 1), side=128),
    "9, 8, 2, faces of 64 px": Reading(_cells(9, 8, 2), side=64),
    "9, 8, 2, faces of 96 px": Reading(_cells(9, 8, 2), side=96),
}


def main(
    data: Data,
    fitted: Fitted = FITTED,
    epochs: Annotated[
        int, typer.Option(help="Most epochs of a network; the authors allow 100.")
    ] = 100,
    seed: Annotated[int, typer.Option(help="Seed of split and trainings.")] = 0,
    out: Out = RESULTS / "hog_readings.json",
) -> None:
    """Compare readings by a kernel machine, networks on the best of them, and the split.

    Goes on behind what the file of figures already has. What drawing the test faces anew would do
    is measured on the fitted member of 'experiments.run dense_hog_published --protocol random'.
    """
    record: dict[str, Any] = {**read_record(out)}
    faces, system = read_faces(data), read_system(SYSTEM)
    official, own = (divide(system, faces, p, seed) for p in ("official", system.protocol))
    rows, held = hold_out(official.train, seed)

    def keep(section: str, name: str, measure: Callable[[], dict[str, Any]]) -> None:
        found = record.setdefault(section, {})
        if name not in found:
            notes.print(f"{section}: {name}")
            found[name] = measure()
            write_record(out, record)
        output.print(f"{section}, {name}: {found[name]}")

    few = np.random.default_rng(seed).permutation(rows)[:_N_SCREENED]
    for name, reading in READINGS.items():
        fit, test = official.train.take(few), official.train.take(held)
        keep("screened", name, partial(screen, reading, fit, test, seed))
    best = READINGS[_best(record["screened"])]
    plans = {
        "dense, 1,024 and 512": (best.features, dense_network((1024, 512), epochs, seed)),
        "convolutions": (READINGS["8, 4, 2"].maps, convolutional_network(epochs, seed)),
        "dense, 256": (best.features, dense_network((256,), epochs, seed)),
    }
    fit, watched = official.train.take(rows), official.train.take(held)
    for name, plan in plans.items():
        keep("trained", name, partial(train, *plan, fit, watched, watched))
    name = _best(record["trained"])
    rows, held = hold_out(own.train, seed)
    fit, watched = own.train.take(rows), own.train.take(held)
    keep("own split", name, partial(train, *plans[name], fit, watched, own.test))
    file = fitted_file(fitted, SYSTEM, system.protocol)
    if file.is_file():
        member = load_member(SYSTEM, file.read_bytes())
        images, labels, _ = draw_again(own, seed + 1)
        keep("drawn anew", SYSTEM, lambda: score(labels, member.predict_proba(images)))


def screen(reading: Reading, fit: FaceDataset, test: FaceDataset, seed: int) -> dict[str, Any]:
    """Measure what a kernel machine makes of a reading's features.

    Parameters
    ----------
    reading : Reading
    fit, test : FaceDataset
    seed : int

    Returns
    -------
    dict
        See :func:`score`; ``n_features`` too.
    """
    X = reading.features(fit.images)
    # As wide as scikit-learn's support vector machines make it by default.
    kernel = Nystroem(
        gamma=1 / (X.shape[1] * X.var()), n_components=_N_COMPONENTS, random_state=seed
    )
    machine = make_pipeline(kernel, RidgeClassifier()).fit(X, fit.labels)
    scores = machine.decision_function(reading.features(test.images))
    # A softmax of them keeps their order, and the order is all that is measured.
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return {"n_features": X.shape[1], **score(test.labels, shares)}


def train(
    features: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    network: KerasClassifier,
    fit: FaceDataset,
    watched: FaceDataset,
    test: FaceDataset,
) -> dict[str, Any]:
    """Train a network on features as published, and measure it.

    Parameters
    ----------
    features : callable
        From faces to features.
    network : KerasClassifier
    fit, watched, test : FaceDataset
        What to fit on, what rate and epoch are chosen by, what to measure on.

    Returns
    -------
    dict
        See :func:`score`; ``epochs`` run of those ``allowed``.
    """
    X, X_watched, X_test = (features(part.images) for part in (fit, watched, test))
    scaler = StandardScaler()
    shape = X.shape[1:]
    scaled = scaler.fit_transform(X.reshape(len(X), -1)).reshape(-1, *shape)
    others = [
        scaler.transform(x.reshape(len(x), -1)).reshape(-1, *shape) for x in (X_watched, X_test)
    ]
    network.fit(scaled, fit.labels, validation_data=(others[0], watched.labels))
    figures = score(test.labels, network.predict_proba(others[1]))
    return {"epochs": network.history_["epoch"][-1], "allowed": network.epochs, **figures}


def dense_network(units: tuple[int, ...], epochs: int, seed: int) -> KerasClassifier:
    """Make a dense network, trained as published."""
    return KerasClassifier(
        "dense", network_params={"units": units}, epochs=epochs, random_state=seed, verbose=1
    )


def convolutional_network(epochs: int, seed: int) -> KerasClassifier:
    """Make a convolutional network over maps of features, trained as published."""
    return KerasClassifier(convolutions, epochs=epochs, random_state=seed, verbose=1)


def convolutions(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Four normalised convolutions and a dense layer: as small a network as may be called deep."""
    import keras
    from keras import layers

    inputs = x = keras.Input(input_shape)
    for filters in (64, 128):
        for _ in range(2):
            x = layers.ReLU()(normalised_convolution(x, filters))
        x = layers.Dropout(0.25)(layers.MaxPooling2D()(x))
    x = dense_block(layers.Flatten()(x), 256, dropout=0.5)
    return keras.Model(inputs, softmax(x, n_classes))


def score(y: NDArray[np.int64], probabilities: NDArray[np.float64]) -> dict[str, Any]:
    """Measure what the authors publish of their network.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    probabilities : ndarray of shape (n_samples, n_classes)

    Returns
    -------
    dict
        ``n``, ``accuracy`` with its ``interval``, ``macro_f1``, and the ``recall`` of disgust and
        fear.
    """
    figures = evaluate_predictions(
        y, probabilities=probabilities, classes=np.arange(len(EMOTIONS)), class_names=EMOTIONS
    ).to_dict()
    recall = {entry["name"]: entry["recall"] for entry in figures["per_class"]}
    return {
        "n": figures["n"],
        "accuracy": figures["accuracy"],
        "interval": figures["accuracy_interval"],
        "macro_f1": figures["macro_f1"],
        "recall": {name: recall[name] for name in ("disgust", "fear")},
    }


def _best(section: Mapping[str, Mapping[str, Any]]) -> str:
    return max(section, key=lambda name: section[name]["accuracy"])


if __name__ == "__main__":
    sys.exit(typer.run(main))
