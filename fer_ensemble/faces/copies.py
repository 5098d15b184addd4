"""Annotated copies of pictures and frames, in a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fer_ensemble.faces.annotation import annotate
from fer_ensemble.faces.decode import decode_image
from fer_ensemble.faces.files import FileProblem, naming_problems, read_file
from fer_ensemble.faces.sighting import Sighting

if TYPE_CHECKING:
    from fer_ensemble.faces.prediction import Prediction

Seen = tuple[Sighting, Sequence["Prediction"]]


def write_copies(folder: str | os.PathLike[str], batch: Sequence[Seen], n_jobs: int = -1) -> None:
    """Write annotated copies of all pictures and frames that could be read.

    A picture ``photos/a.png`` becomes ``photos/a.png.jpg`` below the folder, frame 12 of
    ``clip.mp4`` becomes ``clip.mp4/000012.jpg``. What goes up from the working folder goes to
    ``__``. Pictures are read anew, because a batch of them would fill the memory.

    Parameters
    ----------
    folder : path-like
        Is made if it does not exist.
    batch : sequence of (Sighting, sequence of Prediction)
        What was seen in each picture or frame, and said of its faces.
    n_jobs : int, default=-1
        Threads; -1 for one on each of the processor's cores.

    Raises
    ------
    OSError
        If a copy cannot be written.
    """
    import joblib

    readable = [seen for seen in batch if seen[0].status in ("ok", "no_face")]
    with ThreadPoolExecutor(n_jobs if n_jobs > 0 else joblib.cpu_count()) as pool:
        list(pool.map(partial(_write_copy, Path(folder)), readable))


def _write_copy(folder: Path, seen: Seen) -> None:
    import cv2

    sighting, predictions = seen
    try:
        with naming_problems(sighting.path):
            image = decode_image(sighting.frame_copy or read_file(sighting.path))
    except FileProblem:  # it has been deleted since
        return
    faces = [prediction for prediction in predictions if prediction.face is not None]
    target = folder / _name_of_copy(sighting)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not by cv2.imwrite, which hides why it failed.
    target.write_bytes(cv2.imencode(".jpg", annotate(image, faces))[1].tobytes())


def _name_of_copy(sighting: Sighting) -> Path:
    path = Path(sighting.path)
    parts = ["__" if part == ".." else part for part in path.parts if part != path.anchor]
    if sighting.frame is not None:
        return Path(*parts, f"{sighting.frame:06d}.jpg")
    return Path(*parts[:-1], f"{parts[-1]}.jpg")
