"""The explanation of a face: what speaks for its label, as a picture and as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fer_ensemble.explanation.voices import MemberVoice, TraitVoice
from fer_ensemble.features.shape_traits import TILT

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

    _Font = FreeTypeFont | ImageFont

# All in pixels. The face is enlarged by a whole number to at least this side.
_SIDE = 288
_MARGIN = 16
_LINE = 18
_TITLE = 22
_NAMES = 170
_REACH = 60
_BARS = _NAMES + 2 * _REACH + 150
# The loudest traits; the others hardly say anything.
_MOST_TRAITS = 6
# Below this many nats a map is next to blank, and is not blown up to the full colours.
_LEAST_SCALE = 0.2

_PAPER, _INK, _FAINT = (255, 255, 255), (32, 32, 32), (112, 112, 112)
# Told apart by the colour-blind, too.
_FOR, _AGAINST = (214, 69, 33), (33, 102, 214)


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model gives a face a label.

    Attributes
    ----------
    label : str
        The label that is explained.
    probability : float
        What the model gives it.
    probabilities : dict of str to float
        What it gives each label.
    face : ndarray of uint8 of shape (side, side)
        The face that the model saw.
    map : ndarray of float32 of shape (side, side)
        How much each place speaks for the label: what its log-odds lose when the place is covered,
        in nats; see :func:`~fer_ensemble.explanation.occlusion_map`.
    members : tuple of MemberVoice
        What each member had to say; empty of a model without members, and of a stacking with
        ``passthrough=True``, whose members cannot be told from the faces.
    landmarks : tuple of TraitVoice
        What each trait of the face's shape had to say, the loudest first; empty unless a member
        measures landmarks.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    face: NDArray[np.uint8] = field(repr=False)
    map: NDArray[np.float32] = field(repr=False)
    members: tuple[MemberVoice, ...] = ()
    landmarks: tuple[TraitVoice, ...] = ()

    def draw(self) -> NDArray[np.uint8]:
        """Draw the face, the map over it, and bars of what spoke for the label.

        Returns
        -------
        ndarray of uint8 of shape (height, width, 3)
            In the order blue, green, red, as OpenCV writes pictures.
        """
        return _draw(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the same as plain lists, dictionaries and numbers, ready for JSON; not the face."""
        return {
            "label": self.label,
            "probability": self.probability,
            "probabilities": self.probabilities,
            "map": [[round(float(value), 4) for value in row] for row in self.map],
            "members": [asdict(voice) for voice in self.members],
            "landmarks": [asdict(voice) for voice in self.landmarks],
        }


def _draw(explanation: Explanation) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    face = explanation.face
    factor = -(-_SIDE // len(face))
    side = factor * len(face)
    rows = _rows(explanation)
    height = 2 * _MARGIN + max(side + _TITLE + _LINE, sum(map(_height, rows)))
    width = 4 * _MARGIN + 2 * side + _BARS
    picture = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    large, small = ImageFont.load_default(16), ImageFont.load_default(12)

    top = _MARGIN + _TITLE
    plain = Image.fromarray(np.repeat(face[..., None], 3, axis=2))
    picture.paste(plain.resize((side, side), Image.Resampling.NEAREST), (_MARGIN, top))
    heat = _heat(explanation, side)
    picture.paste(Image.fromarray(heat), (2 * _MARGIN + side, top))
    title = f"{explanation.label} {explanation.probability:.2f}"
    draw.text((_MARGIN, _MARGIN - 4), title, _INK, large)
    most = float(explanation.map.max())
    _draw_key(draw, (2 * _MARGIN + side, _MARGIN), explanation.label, small)
    caption = f"covering a place takes up to {most:.1f} from the log-odds"
    draw.text((2 * _MARGIN + side, top + side + 4), caption, _FAINT, small)

    left, y = 3 * _MARGIN + 2 * side, _MARGIN
    for heading, note, bars in rows:
        draw.text((left, y - 4), heading, _INK, large)
        y += _TITLE
        if note:
            draw.text((left, y - 4), note, _FAINT, small)
            y += _LINE
        largest = max([abs(value) for _, value, _ in bars] + [_LEAST_SCALE])
        for name, value, text in bars:
            _draw_bar(draw, (left, y), name, value / largest, text, small)
            y += _LINE
        y += _LINE // 2
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])


