"""Compare detectors of faces: ``python -m experiments.detectors --photographs DIR --data FILE``.

Faces of FER2013's Training part are pasted into photographs without people, so that all true
squares are known; and photographs of people are searched as they are, tilted, in a tenth of the
light, with a covered mouth, and turned. Where nobody has marked the faces of photographs, those
count that at least two of the detectors agree on. Photographs are shrunk to a longer side of 800
pixels.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import sklearn.datasets
import typer
from numpy.typing import NDArray

from experiments.console import Data, Out, notes, output, read_faces
from experiments.runs import RESULTS, write_record
from experiments.timing import peak_gb, timed
from fer_ensemble.evaluation import wilson_interval
from fer_ensemble.faces import (
    Detector,
    FaceBox,
    FaceFinder,
    UnreadableImage,
    create_detector,
    decode_image,
)

SIDES = (20, 24, 32, 48, 96, 192)
CROPS = (48, 72, 96, 112, 160, 224)
TILTS = (0, 10, 20, 30, 45)
LONGEST = 800

Picture = NDArray[np.uint8]


def main(
    data: Data,
    photographs: Annotated[Path, typer.Option(help="Folder of photographs of people.")],
    without_faces: Annotated[
        Path | None, typer.Option(help="Folder of pictures without faces.", show_default=False)
    ] = None,
    detectors: Annotated[
        str, typer.Option(help="Detectors, with commas between.")
    ] = "haar,blazeface,mtcnn",
    scenes: Annotated[int, typer.Option(help="Composed scenes of each size of face.")] = 12,
    out: Out = RESULTS / "detectors.json",
) -> None:
    """Measure found faces, false boxes, decisions on crops, and time."""
    faces = read_faces(data).select("Training").images
    rng = np.random.default_rng(0)
    faces = faces[rng.permutation(len(faces))[:1500]]
    used = {name: create_detector(name) for name in detectors.split(",")}
    people = list(read_photographs(photographs))
    empty = list(read_photographs(without_faces)) if without_faces else []
    record: dict[str, Any] = {"photographs": len(people), "without_faces": len(empty)}
    record["composed"] = {
        f"{side}": _compare_on_scenes(used, faces, side, scenes) for side in SIDES
    }
    record["photographs_of_people"] = _compare_on_photographs(used, people)
    record["turned"] = _measure_turns(list(used), people)
    record["boxes_where_no_face_is"] = {
        name: sum(len(detector.detect(picture)) for picture in empty)
        for name, detector in used.items()
    }
    record["taken_whole"] = _measure_crops(faces, empty + _backgrounds())
    record["large"] = {name: _measure_large(name, faces) for name in used}
    record["peak_gb"] = round(peak_gb(), 2)
    write_record(out, record)
    output.print_json(data=record)


def read_photographs(folder: Path, longest: int = LONGEST) -> Iterator[Picture]:
    """Read the pictures in a folder, made smaller; those that cannot be read are named.

    Parameters
    ----------
    folder : Path
    longest : int, default=800
        Of the longer side, in pixels.

    Yields
    ------
    ndarray of shape (height, width) or (height, width, 3), uint8
    """
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            picture = decode_image(file.read_bytes())
        except UnreadableImage as error:
            notes.print(f"{file.name}: {error}", markup=False)
            continue
        factor = min(1.0, longest / max(picture.shape[:2]))
        picture = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        yield np.asarray(picture, np.uint8)


def _backgrounds() -> list[Picture]:
    """Photographs without people, in the order blue, green, red."""
    names = ("china.jpg", "flower.jpg")
    return [np.ascontiguousarray(sklearn.datasets.load_sample_image(n)[..., ::-1]) for n in names]


def _paste(picture: Picture, face: Picture, x: int, y: int, side: int) -> None:
    """Put a face into a picture; in a colour picture with the colour of some skin."""
    kind = cv2.INTER_AREA if side < len(face) else cv2.INTER_CUBIC
    pasted = cv2.resize(face, (side, side), interpolation=kind)
    if picture.ndim == 3:
        tinted = pasted[..., np.newaxis] * np.array([0.75, 0.85, 1.1])
        pasted = np.clip(tinted, 0, 255).astype(np.uint8)
    picture[y : y + side, x : x + side] = pasted


def _scene(
    faces: Picture, side: int, colour: bool, rng: np.random.Generator
) -> tuple[Picture, list[FaceBox]]:
    """A part of a photograph of 512 by 512 pixels with up to nine faces, and their squares."""
    background = _backgrounds()[rng.integers(2)]
    y, x = (int(rng.integers(0, length - 400)) for length in background.shape[:2])
    picture = cv2.resize(background[y : y + 400, x : x + 400], (512, 512))
    picture = picture if colour else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    n = max(1, min(3, 512 // (2 * side)))
    cell = 512 // n
    boxes = []
    for place in range(n * n):
        left, top = (
            part * cell + int(rng.integers(0, cell - side + 1)) for part in divmod(place, n)
        )
        _paste(picture, faces[rng.integers(len(faces))], left, top, side)
        boxes.append(FaceBox(left, top, side, side, 1.0))
    return np.asarray(picture, np.uint8), boxes


def _compare_on_scenes(
    detectors: dict[str, Detector], faces: Picture, side: int, n: int
) -> dict[str, Any]:
    figures = {}
    for name, detector in detectors.items():
        rng = np.random.default_rng(side)
        hits: list[bool] = []
        n_false, seconds = 0, []
        for number in range(n):
            picture, true = _scene(faces, side, bool(number % 2), rng)
            took = timed(lambda picture=picture, by=detector: by.detect(picture))
            seconds.append(took.cpu)
            hits += [_is_hit(box, took.result) for box in true]
            n_false += sum(not _is_hit(box, true) for box in took.result)
        figures[name] = {
            "found": _share(hits),
            "false_boxes_a_scene": round(n_false / n, 2),
            "milliseconds_of_all_processors": round(1000 * float(np.median(seconds)), 1),
        }
        notes.print(f"{side} pixels, {name}: {figures[name]}", markup=False)
    return figures


def _is_hit(box: FaceBox, others: list[FaceBox]) -> bool:
    """Whether one of the others is about where a box is, and about as large."""
    x, y = box.x + box.width / 2, box.y + box.height / 2
    return any(
        max(abs(x - b.x - b.width / 2), abs(y - b.y - b.height / 2)) < 0.35 * max(b.size, box.size)
        and 0.45 < b.size / box.size < 2.2
        for b in others
    )


def _compare_on_photographs(
    detectors: dict[str, Detector], people: list[Picture]
) -> dict[str, Any]:
    found = [{name: d.detect(picture) for name, d in detectors.items()} for picture in people]
    agreed = [_agreed(list(boxes.values())) for boxes in found]
    alone: list[tuple[Picture, FaceBox]] = [
        (picture, boxes[0])
        for picture, boxes in zip(people, agreed, strict=True)
        if len(boxes) == 1
    ]
    changes: dict[str, Callable[[Picture, FaceBox], tuple[Picture, FaceBox]]] = {
        **{f"tilted by {angle}°": _tilting(angle) for angle in TILTS},
        "a tenth of the light": lambda p, box: ((p * 0.1).astype(np.uint8), box),
        "lower half covered": _cover,
    }
    figures: dict[str, Any] = {"agreed_faces": sum(map(len, agreed)), "portraits": len(alone)}
    for name, detector in detectors.items():
        pairs = [(boxes[name], true) for boxes, true in zip(found, agreed, strict=True)]
        figures[name] = {
            "found": _share([_is_hit(box, boxes) for boxes, true in pairs for box in true]),
            "boxes_of_no_agreed_face": sum(
                not _is_hit(box, true) for boxes, true in pairs for box in boxes
            ),
            "doubled_boxes": sum(
                max(0, sum(_is_hit(box, [face]) for box in boxes) - 1)
                for boxes, true in pairs
                for face in true
            ),
            "portraits": {
                change: _share([_finds(detector, *make(*portrait)) for portrait in alone])
                for change, make in changes.items()
            },
        }
        notes.print(f"photographs, {name}: {figures[name]}", markup=False)
    return figures


def _finds(detector: Detector, picture: Picture, box: FaceBox) -> bool:
    return _is_hit(box, detector.detect(picture))


def _agreed(found: list[list[FaceBox]]) -> list[FaceBox]:
    """Boxes that at least two detectors give, each once."""
    faces: list[FaceBox] = []
    for number, boxes in enumerate(found):
        others = [box for other in found[:number] + found[number + 1 :] for box in other]
        faces += [box for box in boxes if _is_hit(box, others) and not _is_hit(box, faces)]
    return faces


def _tilting(angle: float) -> Callable[[Picture, FaceBox], tuple[Picture, FaceBox]]:
    def tilt(picture: Picture, box: FaceBox) -> tuple[Picture, FaceBox]:
        middle = (box.x + box.width / 2, box.y + box.height / 2)
        turn = cv2.getRotationMatrix2D(middle, angle, 1)
        shape = picture.shape[1::-1]
        tilted = cv2.warpAffine(picture, turn, shape, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(tilted, np.uint8), box

    return tilt


def _cover(picture: Picture, box: FaceBox) -> tuple[Picture, FaceBox]:
    """Lay a flat mask over the lower 45 % of a face's box."""
    covered = picture.copy()
    left, right = (max(0, round(v)) for v in (box.x + 0.05 * box.width, box.x + 0.95 * box.width))
    top, bottom = (max(0, round(v)) for v in (box.y + 0.55 * box.height, box.y + box.height))
    covered[top:bottom, left:right] = 210
    return covered, box


