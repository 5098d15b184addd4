"""Measure explanations of faces: ``python -m experiments.explanations --data fer2013.zip``.

How places are covered is chosen on Training faces, with the package's quick model; all else is of
PublicTest faces, drawn by a seed, with the package's models (a network, and an ensemble) and with
the ensemble's trees alone. The check is that of Petsiuk et al. (2018): when the places that a map
says to be important are covered first, the label's probability falls sooner (*deletion*, a lower
mean over the shares covered), and when they are uncovered first, it rises sooner (*insertion*, a
higher one). Beside it stand the same map mirrored, that of another face, and places by chance,
which are lumps of the size of a patch. Covering is judged by both fills, so that no map is judged
by its own alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Data, Out, notes, output, read_faces
from experiments.runs import RESULTS, write_record
from fer_ensemble.artifact import load_predictor
from fer_ensemble.datasets import EMOTIONS, FaceDataset
from fer_ensemble.explanation import Explanation, FaceExplainer, deletion_curve, occlusion_map
from fer_ensemble.explanation.occlusion import FILLS

SHARES = (0.05, 0.1, 0.2, 0.35, 0.6)
SETTINGS = ((6, 3), (8, 4), (12, 4), (12, 6), (16, 8))
#: The member of the ensemble that is no network; the quick model is one.
TREES = "boosted_hog_landmarks"
# The points of each part in iBUG's order, and how far around it belongs to it, in pixels.
PARTS = {
    "brows": range(17, 27),
    "eyes": range(36, 48),
    "nose": range(27, 36),
    "mouth": range(48, 68),
}
AROUND = 3
_DRAWS = 2000


def main(
    data: Data,
    points: Annotated[
        Path | None,
        typer.Option(help="Points of the faces, an .npz file, to say where maps look."),
    ] = None,
    faces: Annotated[int, typer.Option(help="PublicTest faces of the quick model.")] = 300,
    slow_faces: Annotated[int, typer.Option(help="PublicTest faces of the others.")] = 60,
    choice_faces: Annotated[int, typer.Option(help="Training faces to choose by.")] = 40,
    seed: Annotated[int, typer.Option(help="By which faces are drawn.")] = 0,
    out: Out = RESULTS / "explanations.json",
) -> None:
    """Choose how places are covered, check maps, and say where they look."""
    read = read_faces(data)
    rng = np.random.default_rng(seed)
    record: dict[str, Any] = {"seed": seed, "shares": list(SHARES)}
    training = draw(read.select("train"), choice_faces, rng)
    fast, ensemble = load_predictor("fast"), load_predictor(None)
    notes.print(f"choosing on {len(training)} Training faces")
    record["choice"] = {"split": "train", "n": len(training), "rows": choose(fast, training, rng)}
    write_record(out, record)
    test = draw(read.select("public_test"), max(faces, slow_faces), rng)
    few = test.take(np.arange(slow_faces))
    trees = dict(ensemble.exported_members)[TREES]
    asked = [("fast", fast, test), (TREES, trees, few), ("ensemble", ensemble, few)]
    where = None if points is None else read_points(test, points)
    record["models"] = {}
    for name, model, some in asked:
        notes.print(f"explaining {len(some)} PublicTest faces by {name}")
        record["models"][name] = measure(model, some, where, rng)
        write_record(out, record)
    output.print_json(data=record)


def draw(faces: FaceDataset, n: int, rng: np.random.Generator) -> FaceDataset:
    """Draw so many faces without replacement."""
    return faces.take(rng.permutation(len(faces))[:n])


def choose(model: Any, faces: FaceDataset, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Give deletion and insertion of each way to cover, and its calls of the model a face."""
    labels = model.predict_proba(faces.images).argmax(axis=1)
    rows = []
    for fill in FILLS:
        for patch, stride in SETTINGS:
            asked = 0

            def count(covered: NDArray[np.uint8]) -> NDArray[np.float64]:
                nonlocal asked
                asked = len(covered)
                return np.asarray(model.predict_proba(covered))

            scores = [
                check(
                    model,
                    face,
                    label,
                    occlusion_map(count, face, label, fill=fill, patch=patch, stride=stride),
                )
                for face, label in zip(faces.images, labels, strict=True)
            ]
            deletion, insertion = np.mean(scores, axis=0)
            rows.append(
                {
                    "fill": fill,
                    "patch": patch,
                    "stride": stride,
                    "predictions": asked,
                    "deletion": round(float(deletion), 4),
                    "insertion": round(float(insertion), 4),
                }
            )
    return rows


def check(
    model: Any, face: NDArray[np.uint8], label: int, order: NDArray[np.floating]
) -> tuple[float, float]:
    """Mean probability of the label over the shares covered, and uncovered; of both fills."""
    areas = [
        deletion_curve(
            model.predict_proba, face, label, order, SHARES, fill=fill, insert=way
        ).mean()
        for way in (False, True)
        for fill in FILLS
    ]
    return float(np.mean(areas[:2])), float(np.mean(areas[2:]))


def chance(side: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw importances as smooth as a map's."""
    return np.asarray(cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), side / 12))


