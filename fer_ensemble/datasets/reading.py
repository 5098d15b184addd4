"""Read faces from whatever holds them.

Every kind of source has a reader in a file of its own, and a line in the table here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from fer_ensemble.datasets.csv_files import read_csv
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset, Progress, ReadReport
from fer_ensemble.datasets.folders import read_folder
from fer_ensemble.datasets.label_meanings import Classes, LabelReader, parse_classes
from fer_ensemble.datasets.labels import EMOTIONS
from fer_ensemble.datasets.parquet_files import read_parquet
from fer_ensemble.datasets.stores import is_store, read_store
from fer_ensemble.datasets.synthetic import synthetic_dataset
from fer_ensemble.datasets.zip_files import read_zip

#: Reads a source. What it skips or changes goes into the report, and an `OSError` may pass.
Reader = Callable[[Path, ReadReport, LabelReader, Progress | None], FaceDataset]

# By how the name of a file ends, in lower case.
_FILE_READERS: dict[str, Reader] = {
    ".zip": read_zip,
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".parquet": read_parquet,
}

#: How files end that faces are read from.
ENDINGS = tuple(_FILE_READERS)


def load_faces(
    path: str | os.PathLike[str],
    *,
    classes: Classes | None = None,
    remembered: Mapping[str, str | None] | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> FaceDataset:
    """Read faces with labels from a folder, a zip, a CSV or a Parquet file, or open a store.

    Every row or picture of the source is either in the dataset or in its report.

    Parameters
    ----------
    path : path-like
        A folder or a zip of pictures laid out as ``split/class/*`` or ``class/*``, with folders of
        subjects below or not; or a CSV, plain or gzipped, with the columns emotion, pixels and
        (optionally) Usage, as FER2013's ``fer2013.csv`` and ``icml_face_data.csv``, or label,
        pixels and split; such a CSV may also be the content of a zip. Or a Parquet file with these
        columns, or with pictures in a column image, as Hugging Face lays them out. Or a store that
        :func:`write_store` made, or a folder of your own with ``images.npy`` (uint8, of shape
        (n, 48, 48)) and ``labels.npy``: their images are read a batch at a time.
    classes : str or mapping, optional
        What labels mean: fer2013, ferplus, rafdb, affectnet, ckplus or jaffe; or label by label,
        as ``"1=surprise,2=fear"`` or a mapping; see
        :func:`~fer_ensemble.datasets.parse_classes`. Names of expressions in English need none;
        numbers do, but in the columns emotion and pixels, which are FER2013's.
    remembered : mapping, optional
        The same, for labels that are not plain by themselves: what a model was fitted with.
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
        if labels are numbers that nothing says the meaning of; with `strict`, at the first problem
        that is not a mere note.
    ValueError
        If `classes` cannot be read.
    """
    labels = LabelReader(
        {} if classes is None else parse_classes(classes),
        parse_classes(remembered) if remembered else {},
    )
    faces = read_source(Path(path), labels, strict=strict, progress=progress)
    note_missing_classes(faces)
    return faces


def read_source(
    path: Path, labels: LabelReader, *, strict: bool = False, progress: Progress | None = None
) -> FaceDataset:
    """Read one source, of which some expressions may be missing.

    Parameters
    ----------
    path : Path
    labels : LabelReader
    strict, progress : optional
        As of `load_faces`.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        As of `load_faces`.
    """
    report = ReadReport(source=str(path), strict=strict)
    try:
        faces = find_reader(path)(path, report, labels, progress)
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read ({error.strerror or error}). Check the path and its "
            "permissions."
        ) from error
    if not len(faces):
        found = "; ".join(report.lines()) or "there is nothing in it"
        losses = (f". First, {p.where}: {p.message}" for p in report.problems if p.is_loss)
        raise DatasetError(
            f"{path}: no usable face: {found}{next(losses, '')}. Give a folder or zip laid out as "
            "split/class/* or class/* (classes named angry, disgust, …, or whatever --classes says "
            "the meaning of), or a CSV with the columns emotion, pixels, Usage. Of several such "
            "files, make a store first: fer-ensemble data FILES --store FOLDER."
        )
    # A store knows how it was labelled.
    report.how_labelled = report.how_labelled or labels.describe()
    given = labels.given or (labels.remembered if labels.used else {})
    report.classes = report.classes or dict(given)
    return faces


def open_faces(
    data: str | os.PathLike[str] | FaceDataset | None = None,
    *,
    classes: Classes | None = None,
    remembered: Mapping[str, str | None] | None = None,
    strict: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[FaceDataset, str]:
    """Take labelled faces in whatever form a user has them, or draw some.

    Parameters
    ----------
    data : path-like or FaceDataset, optional
        What `load_faces` takes, or read already. Without it, synthetic faces are drawn.
    classes, remembered : optional
        What labels mean, as of `load_faces`.
    strict : bool, default=False
        Whether a face that can't be used is an error.
    seed : int, default=0
        Seed of the synthetic faces.
    progress : callable, optional
        As of `load_faces`.

    Returns
    -------
    faces : FaceDataset
    description : str
        What to call them beside a figure.

    Raises
    ------
    DatasetError
        If they cannot be read.
    """
    if data is None:
        faces = synthetic_dataset(random_state=seed)
        return faces, f"{len(faces):,} synthetic faces (seed {seed})"
    if not isinstance(data, FaceDataset):
        data = load_faces(
            data, classes=classes, remembered=remembered, strict=strict, progress=progress
        )
    # Of a CSV in a zip, the source names both.
    return data, Path(data.report.source.partition(", ")[0]).name or "the faces given"


def find_reader(path: Path) -> Reader:
    """Choose how to read a source.

    Parameters
    ----------
    path : Path

    Returns
    -------
    callable

    Raises
    ------
    DatasetError
        If the path does not exist or is of an unknown kind.
    """
    if not path.exists():
        raise DatasetError(f"{path}: there is no such file or folder. Check the path.")
    if path.is_dir():
        return read_store if is_store(path) else read_folder
    name = path.name.lower()
    for ending, reader in _FILE_READERS.items():
        if name.endswith(ending):
            return reader
    *endings, last = ENDINGS
    raise DatasetError(
        f"{path}: cannot tell what this is by its ending. Give a folder, "
        f"{', '.join(f'a {ending}' for ending in endings)} or a {last}."
    )


def note_missing_classes(faces: FaceDataset) -> None:
    """Report every expression that a part has no face of.

    Parameters
    ----------
    faces : FaceDataset

    Raises
    ------
    DatasetError
        If reading is strict, and there is one.
    """
    for part in faces.split_counts():
        counts = np.bincount(faces.labels[faces.split == part], minlength=len(EMOTIONS))
        for label in np.flatnonzero(counts == 0):
            name = EMOTIONS[label]
            faces.report.add("missing_class", f"{name} in {part}", f"there is no face of {name}")
