"""Measure how faces are cut out of pictures: ``python -m experiments.framing``.

Faces of FER2013 are enlarged and pasted into larger pictures at known places. Those of Training
tell how a detector's boxes lie to FER2013's squares; that is where the detectors' `framing` comes
from. Those of PublicTest tell how often the crop gets the label of the face that was pasted.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import cv2
import numpy as np
import skimage.data
import typer
from numpy.typing import NDArray

from experiments.console import Data, Out, read_faces
from experiments.runs import RESULTS, write_record
from experiments.timing import timed
from fer_ensemble.artifact import load_ensemble
from fer_ensemble.artifact.member_files import load_member
from fer_ensemble.evaluation import wilson_interval
from fer_ensemble.faces import Detector, FaceBox, Framing, create_detector, crop_face

SCALES = (0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
FITTED_SCALES = (3.0, 4.0, 5.0)


class Pasted(NamedTuple):
    """A picture with one face in it, and the face's true square."""

    image: NDArray[np.uint8]
    box: FaceBox


def main(
    data: Data,
    model: Annotated[Path, typer.Option(help="Saved ensemble, or a member's .skops file.")],
    detectors: Annotated[str, typer.Option(help="Detectors, with commas between.")] = "haar,mtcnn",
    faces: Annotated[int, typer.Option(help="Faces of PublicTest, and as many of Training.")] = 700,
    out: Out = RESULTS / "framing.json",
) -> None:
    """Fit each detector's framing, measure how far labels agree, and time the detectors."""
    read = read_faces(data)
    rng = np.random.default_rng(0)
    fitted = _paste_some(read.select("Training").images, faces, FITTED_SCALES, rng)[1]
    originals, tested = _paste_some(read.select("PublicTest").images, faces, SCALES, rng)
    classifier = load_member("", model.read_bytes()) if model.is_file() else load_ensemble(model)
    labels = classifier.predict(originals)
    record: dict[str, Any] = {"model": model.stem, "faces": faces, "scales": SCALES}
    record["known_box"] = _measure_known_box(tested, labels, classifier)
    typer.echo(f"known box: {record['known_box']}")
    for name in detectors.split(","):
        detector = create_detector(name)
        record[name] = {
            "milliseconds": _time(detector),
            "training": _fit(detector, fitted),
            "public_test": _measure(detector, tested, labels, classifier),
        }
        typer.echo(f"{name}: {json.dumps(record[name])}")
    write_record(out, record)


def _paste_some(
    images: NDArray[np.uint8], n: int, scales: tuple[float, ...], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[Pasted]]:
    chosen = images[rng.permutation(len(images))[:n]]
    return chosen, [_paste(face, scales[i % len(scales)], rng) for i, face in enumerate(chosen)]


def _paste(face: NDArray[np.uint8], scale: float, rng: np.random.Generator) -> Pasted:
    """Put a face anywhere in a picture of twice its size, plain or noisy by turns of chance."""
    side = round(len(face) * scale)
    filter_ = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = np.full((2 * side, 2 * side), rng.integers(60, 200), float)
    if rng.random() < 0.5:
        picture += rng.normal(0, 12, picture.shape)
    image = np.clip(picture, 0, 255).astype(np.uint8)
    x, y = rng.integers(0, side, 2)
    image[y : y + side, x : x + side] = cv2.resize(face, (side, side), interpolation=filter_)
    return Pasted(image, FaceBox(float(x), float(y), side, side, score=1.0))


def _measure_known_box(
    tested: list[Pasted], labels: NDArray[Any], classifier: Any
) -> dict[str, Any]:
    """Agreement of the crops of the true squares, in all and for each scale."""
    crops = np.stack([crop_face(image, box) for image, box in tested])
    agrees = classifier.predict(crops) == labels
    by_scale = {str(s): _share(agrees[i :: len(SCALES)]) for i, s in enumerate(SCALES)}
    return {**_share(agrees), "by_scale": by_scale}


def _measure(
    detector: Detector, tested: list[Pasted], labels: NDArray[Any], classifier: Any
) -> dict[str, Any]:
    """How many faces are found, and the agreement of those, upright and with level eyes."""
    found = _find_all(detector, tested)
    hit = np.array([box is not None for box in found])
    framing = getattr(detector, "framing", Framing())
    figures: dict[str, Any] = {"found": _share(hit)}
    for name, align in (("agreement", False), ("agreement_aligned", True)):
        crops = [
            crop_face(pasted.image, box, align=align, framing=framing)
            for pasted, box in zip(tested, found, strict=True)
            if box is not None
        ]
        figures[name] = _share(classifier.predict(np.stack(crops)) == labels[hit])
    return figures


def _fit(detector: Detector, fitted: list[Pasted]) -> dict[str, Any]:
    """Median relation of a detector's boxes to the true squares, and its spread."""
    relations = []
    for pasted, box in zip(fitted, _find_all(detector, fitted), strict=True):
        if box is not None:
            unit = math.sqrt(box.width * box.height)
            right, down = _middle(pasted.box) - _middle(box)
            relations.append((right / unit, down / unit, pasted.box.width / unit))
    names = ("right", "down", "scale")
    quartiles = np.percentile(relations, [25, 50, 75], axis=0)
    figures = {
        name: {"median": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)]}
        for name, (low, middle, high) in zip(names, quartiles.T.tolist(), strict=True)
    }
    return {"n": len(relations), **figures}


def _find_all(detector: Detector, pictures: list[Pasted]) -> list[FaceBox | None]:
    found = [_find(detector, pasted) for pasted in pictures]
    if not any(found):
        raise ValueError(f"{type(detector).__name__} found none of {len(pictures)} faces")
    return found


def _find(detector: Detector, pasted: Pasted) -> FaceBox | None:
    """The surest box that lies over the face by half of their common area, if there is one."""
    boxes = [box for box in detector.detect(pasted.image) if _overlap(box, pasted.box) >= 0.5]
    return max(boxes, key=lambda box: box.score, default=None)


def _overlap(a: FaceBox, b: FaceBox) -> float:
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    common = max(width, 0) * max(height, 0)
    return common / (a.width * a.height + b.width * b.height - common)


def _middle(box: FaceBox) -> NDArray[np.float64]:
    return np.array([box.x + box.width / 2, box.y + box.height / 2])


def _share(values: NDArray[np.bool_]) -> dict[str, Any]:
    low, high = wilson_interval(int(values.sum()), len(values))
    return {
        "share": round(float(values.mean()), 4),
        "interval": [round(low, 4), round(high, 4)],
        "n": len(values),
    }


def _time(detector: Detector, rounds: int = 12) -> dict[str, float]:
    """Fastest of some rounds on a photograph of 640×480 with one face."""
    photo = cv2.resize(skimage.data.astronaut()[..., ::-1], (640, 480))
    assert detector.detect(photo), "the face is not found"
    wall, cpu = np.min([timed(lambda: detector.detect(photo))[:2] for _ in range(rounds)], axis=0)
    return {"wall": round(1000 * wall, 1), "all_processors": round(1000 * cpu, 1)}


if __name__ == "__main__":
    sys.exit(typer.run(main))
