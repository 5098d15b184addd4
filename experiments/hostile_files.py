"""Predict 2,000 hostile files: ``python -m experiments.hostile_files --model DIR``.

Headers of JPEG, PNG, GIF and TIFF files with flipped bytes, random bytes, empty files, pictures of
huge dimensions, wrong endings, files that may not be read, broken links, names with line breaks and
quotes. There must be no crash and one row each; the memory's peak is that of the process.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image

from experiments.console import Model, Out, predict_command
from experiments.runs import RESULTS, write_record
from experiments.timing import peak_gb, timed

FORMS = ("JPEG", "PNG", "GIF", "TIFF")
HEADER = 512  # bytes among which some are flipped
NAMES = ("new\nline", 'quo"te', "com,ma", "tab\t", "cr\r", "semi;colon", "per%cent", "nö-ñ-笑")

Random = np.random.Generator


def main(
    model: Model,
    files: Annotated[int, typer.Option(help="Files to make.")] = 2000,
    detector: Annotated[str, typer.Option(help="How faces are found.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the files.")] = 0,
    out: Out = RESULTS / "hostile_files.json",
) -> None:
    """Predict hostile files, and count what became of them and how much memory it took."""
    with tempfile.TemporaryDirectory() as folder:
        photos, table = Path(folder) / "photos", Path(folder) / "rows.csv"
        photos.mkdir()
        made = make_hostile_files(photos, files, np.random.default_rng(seed))
        command = predict_command(photos, model, table, detector=detector)
        seconds, _, run = timed(lambda: subprocess.run(command, check=False))
        with open(table, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    record = {
        "files": files,
        "kinds": dict(made),
        "detector": detector,
        "exit_code": run.returncode,
        "files_with_rows": len({row["path"] for row in rows}),
        "rows_by_status": dict(Counter(row["status"] for row in rows).most_common()),
        "seconds": round(seconds, 1),
        "peak_gb": round(peak_gb(of_children=True), 2),
    }
    write_record(out, record, show=True)
    # 3 and 4: some pictures, or all, were unusable. Anything else is a crash.
    raise typer.Exit(run.returncode not in (0, 3, 4) or record["files_with_rows"] != files)


def make_hostile_files(folder: Path, n_files: int, random: Random) -> Counter[str]:
    """Fill a folder with hostile files.

    Parameters
    ----------
    folder : Path
    n_files : int
    random : numpy.random.Generator

    Returns
    -------
    Counter of str
        How many there are of each kind.
    """
    kinds = Counter[str]()
    for number in range(n_files):
        turn, place = divmod(number, len(_KINDS))
        kind, make = _KINDS[place]
        make(folder / f"{number:05} {NAMES[turn % len(NAMES)]}", turn, random)
        kinds[kind] += 1
    return kinds


def _picture(form: str, random: Random, side: int = 64) -> bytes:
    pixels = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


def _path(stem: Path, form: str) -> Path:
    return stem.with_name(f"{stem.name}.{form.lower()}")


def _fuzzed(form: str) -> Callable[[Path, int, Random], Any]:
    def make(stem: Path, turn: int, random: Random) -> None:
        data = bytearray(_picture(form, random))
        for place in random.integers(0, min(HEADER, len(data)), random.integers(1, 12)):
            data[place] = random.integers(0, 256)
        _path(stem, form).write_bytes(data)

    return make


def _cut(stem: Path, turn: int, random: Random) -> None:
    form = FORMS[turn % len(FORMS)]
    data = _picture(form, random)
    _path(stem, form).write_bytes(data[: random.integers(1, len(data))])


def _noise(stem: Path, turn: int, random: Random) -> None:
    form = FORMS[turn % len(FORMS)]
    begun = _picture(form, random)[: random.integers(0, 16)]
    _path(stem, form).write_bytes(begun + random.bytes(int(random.integers(1, 20_000))))


def _empty(stem: Path, turn: int, random: Random) -> None:
    _path(stem, "png").touch()


def _huge(stem: Path, turn: int, random: Random) -> None:
    """Few bytes that claim many pixels: in turn a lie, and true but all of one colour."""
    if turn % 2:
        data = bytearray(_picture("PNG", random))
        data[16:24] = b"".join(side.to_bytes(4, "big") for side in (10**5, 10**6))
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
        _path(stem, "png").write_bytes(data)
        return
    side = (9_000, 10_900, 14_000)[turn // 2 % 3]
    mode, form = (("L", "PNG"), ("RGB", "JPEG"), ("1", "TIFF"))[turn // 6 % 3]
    options = {"compression": "group4"} if form == "TIFF" else {}
    Image.new(mode, (side, side)).save(_path(stem, form), form, **options)


def _wrong_ending(stem: Path, turn: int, random: Random) -> None:
    form, other = FORMS[turn % 4], FORMS[(turn + 1) % 4]
    data = _picture(form, random) if turn % 3 else b"%PDF-1.7\n" + random.bytes(500)
    _path(stem, other).write_bytes(data)


def _locked(stem: Path, turn: int, random: Random) -> None:
    path = _path(stem, "png")
    path.write_bytes(_picture("PNG", random))
    path.chmod(0)


def _link(stem: Path, turn: int, random: Random) -> None:
    path = _path(stem, "jpeg")
    path.symlink_to(path if turn % 2 else path.with_name("nothing.jpeg"))


def _pipe(stem: Path, turn: int, random: Random) -> None:
    os.mkfifo(_path(stem, "png"))


# Flipped bytes in headers stand there twice: half of the files.
_KINDS: list[tuple[str, Callable[[Path, int, Random], Any]]] = [
    *((f"fuzzed {form}", _fuzzed(form)) for form in FORMS),
    *((f"fuzzed {form}", _fuzzed(form)) for form in FORMS),
    ("cut short", _cut),
    ("random bytes", _noise),
    ("empty", _empty),
    ("huge dimensions", _huge),
    ("wrong ending", _wrong_ending),
    ("unreadable", _locked),
    ("broken link", _link),
    ("pipe", _pipe),
]


if __name__ == "__main__":
    typer.run(main)
