"""Write faces as a folder that the readers take."""

from __future__ import annotations

import os
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
    OSError
        If a file can't be written.
    """
    import cv2

    for image, label, name in zip(faces.images, faces.labels, faces.names, strict=True):
        file = (Path(path) / EMOTIONS[label] / Path(name).name).with_suffix(".png")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(cv2.imencode(".png", image)[1].tobytes())
