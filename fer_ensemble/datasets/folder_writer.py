"""Write faces as a folder that the readers take."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.labels import EMOTIONS


def write_folder(faces: FaceDataset, path: str | os.PathLike[str]) -> None:
    """Write faces as ``class/name.png``.

    Parameters
    ----------
    faces : FaceDataset
        Names serve as file names; an ending is replaced by ``.png``.
    path : path-like
        Folder to write to; made if it is not there, and what stands in it is kept.

    Raises
    ------
    ValueError
        If two faces of a class would share a file.
    OSError
        If a file can't be written.
    """
    import cv2

    files = [
        (Path(path) / EMOTIONS[label] / Path(name).name).with_suffix(".png")
        for label, name in zip(faces.labels, faces.names, strict=True)
    ]
    file, times = Counter(files).most_common(1)[0] if files else (None, 0)
    if times > 1:
        raise ValueError(f"{times} faces would be written to {file}: write one split at a time.")
    for image, file in zip(faces.images, files, strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cv2.imencode(".png", image)[1].tobytes())