def measure(
    model: Any, faces: FaceDataset, points: NDArray[np.floating] | None, rng: np.random.Generator
) -> dict[str, Any]:
    """Explain faces, and say how quickly, how well and by which places."""
    explainer = FaceExplainer(model, EMOTIONS)
    found: list[Explanation] = []
    seconds = []
    for face in faces.images:
        start = time.perf_counter()
        found.append(explainer.explain(face))
        seconds.append(time.perf_counter() - start)
    maps = [one.map for one in found]
    orders = {
        "map": maps,
        "mirrored": [one[:, ::-1] for one in maps],
        "of another face": [*maps[1:], maps[0]],
        "by chance": [chance(len(maps[0]), rng) for _ in maps],
    }
    labels = [EMOTIONS.index(one.label) for one in found]
    scores = {
        name: np.array(
            [
                check(model, face, label, order)
                for face, label, order in zip(faces.images, labels, some, strict=True)
            ]
        )
        for name, some in orders.items()
    }
    record: dict[str, Any] = {
        "n": len(faces),
        "seconds": {
            "median": round(float(np.median(seconds)), 3),
            "most": round(float(np.max(seconds)), 3),
        },
        "checks": {name: describe(values, scores["map"], rng) for name, values in scores.items()},
    }
    if points is not None:
        record["places"] = tell_places(found, points[: len(found)], rng)
    for name, voices in (("members", "members"), ("traits", "landmarks")):
        if told := tell_voices(found, voices, rng):
            record[name] = told
    return record


def describe(
    values: NDArray[np.float64], own: NDArray[np.float64], rng: np.random.Generator
) -> dict[str, Any]:
    """Means of deletion and insertion, and how much better the map is, with paired intervals."""
    told: dict[str, Any] = {}
    for column, (name, sign) in enumerate((("deletion", 1), ("insertion", -1))):
        told[name] = round(float(values[:, column].mean()), 4)
        if values is not own:
            told[f"{name}_gain"] = interval(sign * (values - own)[:, column], rng)
    return told


def interval(values: NDArray[np.floating], rng: np.random.Generator) -> list[float]:
    """Give the mean, and the ends of its bootstrap interval of 95 %."""
    drawn = values[rng.integers(len(values), size=(_DRAWS, len(values)))].mean(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return [round(float(value), 4) for value in (values.mean(), low, high)]


def tell_places(
    found: Sequence[Explanation], points: NDArray[np.floating], rng: np.random.Generator
) -> dict[str, Any]:
    """Give, by label, which share of what speaks for it lies on each part, and the part's area."""
    told: dict[str, Any] = {}
    for label in ("all", *EMOTIONS):
        rows, areas = [], []
        for one, face in zip(found, points, strict=True):
            if label not in ("all", one.label) or not np.isfinite(face).all():
                continue
            mass = np.maximum(one.map, 0)
            if mass.sum() == 0:
                continue
            masks = part_masks(face, len(mass))
            rows.append([mass[mask].sum() / mass.sum() for mask in masks.values()])
            areas.append([mask.mean() for mask in masks.values()])
        if len(rows) < 10:  # an interval of so few says nothing
            continue
        told[label] = {"n": len(rows)}
        for place, part in enumerate(PARTS):
            told[label][part] = interval(np.array(rows)[:, place], rng)
            told[label][f"{part}_area"] = round(float(np.array(areas)[:, place].mean()), 4)
    return told


def part_masks(points: NDArray[np.floating], side: int) -> dict[str, NDArray[np.bool_]]:
    """Mark the pixels of each part: the hull of its points and a few pixels around it."""
    masks = {}
    for part, indices in PARTS.items():
        mask = np.zeros((side, side), np.uint8)
        # Of brows and eyes each side by itself: not what lies between them.
        half = len(indices) // 2
        groups = [indices[:half], indices[half:]] if part in ("brows", "eyes") else [indices]
        for group in groups:
            hull = cv2.convexHull(np.rint(points[list(group)]).astype(np.int32))
            cv2.fillConvexPoly(mask, hull, 1)
        size = 2 * AROUND + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        masks[part] = cv2.dilate(mask, kernel).astype(bool)
    return masks


def tell_voices(
    found: Sequence[Explanation], of: str, rng: np.random.Generator
) -> dict[str, dict[str, list[float]]]:
    """Give, by label, what each member or trait adds to the log-odds, with intervals."""
    told: dict[str, dict[str, list[float]]] = {}
    for label in ("all", *EMOTIONS):
        some = [getattr(one, of) for one in found if label in ("all", one.label)]
        if len(some) < 10 or not some[0]:
            continue
        added = [{voice.name: voice.contribution for voice in voices} for voices in some]
        told[label] = {
            name: interval(np.array([one[name] for one in added]), rng) for name in added[0]
        }
    return told


def read_points(faces: FaceDataset, path: Path) -> NDArray[np.floating]:
    """Find the points of faces by the names of their files."""
    with np.load(path, allow_pickle=False) as table:
        places = {name: row for row, name in enumerate(table["names"].tolist())}
        points = table["points"].astype(float)
    return points[[places[PurePosixPath(name).name] for name in faces.names]]


if __name__ == "__main__":
    sys.exit(typer.run(main))