_Row: TypeAlias = tuple[str, str, list[tuple[str, float, str]]]


def _rows(explanation: Explanation) -> list[_Row]:
    """Headings, notes, and the bars below each: a name, its log-odds and what stands beside it."""
    label = explanation.label
    rows: list[_Row] = []
    if explanation.members:
        bars = [
            (voice.name, voice.contribution, f"{_signed(voice)}, says {voice.probability:.2f}")
            for voice in explanation.members
        ]
        rows.append(("members", f"what each adds to the log-odds of {label}", bars))
    if explanation.landmarks:
        bars = [
            (voice.name, voice.contribution, f"{_signed(voice)}, {_compare(voice)}")
            for voice in explanation.landmarks[:_MOST_TRAITS]
        ]
        rows.append(
            ("landmarks", "what each adds, being larger or smaller than on the mean face", bars)
        )
    others = sorted(explanation.probabilities.items(), key=lambda item: -item[1])
    bars = [(name, value, f"{value:.2f}") for name, value in others]
    rows.append(("probabilities", "", bars))
    return rows


def _height(row: _Row) -> int:
    _, note, bars = row
    return _TITLE + _LINE * (bool(note) + len(bars)) + _LINE // 2


def _compare(voice: TraitVoice) -> str:
    if voice.name == TILT:
        return f"{np.degrees(voice.value):.0f}° (mean {np.degrees(voice.reference):.0f}°)"
    return f"{voice.value:.2f} (mean {voice.reference:.2f})"


def _signed(voice: MemberVoice | TraitVoice) -> str:
    # Pillow's own font has no other minus than the hyphen.
    return f"{voice.contribution:+.2f}"


def _heat(explanation: Explanation, side: int) -> NDArray[np.uint8]:
    """Lay the map's colours over the face, the stronger the further from 0."""
    import cv2

    face = cv2.resize(explanation.face, (side, side), interpolation=cv2.INTER_LINEAR)
    heat = cv2.resize(explanation.map, (side, side), interpolation=cv2.INTER_LINEAR)
    heat = heat / max(float(np.abs(explanation.map).max()), _LEAST_SCALE)
    colours = np.where(heat[..., None] > 0, np.array(_FOR), np.array(_AGAINST))
    opacity = 0.75 * np.clip(np.abs(heat), 0, 1)[..., None]
    # Paler than the face itself, so that dark hair hides no colour.
    ground = 64 + 0.75 * face[..., None]
    return np.rint(ground * (1 - opacity) + colours * opacity).astype(np.uint8)


def _draw_key(draw: ImageDraw, place: tuple[int, int], label: str, font: _Font) -> None:
    x, y = place
    for colour, text in ((_FOR, f"speaks for {label}"), (_AGAINST, "against")):
        draw.rectangle((x, y, x + 10, y + 10), fill=colour)
        draw.text((x + 15, y - 2), text, _INK, font)
        x += 30 + round(draw.textlength(text, font))


def _draw_bar(
    draw: ImageDraw,
    place: tuple[int, int],
    name: str,
    share: float,
    text: str,
    font: _Font,
) -> None:
    """Draw a name, a bar from the middle to the right or, below 0, to the left, and a text."""
    x, y = place
    draw.text((x, y - 2), _shorten(draw, name, font), _INK, font)
    middle = x + _NAMES + _REACH
    end = middle + round(share * _REACH)
    draw.rectangle((min(middle, end), y, max(middle, end), y + 10), _FOR if share > 0 else _AGAINST)
    draw.line((middle, y - 2, middle, y + 12), _FAINT)
    draw.text((middle + _REACH + 8, y - 2), text, _INK, font)


def _shorten(draw: ImageDraw, name: str, font: _Font) -> str:
    if draw.textlength(name, font) <= _NAMES - 8:
        return name
    while draw.textlength(f"{name}…", font) > _NAMES - 8:
        name = name[:-1]
    return f"{name}…"
