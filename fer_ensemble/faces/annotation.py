"""Pictures with the faces, their labels and their probabilities drawn in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.faces.placing import Corners, Places

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

#: Smaller pictures are enlarged until their longer side has so many pixels: text would not fit.
READABLE_SIDE = 320

# Labels that are this many times wider than the face are not put beside it: they could be of any
# face around.
_WIDEST = 2.5

# Red, green, blue and opacity, as Pillow has them.
_FRAME = (64, 224, 128, 255)
_SHADE = (16, 16, 16, 176)
_TEXT = (255, 255, 255, 255)
# Bars of classes that the face's set of labels leaves out.
_LEFT_OUT = (144, 144, 144, 255)


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
        whole picture; one without label and probabilities gets a box only. Of one with `labels`,
        the bars of all other classes are gray.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        A copy in the order blue, green, red. A picture whose longer side is below 320 pixels is
        enlarged by a whole number. Faces with no room beside them have a number there instead, by
        which they stand in a legend below the picture.
    """
    from PIL import Image, ImageDraw

    colour = image if image.ndim == 3 else np.repeat(image[..., np.newaxis], 3, axis=2)
    height, width = image.shape[:2]
    size = readable_size(height, width)
    factor = size[0] // width
    picture = Image.fromarray(np.ascontiguousarray(colour[..., ::-1]))
    picture = picture.resize(size, Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture, "RGBA")
    drawn = [(face, _corners(face, width, height, factor)) for face in faces]
    places = Places([corners for _, corners in drawn], picture.size)
    for _, corners in drawn:
        draw.rectangle(corners, outline=_FRAME, width=max(1, _line(corners, picture.size) // 8))
    explained: list[tuple[str, AnnotatedFace]] = []
    for face, corners in drawn:
        text = _text(face)
        if not _draw_beside(draw, face, text, corners, picture.size, places):
            number = str(len(explained) + 1)
            _draw_number(draw, number, corners, picture.size, places)
            explained.append((f"{number} {text}", face))
    if explained:
        picture = _with_legend(picture, explained)
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])


def readable_size(height: int, width: int) -> tuple[int, int]:
    """Give the size at which text fits into a picture.

    Parameters
    ----------
    height, width : int
        Of the picture, in pixels.

    Returns
    -------
    width, height : int
        Those of the picture, times a whole number.
    """
    factor = max(1, -(-READABLE_SIDE // max(height, width)))
    return width * factor, height * factor


def _corners(face: AnnotatedFace, width: int, height: int, factor: int) -> Corners:
    """Give the face's box in the enlarged picture."""
    if face.x is None or face.y is None or face.width is None or face.height is None:
        return 0, 0, width * factor - 1, height * factor - 1
    right, bottom = face.x + face.width, face.y + face.height
    return face.x * factor, face.y * factor, right * factor, bottom * factor


def _line(corners: Corners, limits: tuple[int, int]) -> int:
    """Height of a line of text at a face, in pixels."""
    return max(11, round(min((corners[2] - corners[0]) / 10, max(limits) / 30)))


def _text(face: AnnotatedFace) -> str:
    if face.label is None:
        return ""
    return face.label if face.confidence is None else f"{face.label} {face.confidence:.2f}"


def _draw_beside(
    draw: ImageDraw,
    face: AnnotatedFace,
    text: str,
    corners: Corners,
    limits: tuple[int, int],
    places: Places,
) -> bool:
    """Draw the label and the bars of a face next to it; False if there is no place for both."""
    from PIL import ImageFont

    line = _line(corners, limits)
    font = ImageFont.load_default(round(line * 0.85))
    label = (draw.textlength(text, font) + line / 2, line * 1.2) if text else (0.0, 0.0)
    if label[0] > _WIDEST * (corners[2] - corners[0]):
        return False
    wanted = [label] if text else []
    widest = 0.0
    if face.probabilities:
        widest = max(draw.textlength(name, font) for name in face.probabilities)
        wanted.append((widest + 5 * line, (len(face.probabilities) + 0.5) * line))
    found = places.take(corners, *wanted)
    if found is None:
        return False
    if text:
        _draw_text(draw, text, found[0], font, line)
    if face.probabilities:
        _draw_bars(draw, face, found[-1], widest, line, font)
    return True


def _draw_number(
    draw: ImageDraw, number: str, corners: Corners, limits: tuple[int, int], places: Places
) -> None:
    """Draw the number of a face in the legend next to it, unless that would hide a face."""
    from PIL import ImageFont

    line = max(11, round(max(limits) / 60))
    font = ImageFont.load_default(round(line * 0.85))
    found = places.take(corners, (draw.textlength(number, font) + line / 2, line * 1.2))
    if found is not None:
        _draw_text(draw, number, found[0], font, line)


def _draw_text(
    draw: ImageDraw, text: str, place: Corners, font: FreeTypeFont | ImageFont, line: float
) -> None:
    draw.rectangle(place, fill=_SHADE)
    draw.text((place[0] + line / 4, place[1]), text, _TEXT, font)


def _with_legend(
    picture: Image.Image, explained: Sequence[tuple[str, AnnotatedFace]]
) -> Image.Image:
    """Add a strip below a picture: of each face its number, its label and its bars."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = picture.size
    line = max(11, round(max(picture.size) / 60))
    font = ImageFont.load_default(round(line * 0.85))
    measure = ImageDraw.Draw(picture)
    names = [name for _, face in explained for name in face.probabilities or ()]
    widest = max((measure.textlength(name, font) for name in names), default=0.0)
    titles = max(measure.textlength(title, font) for title, _ in explained)
    cell = max(widest + 5 * line, titles + line)
    tall = (max(len(face.probabilities or ()) for _, face in explained) + 2) * line
    columns = max(1, int(width // cell))
    rows = -(-len(explained) // columns)
    whole = Image.new("RGB", (width, height + round(rows * tall)), _SHADE[:3])
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole, "RGBA")
    for place, (title, face) in enumerate(explained):
        left, top = place % columns * cell, height + place // columns * tall
        draw.text((left + line / 4, top), title, _TEXT, font)
        panel = (left, top + 1.2 * line, left + widest + 5 * line, top + tall)
        _draw_bars(draw, face, panel, widest, line, font)
    return whole


def _draw_bars(
    draw: ImageDraw,
    face: AnnotatedFace,
    panel: Corners,
    widest: float,
    line: int,
    font: FreeTypeFont | ImageFont,
) -> None:
    left, top, right, _ = panel
    draw.rectangle(panel, fill=_SHADE)
    start, end = left + widest + line / 2, right - line / 4
    labels = getattr(face, "labels", None)
    for row, (name, probability) in enumerate((face.probabilities or {}).items()):
        y = top + (row + 0.25) * line
        draw.text((left + line / 4, y), name, _TEXT, font)
        filled = start + (end - start) * min(max(probability, 0), 1)
        draw.rectangle((start, y + line / 5, end, y + line * 0.9), outline=_TEXT)
        colour = _FRAME if labels is None or name in labels else _LEFT_OUT
        draw.rectangle((start, y + line / 5, filled, y + line * 0.9), fill=colour)
