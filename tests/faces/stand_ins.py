"""Stand-ins: detectors whose boxes are known, and clips of known frames."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from fer_ensemble.faces import FaceBox


class FixedBoxes:
    """A detector that gives the same boxes for every picture."""

    def __init__(self, *boxes: FaceBox) -> None:
        self.boxes = list(boxes)

    def detect(self, image: np.ndarray) -> list[FaceBox]:
        return self.boxes


_FIRST = FaceBox(0, 0, 40, 40.26, score=1)


class Crowd:
    """Finds as many faces as the picture's first pixel says, side by side.

    Parameters
    ----------
    unit : int
        What the pixel has for each face.
    box : FaceBox
        The first face; each other one is as much further to the right as `box` is wide.
    """

    def __init__(self, unit: int = 1, box: FaceBox = _FIRST) -> None:
        self.unit = unit
        self.box = box

    def detect(self, image: np.ndarray) -> list[FaceBox]:
        x, y, width, height = self.box.x, self.box.y, self.box.width, self.box.height
        return [
            FaceBox(x + width * n, y, width, height, score=self.box.score - n / 100)
            for n in range(int(image[0, 0].max()) // self.unit)
        ]


def write_clip(path: Path, frames: Iterable[np.ndarray], rate: float = 10) -> Path:
    """Write colour frames of one size as a video."""
    pictures = list(frames)
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, (width, height))
    assert writer.isOpened()
    for picture in pictures:
        writer.write(picture)
    writer.release()
    return path