def _measure_turns(names: list[str], people: list[Picture]) -> dict[str, Any]:
    """Of photographs in which a detector finds faces, how many it finds any in when turned."""
    figures: dict[str, Any] = {}
    for name in names:
        finder = FaceFinder(name)
        upright = [picture for picture in people if finder.find(picture)]
        for quarters in (1, 2, 3):
            turned = (np.ascontiguousarray(np.rot90(picture, quarters)) for picture in upright)
            found = [len(finder.search(picture)[0]) > 0 for picture in turned]
            figures.setdefault(name, {})[f"{90 * quarters}°"] = _share(found)
        notes.print(f"turned, {name}: {figures[name]}", markup=False)
    return figures


def _measure_crops(faces: Picture, scenes: list[Picture], n: int = 60) -> dict[str, Any]:
    """How many faces of a data set, and parts of scenes, "auto" takes for faces as a whole."""
    rng = np.random.default_rng(1)
    finder = FaceFinder("auto")
    figures: dict[str, Any] = {}
    for side in CROPS:
        for colour in (False, True):
            kind = f"{side} {'colour' if colour else 'gray'}"
            crops = [_crop(faces[i], side, colour, rng.uniform(0, 0.2)) for i in range(n)]
            parts = [_part(scenes[i % len(scenes)], side, colour, rng) for i in range(n)]
            figures[kind] = {
                "faces": _share([_is_taken_whole(finder, crop) for crop in crops]),
                "scenes": _share([_is_taken_whole(finder, part) for part in parts]),
            }
    notes.print(f"taken whole: {figures}", markup=False)
    return figures


