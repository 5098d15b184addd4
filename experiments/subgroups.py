"""Measure groups of faces: ``python -m experiments.subgroups --data fer2013.zip``.

First whether the measures by which faces are grouped measure what they say: resolution on faces
that are shrunk and enlarged again, pose beside points from elsewhere. Then the packed ensembles and
their members on PublicTest, by group and on faces changed on purpose; and other systems by group,
from what their runs predicted.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from scipy.stats import spearmanr

from experiments.console import Data, PackedModel, Results, notes, output, read_faces
from experiments.detectors import read_photographs
from experiments.landmarks import join_points
from experiments.runs import RESULTS, write_record
from fer_ensemble.artifact import load_ensemble, resolve_model
from fer_ensemble.artifact.pretrained import FAST
from fer_ensemble.datasets import EMOTIONS, FaceDataset
from fer_ensemble.ensemble import BaseEnsemble
from fer_ensemble.faces import FaceFinder, crop_face
from fer_ensemble.features import (
    CONDITIONS,
    effective_resolution,
    head_pose,
    load_landmark_regressor,
)
from fer_ensemble.subgrouping import measure_subgroups

Faces = NDArray[np.uint8]
Predict = Callable[[Faces], NDArray[np.float64]]

_PART = "public_test"
_SIDES = (8, 12, 16, 20, 24, 32, 40)
_ENLARGED = {"cubic": cv2.INTER_CUBIC, "linear": cv2.INTER_LINEAR}
_QUALITY = 90
# A face of a photograph serves if it has so many pixels a side: twice those that are measured.
_LEAST_SIDE = 96


def main(
    data: Data,
    model: PackedModel = None,
    points: Annotated[
        Path | None,
        typer.Option(help="Points of its faces from elsewhere, as 'experiments.landmarks' takes."),
    ] = None,
    photographs: Annotated[
        Path | None, typer.Option(help="Photographs of people, whose faces are shrunk too.")
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(help="Folder of predictions that 'experiments.run' left, NAME.official.npz."),
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Check the measures of faces, and measure every side on PublicTest by group."""
    test = read_faces(data).select(_PART)
    record: dict[str, Any] = {
        "part": _PART,
        "n": len(test),
        "resolution": {"faces": _check_resolution(test.images)},
    }
    if photographs is not None:
        record["resolution"]["photographs"] = _check_photographs(photographs)
    if points is not None:
        record["pose"] = _check_pose(test, points)
    record["sides"] = {
        name: _measure(predict, test)
        for name, predict in _packed_sides(model or resolve_model(None))
    }
    record["runs"] = {} if runs is None else dict(_measure_runs(runs, test))
    record = _rounded(record)
    write_record(results / "subgroups.json", record)
    for line in _lines(record):
        output.print(line)


def shrink(faces: Faces, side: int, way: str = "cubic") -> Faces:
    """Scale faces down to so many pixels a side by their area, and up again.

    Parameters
    ----------
    faces : ndarray of uint8 of shape (n_samples, size, size)
    side : int
    way : {'cubic', 'linear'}
        How they are scaled up.

    Returns
    -------
    ndarray of uint8 of shape (n_samples, size, size)
    """
    size = faces.shape[1:]
    small = [cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA) for face in faces]
    large = [cv2.resize(face, size, interpolation=_ENLARGED[way]) for face in small]
    return np.stack(large).astype(np.uint8)


def _check_resolution(faces: Faces) -> dict[str, Any]:
    """Estimate the resolution of faces as they are, and shrunk by known factors."""
    # A face that is blurred as it is cannot tell what enlarging does: the sharper half are asked.
    own = effective_resolution(faces)
    sharp = faces[own >= np.nanmedian(own)]
    found: dict[str, Any] = {"n": len(sharp), "as they are": _spread(effective_resolution(sharp))}
    ways: dict[str, Callable[[Faces], Faces]] = {
        "cubic": lambda x: x,
        "cubic, JPEG": _store,
        "linear": lambda x: x,
    }
    for told, then in ways.items():
        way = told.partition(",")[0]
        by_side = {side: effective_resolution(then(shrink(sharp, side, way))) for side in _SIDES}
        sides = np.repeat(list(by_side), [len(values) for values in by_side.values()])
        found[told] = {
            "sides": {str(side): _spread(values) for side, values in by_side.items()},
            "rank_correlation": _correlate(sides, np.concatenate(list(by_side.values()))),
        }
    return found


def _check_photographs(folder: Path) -> dict[str, Any]:
    """Shrink faces from photographs, where they have more than 48 pixels, as a far camera would."""
    finder, by_side = FaceFinder(), {side: [] for side in (*_SIDES, 48)}
    for picture in read_photographs(folder, 2000):
        for face in finder.find(picture):
            if face.box is None or face.box.size < _LEAST_SIDE:
                continue
            for side, values in by_side.items():
                small = crop_face(picture, face.box, size=side)
                large = cv2.resize(small, (48, 48), interpolation=cv2.INTER_CUBIC)
                values.append(float(effective_resolution(large[np.newaxis])[0]))
    return {
        "n": len(by_side[48]),
        "sides": {str(side): _spread(np.array(values)) for side, values in by_side.items()},
    }


