"""Read faces from whatever a path names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_ensemble.datasets.csv_reader import read_csv
from fer_ensemble.datasets.dataset import FaceDataset
from fer_ensemble.datasets.folder_reader import read_folder
from fer_ensemble.datasets.labels import EMOTIONS
from fer_ensemble.datasets.report import DatasetError, ReadReport
from fer_ensemble.datasets.zip_reader import read_zip


def load_faces(
    path: str | os.PathLike[str],
    *,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> FaceDataset:
    """Read faces with labels from a folder, a zip or a CSV.

    Every row or picture of the source is either in the dataset or in its report.

    Parameters
    ----------
    path : path-like
        A folder or a zip of pictures laid out as ``split/class/*`` or ``class/*``; or a CSV, plain
        or gzipped, with the columns emotion, pixels and (optionally) Usage, as FER2013's
        ``fer2013.csv`` and ``icml_face_data.csv``; such a CSV may also be the content of a zip.
    strict : bool, default=False
        Whether a row or picture that cannot be used, an unknown class folder or an expression
        without a face is an error. By default it is skipped and reported.
    progress : callable, optional
        Called as ``progress(done, total)`` every some hundred rows or pictures. The total of a CSV
        is an estimate until the end.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If the path does not exist or cannot be read, is of an unknown kind, or has no usable face;
        with `strict`, at the first problem that is not a mere note.
    """
    path = Path(path)
    report = ReadReport(source=str(path), strict=strict)
    try:
        faces = _reader(path)(path, report, progress)
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror or error}). Check the path and its "
            "permissions."
        ) from error
    if not len(faces):
        found = "; ".join(report.lines()) or "there is nothing in it"
        raise DatasetError(
            f"{path}: no usable face: {found}. Give a folder or zip laid out as split/class/* or "
            "class/* (classes named angry, disgust, …), or a CSV with the columns emotion, "
            "pixels, Usage."
        )
    _note_missing_classes(faces)
    return faces


def _reader(
    path: Path,
) -> Callable[[Path, ReadReport, Callable[[int, int], None] | None], FaceDataset]:
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file or folder. Check the path.")
    if path.is_dir():
        return read_folder
    name = path.name.lower()
    if name.endswith(".zip"):
        return read_zip
    if name.endswith((".csv", ".csv.gz")):
        return read_csv
    raise DatasetError(
        f"{path}: cannot tell what this is by its ending. Give a folder, a .zip, a .csv or a "
        ".csv.gz."
    )


def _note_missing_classes(faces: FaceDataset) -> None:
    for part in faces.split_counts():
        counts = np.bincount(faces.labels[faces.split == part], minlength=len(EMOTIONS))
        for label in np.flatnonzero(counts == 0):
            name = EMOTIONS[label]
            faces.report.add("missing_class", f"{name} in {part}", f"there is no face of {name}")
