"""Count how often labels of faces in videos change: ``python -m experiments.label_steadiness``.

Whose expression does not change should keep a label. Photographs are panned over and zoomed into,
by a hand that shakes, with a sensor's noise and a codec's losses, so that each change of a label is
a mistake. Faces are followed and predicted once; the smoothing of ``predict --track`` is then
computed for each window from the same probabilities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Out
from experiments.runs import RESULTS, write_record
from fer_ensemble import predict_faces
from fer_ensemble.faces import PictureListing, Prediction, Tracker, decode_image

RATE, SECONDS = 25, 2
SIDE = 640  # of the frames, in pixels
SHAKE, NOISE = 1.5, 5.0  # standard deviations: pixels, gray levels
WINDOWS = (0.0, 0.25, 0.5, 1.0)

Rows = Sequence[Prediction]


def main(
    photographs: Annotated[Path, typer.Argument(help="Folder of photographs of people.")],
    model: Annotated[str | None, typer.Option(help="As of predict.")] = None,
    most: Annotated[int, typer.Option(help="Photographs, at most.")] = 1000,
    out: Out = RESULTS / "label_steadiness.json",
) -> None:
    """Print the changes of labels a second, with intervals over the photographs."""
    clips = []
    for number, path in zip(range(most), PictureListing([photographs]), strict=False):
        image = decode_image(Path(path).read_bytes())
        clips.append(_follow(image, model, np.random.default_rng(number)))
    record: dict[str, Any] = {"photographs": len(clips), "seconds_of_clip": SECONDS, "rate": RATE}
    record["model"] = model or "ensemble"
    for window in WINDOWS:
        counts = np.array([_count_changes(rows, window) for rows in clips])
        record[f"window {window}"] = figures = _summarize(counts)
        typer.echo(f"window {window:4} s: {figures}")
    write_record(out, record)


def _follow(image: NDArray[np.uint8], model: str | None, random: np.random.Generator) -> Rows:
    """Predict a clip over a photograph, with tracks and without smoothing."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "clip.avi")
        frames = list(_move(image, random))
        height, width = frames[0].shape[:2]
        writer = cv2.VideoWriter(path, cv2.VideoWriter.fourcc(*"MJPG"), RATE, (width, height))
        for frame in frames:
            writer.write(frame)
        writer.release()
        return predict_faces(path, model, track=True, window=0)


def _move(image: NDArray[np.uint8], random: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    colour = image if image.ndim == 3 else np.repeat(image[..., np.newaxis], 3, axis=2)
    height, width = colour.shape[:2]
    scale = SIDE / max(height, width)
    size = (round(width * scale) // 2 * 2, round(height * scale) // 2 * 2)
    for part in np.linspace(0, 1, RATE * SECONDS):
        zoom = scale * (1 + 0.3 * part)
        # From the photograph's middle towards its left, by a tenth of the frame.
        left = width * zoom / 2 - size[0] / 2 - 0.1 * size[0] * part + random.normal(0, SHAKE)
        top = height * zoom / 2 - size[1] / 2 + random.normal(0, SHAKE)
        matrix = np.array([[zoom, 0, -left], [0, zoom, -top]])
        frame = cv2.warpAffine(colour, matrix, size, flags=cv2.INTER_AREA)
        noisy = frame + random.normal(0, NOISE, frame.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8)


def _count_changes(rows: Rows, window: float) -> tuple[int, float]:
    """Changes of labels, and the seconds in which they could have been seen."""
    tracker, last = Tracker(window), {}
    changes, seconds = 0, 0.0
    frames: dict[int, list[Prediction]] = defaultdict(list)
    for row in rows:
        if row.track is not None and row.frame is not None:
            frames[row.frame].append(row)
    for number, faces in frames.items():
        boxes = [None if f.x is None else (f.x, f.y, f.width, f.height) for f in faces]
        given = np.array([list((f.probabilities or {}).values()) for f in faces])
        tracks, smoothed = tracker.follow(number, faces[0].time, boxes, given)  # type: ignore[arg-type]
        for track, place in zip(tracks, smoothed.argmax(axis=1), strict=True):
            if track in last:
                before, when = last[track]
                changes += bool(place != before)
                seconds += (number - when) / RATE
            last[track] = place, number
    return changes, seconds


def _summarize(counts: NDArray[np.float64]) -> dict[str, Any]:
    random = np.random.default_rng(0)
    drawn = counts[random.integers(0, len(counts), (2000, len(counts)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    changes, seconds = counts.sum(axis=0)
    return {
        "changes": int(changes),
        "seconds_of_faces": round(float(seconds), 1),
        "changes_a_second": round(float(changes / seconds), 3),
        "interval_95": [round(float(low), 3), round(float(high), 3)],
    }


if __name__ == "__main__":
    typer.run(main)