def _store(faces: Faces) -> Faces:
    stored = [cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1] for face in faces]
    return np.stack([cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) for code in stored]).astype(np.uint8)


def _spread(values: NDArray[np.float64]) -> dict[str, float]:
    low, middle, high = np.nanpercentile(values, [5, 50, 95])
    return {"median": float(middle), "p5": float(low), "p95": float(high)}


def _check_pose(test: FaceDataset, path: Path) -> dict[str, Any]:
    """Hold turn and tilt by the package's points against those by points from elsewhere."""
    given = join_points(test, path)
    known = np.isfinite(given).all(axis=(1, 2))
    ours = head_pose(load_landmark_regressor().predict(test.images[known]))
    theirs = head_pose(given[known])
    found: dict[str, Any] = {"n": int(known.sum())}
    for name, mine, other in zip(("turn", "tilt"), ours, theirs, strict=True):
        groups = [CONDITIONS[name].group(np.abs(angles)) for angles in (mine, other)]
        found[name] = {
            "correlation": float(np.corrcoef(mine, other)[0, 1]),
            "median_difference": float(np.median(np.abs(mine - other))),
            "same_group": float((groups[0] == groups[1]).mean()),
        }
    return found


def _packed_sides(folder: Path) -> Iterator[tuple[str, Predict]]:
    """Name the packed ensembles and their members, with what predicts by each."""
    for name, place in (("ensemble", folder), (FAST, folder / FAST)):
        ensemble = load_ensemble(place)
        ask = _Asked(ensemble)
        yield name, lambda faces, ask=ask, ensemble=ensemble: ensemble.combine(ask(faces))
        for i, (member, _) in enumerate(ensemble.members_):
            yield member, lambda faces, ask=ask, i=i: ask(faces)[:, i]


class _Asked:
    """What the members of an ensemble predict: asked once for the same faces."""

    def __init__(self, ensemble: BaseEnsemble) -> None:
        self._ensemble = ensemble
        self._kept: dict[bytes, NDArray[np.float64]] = {}

    def __call__(self, faces: Faces) -> NDArray[np.float64]:
        key = hashlib.sha256(faces.tobytes()).digest()
        if key not in self._kept:
            self._kept[key] = self._ensemble.predict_member_proba(faces)
        return self._kept[key]


def _measure(predict: Predict, test: FaceDataset, **options: Any) -> dict[str, Any]:
    with notes.status("Predicting"):
        found = measure_subgroups(
            predict,
            test.images,
            test.labels,
            classes=range(len(EMOTIONS)),
            class_names=EMOTIONS,
            **options,
        )
    return found.to_summary()


def _measure_runs(folder: Path, test: FaceDataset) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(folder.glob("*.official.npz")):
        with np.load(file) as kept:
            probabilities, labels = kept["test"], kept["y_test"]
        if not np.array_equal(labels, test.labels):
            raise typer.BadParameter(f"--runs {file}: predictions of other faces than those given.")
        known = {"probabilities": probabilities, "alterations": ()}
        told = _measure(_not_asked, test, **known)
        yield (
            file.name.partition(".")[0],
            {name: _short(x) for name, x in told["conditions"].items()},
        )


def _short(found: dict[str, Any]) -> dict[str, Any]:
    """Keep what the groups of a condition come to at one mix of classes."""
    accuracies = {row["group"]: row["standardised"] for row in found["groups"]}
    return {"standardised": accuracies, "standardised_gap": found["standardised_gap"]}


def _not_asked(faces: Faces) -> NDArray[np.float64]:
    raise AssertionError("What a run predicted is known; it predicts nothing more.")


def _correlate(a: NDArray[Any], b: NDArray[np.float64]) -> float:
    known = np.isfinite(b)
    return float(spearmanr(a[known], b[known]).statistic)


def _rounded(value: Any) -> Any:
    """Round every figure to four decimals: what is beyond them is chance, and long."""
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return round(value, 4) if isinstance(value, float) else value


def _lines(record: dict[str, Any]) -> Iterator[str]:
    yield f"{record['part']}, n = {record['n']:,}; intervals at 95 %, p by Holm's method"
    for told, figures in record["resolution"].items():
        yield f"resolution of {told}, n = {figures['n']:,}"
        for way, found in figures.items():
            if way != "n":
                yield f"  {way}: {found}"
    if "pose" in record:
        yield f"pose: {record['pose']}"
    conditions = {name: side["conditions"] for name, side in record["sides"].items()}
    for name, by_condition in (conditions | record["runs"]).items():
        yield name
        for condition, found in by_condition.items():
            gap = found["standardised_gap"]
            if gap is not None:
                low, high = gap["interval"]
                yield (
                    f"  {condition}: {gap['best']} above {gap['worst']} by {gap['difference']:.3f} "
                    f"({low:+.3f} to {high:+.3f}), p {gap['adjusted_p']:.4f}"
                )
        for row in record["sides"].get(name, {}).get("altered", ()):
            low, high = row["interval"]
            yield (
                f"  {row['name']}: {row['accuracy']:.3f}, {row['difference']:+.3f} "
                f"({low:+.3f} to {high:+.3f})"
            )


if __name__ == "__main__":
    sys.exit(typer.run(main))
