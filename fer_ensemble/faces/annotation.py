"""Pictures with the faces, their labels and their probabilities drawn in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.atomic_files import write_atomically
from fer_ensemble.faces.decode import decode_image
from fer_ensemble.faces.finding import SearchResult
from fer_ensemble.faces.inputs import FileProblem, raising_file_problems, read_file
from fer_ensemble.processors import count_processors

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

#: Left, upper, right and lower side of a rectangle, in pixels.
Corners: TypeAlias = tuple[float, float, float, float]

#: What was found in a picture or frame, and what is predicted of it.
Predicted: TypeAlias = "tuple[SearchResult, Sequence[AnnotatedFace]]"

#: Smaller pictures are enlarged until their longer side has so many pixels: text would not fit.
READABLE_SIDE = 320

# Red, green, blue and opacity, as Pillow has them.
_FRAME = (64, 224, 128, 255)
_SHADE = (16, 16, 16, 176)
_TEXT = (255, 255, 255, 255)


class AnnotatedFace(Protocol):
    """What :func:`annotate` asks of a face; a prediction has it."""

    @property
    def x(self) -> float | None:
        """Column of the box's left side; None if the face is the whole picture."""

    @property
    def y(self) -> float | None:
        """Row of the box's upper side."""

    @property
    def width(self) -> float | None:
        """Width of the box, in pixels."""

    @property
    def height(self) -> float | None:
        """Height of the box, in pixels."""

    @property
    def label(self) -> str | None:
        """Name of the expression; None if it is unsure."""

    @property
    def confidence(self) -> float | None:
        """Probability of the label."""

    @property
    def probabilities(self) -> Mapping[str, float] | None:
        """Probability of each class by its name."""


def annotate(image: NDArray[np.uint8], faces: Iterable[AnnotatedFace]) -> NDArray[np.uint8]:
    """Draw boxes, labels with confidence and a bar for each probability into a picture.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, 3), uint8
        Gray, or colour in the order blue, green, red.
    faces : iterable of AnnotatedFace
        Faces found in `image`, such as predictions of it. One without a box is drawn around the
        whole picture; one without label and probabilities gets a box only.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        A copy in the order blue, green, red. A picture whose longer side is below 320 pixels is
        enlarged by a whole number.
    """
    from PIL import Image, ImageDraw

    colour = image if image.ndim == 3 else np.repeat(image[..., np.newaxis], 3, axis=2)
    height, width = image.shape[:2]
    factor = max(1, -(-READABLE_SIDE // max(height, width)))
    picture = Image.fromarray(np.ascontiguousarray(colour[..., ::-1]))
    picture = picture.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture, "RGBA")
    for face in faces:
        _draw_face(draw, face, _corners(face, width, height, factor), picture.size)
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])


def _corners(face: AnnotatedFace, width: int, height: int, factor: int) -> Corners:
    """Give the face's box in the enlarged picture."""
    if face.x is None or face.y is None or face.width is None or face.height is None:
        return 0, 0, width * factor - 1, height * factor - 1
    right, bottom = face.x + face.width, face.y + face.height
    return face.x * factor, face.y * factor, right * factor, bottom * factor


def _draw_face(
    draw: ImageDraw, face: AnnotatedFace, corners: Corners, limits: tuple[int, int]
) -> None:
    from PIL import ImageFont

    left, top, right, bottom = corners
    line = max(11, round(min((right - left) / 10, max(limits) / 30)))
    font = ImageFont.load_default(round(line * 0.85))
    draw.rectangle(corners, outline=_FRAME, width=max(1, line // 8))
    if face.label is not None:
        text = face.label if face.confidence is None else f"{face.label} {face.confidence:.2f}"
        width = draw.textlength(text, font) + line / 2
        background = _within((left, top - line * 1.2, left + width, top), limits)
        draw.rectangle(background, fill=_SHADE)
        draw.text((background[0] + line / 4, background[1]), text, _TEXT, font)
    if face.probabilities:
        widest = max(draw.textlength(name, font) for name in face.probabilities)
        width, height = widest + 5 * line, (len(face.probabilities) + 0.5) * line
        beside = (right, top) if right + width <= limits[0] else (left - width, top)
        if beside[0] < 0:  # it fits at neither side
            beside = (left, bottom - height)
        panel = _within((*beside, beside[0] + width, beside[1] + height), limits)
        _draw_bars(draw, face.probabilities, panel, widest, line, font)


def _within(rectangle: Corners, limits: tuple[int, int]) -> Corners:
    """Move a rectangle into the picture, as far as it fits."""
    left, top, right, bottom = rectangle
    x = max(0, min(left, limits[0] - (right - left)))
    y = max(0, min(top, limits[1] - (bottom - top)))
    return x, y, x + right - left, y + bottom - top


def _draw_bars(
    draw: ImageDraw,
    probabilities: Mapping[str, float],
    panel: Corners,
    widest: float,
    line: int,
    font: FreeTypeFont | ImageFont,
) -> None:
    left, top, right, _ = panel
    draw.rectangle(panel, fill=_SHADE)
    start, end = left + widest + line / 2, right - line / 4
    for row, (name, probability) in enumerate(probabilities.items()):
        y = top + (row + 0.25) * line
        draw.text((left + line / 4, y), name, _TEXT, font)
        filled = start + (end - start) * min(max(probability, 0), 1)
        draw.rectangle((start, y + line / 5, end, y + line * 0.9), outline=_TEXT)
        draw.rectangle((start, y + line / 5, filled, y + line * 0.9), fill=_FRAME)


def write_copies(
    folder: str | os.PathLike[str], batch: Sequence[Predicted], n_jobs: int = -1
) -> None:
    """Write annotated copies of all pictures and frames that could be read.

    A picture ``photos/a.png`` becomes ``photos/a.png.jpg`` below the folder, frame 12 of
    ``clip.mp4`` becomes ``clip.mp4/000012.jpg``. What goes up from the working folder goes to
    ``__``. Pictures are read anew, because a batch of them would fill the memory.

    Parameters
    ----------
    folder : path-like
        Is made if it does not exist.
    batch : sequence of (SearchResult, sequence of Prediction)
        What was found in each picture or frame, and what is predicted of its faces.
    n_jobs : int, default=-1
        Threads; -1 for one on each of the processor's cores.

    Raises
    ------
    OSError
        If a copy cannot be written.
    """
    readable = [predicted for predicted in batch if predicted[0].status in ("ok", "no_face")]
    with ThreadPoolExecutor(n_jobs if n_jobs > 0 else count_processors()) as pool:
        list(pool.map(partial(_write_copy, Path(folder)), readable))


def _write_copy(folder: Path, predicted: Predicted) -> None:
    import cv2

    result, predictions = predicted
    try:
        with raising_file_problems(result.path):
            image = decode_image(result.frame_copy or read_file(result.path))
    except FileProblem:  # it has been deleted since
        return
    # An input without a face has a prediction too, which says why.
    faces = predictions if result.faces else ()
    target = folder / _name_of_copy(result)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not by cv2.imwrite, which hides why it failed.
    write_atomically(
        target, cv2.imencode(".jpg", annotate(image, faces))[1].tobytes(), lasting=False
    )


def _name_of_copy(result: SearchResult) -> Path:
    path = Path(result.path)
    parts = ["__" if part == ".." else part for part in path.parts if part != path.anchor]
    if result.frame is not None:
        return Path(*parts, f"{result.frame:06d}.jpg")
    return Path(*parts[:-1], f"{parts[-1]}.jpg")
