"""Train the landmark regressor that comes with the package, and measure it.

``python -m experiments.landmarks --data fer2013.zip --points points.npz`` trains on FER2013's
Training faces, a tenth of them held out (copies kept together) for whatever is chosen, and measures
once on PublicTest. ``--no-train`` only measures the weights as they are.

The points are a file with ``names``, the faces' file names as in the zip, and ``points`` of shape
(n, 68, 2), in pixels of the 48×48 faces, NaN where none are known.
"""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Note, Out, read_faces
from experiments.runs import RESULTS, write_record
from experiments.timing import timed
from fer_ensemble.datasets import FaceDataset
from fer_ensemble.features import (
    LandmarkRegressor,
    geometry,
    load_landmark_regressor,
    point_errors,
    save_landmark_regressor,
)
from fer_ensemble.features.landmark_weights import SHIPPED
from fer_ensemble.splitting import copy_groups, holdout_split

BATCH = 256
REPETITIONS = 41


def main(
    data: Annotated[Path, typer.Option(help="FER2013 as a zip or folder with its file names.")],
    points: Annotated[Path, typer.Option(help="Points of its faces, an .npz file.")],
    train: Annotated[bool, typer.Option(help="Train anew, or measure the weights.")] = True,
    epochs: Annotated[int, typer.Option(help="Epochs of each stage.")] = 16,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    weights: Annotated[Path, typer.Option(help="File of the weights.")] = SHIPPED,
    note: Note = "",
    out: Out = RESULTS / "landmarks.json",
) -> None:
    """Train the regressor on Training, measure it on PublicTest and time it."""
    faces = read_faces(data)
    given = join_points(faces, points)
    rows, test = (np.flatnonzero(faces.split == part) for part in ("train", "public_test"))
    groups = copy_groups(faces.images)
    fitted, held = (
        rows[part]
        for part in holdout_split(
            faces.labels[rows], test_size=0.1, groups=groups[rows], random_state=seed
        )
    )
    if train:
        regressor = LandmarkRegressor(epochs=epochs, random_state=seed, verbose=1)
        regressor.fit(faces.images[fitted], given[fitted])
        typer.echo(f"{regressor.n_left_out_:,} of {len(fitted):,} faces had no points")
        digest = save_landmark_regressor(regressor, weights)
        typer.echo(f"SHA-256 for fer_ensemble/features/landmark_weights.py: {digest}")
    # Measure what is shipped, which is the file and not the regressor in memory.
    regressor = load_landmark_regressor(weights)
    alone = test[~np.isin(groups[test], groups[rows])]
    record = {
        "command": f"python -m experiments.landmarks --data {data.name} --points {points.name} "
        f"--epochs {epochs} --seed {seed}",
        "note": note,
        "trained_on": f"Training, {len(fitted):,} faces",
        "weights_bytes": weights.stat().st_size,
        "held_out": _errors(regressor, faces, given, held),
        "public_test": _errors(regressor, faces, given, test),
        "public_test_without_copies": _errors(regressor, faces, given, alone),
        "speed": _speed(regressor, faces.images[test]),
    }
    write_record(out, record, show=True)


def join_points(faces: FaceDataset, path: Path) -> NDArray[np.float32]:
    """Find the points of every face by its file name.

    Parameters
    ----------
    faces : FaceDataset
    path : Path
        An .npz file with ``names``, and ``points`` of shape (n, 68, 2).

    Returns
    -------
    ndarray of float32 of shape (n_samples, 68, 2)
    """
    with np.load(path, allow_pickle=False) as table:
        places = {name: row for row, name in enumerate(table["names"].tolist())}
        points = table["points"].astype(np.float32)
    names = [PurePosixPath(name).name for name in faces.names]
    missing = [name for name in names if name not in places]
    if missing:
        raise typer.BadParameter(
            f"{path}: no row for {len(missing):,} faces, such as {missing[0]}. Give a file with a "
            "row for each face (NaN where no points were found)."
        )
    return points[[places[name] for name in names]]


def _errors(
    regressor: LandmarkRegressor, faces: FaceDataset, given: NDArray[Any], rows: NDArray[Any]
) -> dict[str, Any]:
    """Errors in units of the distance of the eyes' outer corners; mean with its interval."""
    errors = point_errors(regressor.predict(faces.images[rows]), given[rows])
    errors = errors[np.isfinite(errors)]
    draws = np.random.default_rng(0).integers(len(errors), size=(2000, len(errors)))
    low, high = np.quantile(errors[draws].mean(axis=1), [0.025, 0.975])
    return {
        "n": len(errors),
        "without_points": len(rows) - len(errors),
        "mean_error": round(float(errors.mean()), 5),
        "mean_error_interval": [round(float(low), 5), round(float(high), 5)],
        "median_error": round(float(np.median(errors)), 5),
        "share_above_0.1": round(float((errors > 0.1).mean()), 4),
    }


def _speed(regressor: LandmarkRegressor, faces: NDArray[np.uint8]) -> dict[str, Any]:
    """Time points and geometry of a batch, again and again."""
    batch = faces[:BATCH]
    runs = [timed(lambda: geometry(regressor.predict(batch))) for _ in range(REPETITIONS)]
    seconds, processor_seconds = [run.wall for run in runs], [run.cpu for run in runs]
    per_face = 1000 / len(batch)
    return {
        "batch": len(batch),
        "repetitions": REPETITIONS,
        "median_ms_per_face": round(per_face * float(np.median(seconds)), 4),
        "least_ms_per_face": round(per_face * min(seconds), 4),
        "median_processor_ms_per_face": round(per_face * float(np.median(processor_seconds)), 4),
    }


if __name__ == "__main__":
    sys.exit(typer.run(main))
