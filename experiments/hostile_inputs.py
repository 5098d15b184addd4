"""Read damaged pictures, tables and zip files: ``python -m experiments.hostile_inputs``.

Pictures are damaged behind their headers, so that decoders begin to work; the chunks of half of the
PNG files have right checksums again. Tables like FER2013's and zip files of pictures are damaged
anywhere. None may crash, hang for 5 seconds or take a gigabyte: it is read, or one line says why
not.
"""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from experiments.console import Out
from experiments.mutants import Random, describe, mutate, mutate_entry, summarize, try_each
from experiments.runs import RESULTS, write_record
from fer_ensemble.datasets import EMOTIONS, load_faces, make_faces
from fer_ensemble.faces import decode_gray, decode_image

_FORMS = ("JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "PPM")
_HEADERS = {"JPEG": 330, "PNG": 41, "GIF": 800, "TIFF": 8, "BMP": 54, "WEBP": 30, "PPM": 15}

Case = tuple[str, Callable[[], str]]


def main(
    pictures: Annotated[int, typer.Option(help="Damaged pictures.")] = 1500,
    tables: Annotated[int, typer.Option(help="Damaged CSV files.")] = 700,
    zips: Annotated[int, typer.Option(help="Damaged zip files.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the damage.")] = 0,
    out: Out = RESULTS / "hostile_inputs.json",
) -> None:
    """Read damaged inputs, and count what became of them."""
    random = np.random.default_rng(seed)
    record = {
        "seed": seed,
        "pictures": summarize(try_each(picture_cases(pictures, random))),
        "tables": summarize(try_each(table_cases(tables, random))),
        "zips": summarize(try_each(zip_cases(zips, random))),
    }
    write_record(out, record, show=True)
    for part in ("pictures", "tables", "zips"):
        typer.echo(f"{part}: {describe(record[part])}")
    raise typer.Exit(any(record[part]["failures"] for part in ("pictures", "tables", "zips")))


def picture_cases(number: int, random: Random) -> Iterator[Case]:
    """Make pictures that are damaged behind valid headers.

    Parameters
    ----------
    number : int
    random : numpy.random.Generator

    Yields
    ------
    (str, callable)
        As :func:`~experiments.mutants.try_each` takes them.
    """
    for turn in range(number):
        form, damaged = damaged_picture(turn, random)

        def read(damaged: bytes = damaged) -> str:
            decode_gray(damaged)
            decode_image(damaged)
            return "answered"

        yield form, read


def damaged_picture(turn: int, random: Random) -> tuple[str, bytes]:
    """Make a picture that is damaged behind a valid header.

    Parameters
    ----------
    turn : int
        Number of the picture: its form goes by it.
    random : numpy.random.Generator

    Returns
    -------
    form : str
    content : bytes
    """
    form = _FORMS[turn % len(_FORMS)]
    side = int(random.choice([48, 96, 200]))
    picture = Image.fromarray(_face()).resize((side, side))
    stream = io.BytesIO()
    progressive = {"progressive": bool(turn % 2)} if form == "JPEG" else {}
    picture.convert("RGB" if turn % 3 else "L").save(stream, form, **progressive)
    content = stream.getvalue()
    header = min(_HEADERS[form], len(content) - 1)
    damaged = content[:header] + mutate(content[header:], random)
    return form, _right_checksums(damaged) if form == "PNG" and turn % 2 else damaged


@cache
def _face() -> NDArray[np.uint8]:
    face: NDArray[np.uint8] = make_faces(1, random_state=0).images[0]
    return face


def _right_checksums(content: bytes) -> bytes:
    """Put the checksums of a PNG's chunks right, as far as chunks can be told."""
    fixed, at = bytearray(content), 8
    while at + 12 <= len(fixed):
        (length,) = struct.unpack(">I", fixed[at : at + 4])
        end = at + 8 + length
        if end + 4 > len(fixed):
            break
        fixed[end : end + 4] = struct.pack(">I", zlib.crc32(fixed[at + 4 : end]))
        at = end + 4
    return bytes(fixed)


def table_cases(number: int, random: Random) -> Iterator[Case]:
    """Make tables like FER2013's that are damaged, a third of them gzipped.

    Parameters
    ----------
    number : int
    random : numpy.random.Generator

    Yields
    ------
    (str, callable)
        As :func:`~experiments.mutants.try_each` takes them.
    """
    faces, labels, _ = make_faces(7, random_state=0)
    rows = [
        f"{label},{' '.join(map(str, face.ravel()))},Training\n"
        for face, label in zip(faces, labels, strict=True)
    ]
    sound = "emotion,pixels,Usage\n" + "".join(rows)
    for turn in range(number):
        text = _wrong_words(sound, random) if turn % 2 else sound
        content = mutate(text.encode(), random)
        packed = gzip.compress(content, 1) if turn % 3 == 0 else content
        if turn % 6 == 0:
            packed = mutate(packed, random)
        yield "table", _loading(packed, "faces.csv.gz" if turn % 3 == 0 else "faces.csv")


def _wrong_words(text: str, random: Random) -> str:
    """Put something into a table that belongs into none."""
    words = ("\0", '"', "\n" * 5000, "," * 5000, "nan", "-1", "1e400", "999", "\ufeff", "\x1b[31m")
    word = words[random.integers(len(words))]
    place = int(random.integers(len(text)))
    return text[:place] + word + text[place:]


def zip_cases(number: int, random: Random) -> Iterator[Case]:
    """Make zip files of pictures that are damaged, half of them inside and with right checksums.

    Parameters
    ----------
    number : int
    random : numpy.random.Generator

    Yields
    ------
    (str, callable)
        As :func:`~experiments.mutants.try_each` takes them.
    """
    faces, labels, _ = make_faces(7, random_state=0)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, (face, label) in enumerate(zip(faces, labels, strict=True)):
            picture = io.BytesIO()
            Image.fromarray(face).save(picture, "PNG")
            archive.writestr(f"train/{EMOTIONS[label]}/{place}.png", picture.getvalue())
    sound = stream.getvalue()
    for turn in range(number):
        content = mutate_entry(sound, random) if turn % 2 else mutate(sound, random)
        yield "zip", _loading(content, "faces.zip")


def _loading(content: bytes, name: str) -> Callable[[], str]:
    def read() -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, name)
            file.write_bytes(content)
            load_faces(file)
        return "answered"

    return read


if __name__ == "__main__":
    typer.run(main)
