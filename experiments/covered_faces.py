"""Measure how much of faces labels cover: ``python -m experiments.covered_faces PHOTOGRAPHS``.

Faces are found by the default detector in photographs of a longer side of 1000 pixels, and get
labels and probabilities of chance; what the labels change of a face's box counts as covered.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from experiments.console import Out, output
from experiments.detectors import read_photographs
from experiments.runs import RESULTS, write_record
from fer_ensemble.datasets import EMOTIONS
from fer_ensemble.evaluation import wilson_interval
from fer_ensemble.faces import FaceFinder, Prediction, annotate

LONGEST = 1000
MOST = 0.15


def main(
    photographs: Annotated[Path, typer.Argument(help="Folder of photographs of people.")],
    out: Out = RESULTS / "covered_faces.json",
) -> None:
    """Annotate photographs, and count the faces of which more than 15 % is covered."""
    finder, rng = FaceFinder(), np.random.default_rng(0)
    covered: list[float] = []
    for picture in read_photographs(photographs, LONGEST):
        covered += measure(picture, finder, rng)
    beyond = sum(share > MOST for share in covered)
    record = {
        "faces": len(covered),
        "covered_beyond_15_percent": beyond,
        "interval": [round(end, 4) for end in wilson_interval(beyond, len(covered))],
        "most": round(max(covered), 4),
        "median": round(float(np.median(covered)), 4),
    }
    write_record(out, record)
    output.print_json(data=record)


def measure(
    picture: NDArray[np.uint8], finder: FaceFinder, rng: np.random.Generator
) -> list[float]:
    """Return the share of each face's box that its own and others' labels change."""
    frames, labelled = [], []
    for found in finder.find(picture):
        if found.box is None:
            continue
        chances = dict(zip(EMOTIONS, rng.dirichlet([0.4] * len(EMOTIONS)).tolist(), strict=True))
        label = max(chances, key=lambda name: chances[name])
        sides = {name: getattr(found.box, name) for name in ("x", "y", "width", "height")}
        frames.append(Prediction(path="", status="ok", **sides))
        labelled.append(
            Prediction(
                path="",
                status="ok",
                **sides,
                label=label,
                confidence=chances[label],
                probabilities=chances,
            )
        )
    if not frames:
        return []
    before = annotate(picture, frames)
    changed = (annotate(picture, labelled)[: len(before)] != before).any(axis=2)
    factor = len(before) / len(picture)
    shares = []
    for face in frames:
        assert face.x is not None
        assert face.y is not None
        assert face.width is not None
        assert face.height is not None
        left, right = (round(factor * end) for end in (face.x, face.x + face.width))
        top, bottom = (round(factor * end) for end in (face.y, face.y + face.height))
        shares.append(float(changed[top:bottom, left:right].mean()))
    return shares


if __name__ == "__main__":
    sys.exit(typer.run(main))