def _is_taken_whole(finder: FaceFinder, picture: Picture) -> bool:
    before = finder.n_taken_whole
    finder.find(picture)
    return finder.n_taken_whole > before


def _crop(face: Picture, side: int, colour: bool, margin: float) -> Picture:
    """A face with a margin all around, a share of its side, brought to another size."""
    border = round(len(face) * margin / 2)
    wider = cv2.copyMakeBorder(face, border, border, border, border, cv2.BORDER_REFLECT)
    canvas = np.empty((side, side, 3) if colour else (side, side), np.uint8)
    _paste(canvas, np.asarray(wider, np.uint8), 0, 0, side)
    return canvas


def _part(scene: Picture, side: int, colour: bool, rng: np.random.Generator) -> Picture:
    """A square part of a scene, brought to another size."""
    length = int(rng.integers(min(scene.shape[:2]) // 4, min(scene.shape[:2])))
    y, x = (int(rng.integers(0, whole - length + 1)) for whole in scene.shape[:2])
    part = cv2.resize(scene[y : y + length, x : x + length], (side, side))
    if colour != (part.ndim == 3):
        part = cv2.cvtColor(part, cv2.COLOR_GRAY2BGR if colour else cv2.COLOR_BGR2GRAY)
    return np.asarray(part, np.uint8)


def _measure_large(name: str, faces: Picture, repeats: int = 2) -> dict[str, Any]:
    """Find six faces of 100 pixels in a picture of 6000 by 4000."""
    rng = np.random.default_rng(2)
    finder = FaceFinder(name)
    hits: list[bool] = []
    seconds = []
    for _ in range(repeats):
        picture = np.asarray(cv2.resize(_backgrounds()[0], (6000, 4000)), np.uint8)
        true = []
        for i in range(6):
            x, y = (
                2000 * (i % 3) + int(rng.integers(1900)),
                2000 * (i // 3) + int(rng.integers(1900)),
            )
            _paste(picture, faces[rng.integers(len(faces))], x, y, 100)
            true.append(FaceBox(x, y, 100, 100, 1.0))
        took = timed(lambda picture=picture: finder.find(picture))
        seconds.append(took.cpu)
        hits += [_is_hit(box, [face.box for face in took.result]) for box in true]
    figures = {"found": _share(hits), "seconds_of_all_processors": round(float(min(seconds)), 2)}
    notes.print(f"6000×4000, {name}: {figures}", markup=False)
    return figures


def _share(hits: list[bool]) -> dict[str, Any]:
    if not hits:
        return {"n": 0}
    low, high = wilson_interval(sum(hits), len(hits))
    return {
        "share": round(sum(hits) / len(hits), 4),
        "interval": [round(low, 4), round(high, 4)],
        "n": len(hits),
    }


if __name__ == "__main__":
    sys.exit(typer.run(main))
