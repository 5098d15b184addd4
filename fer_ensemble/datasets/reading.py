"""Read faces from a zip without unpacking it."""

from __future__ import annotations

import io
import lzma
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np

from fer_ensemble.datasets.csv_files import parse_header, read_csv, read_rows
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset, ReadReport
from fer_ensemble.datasets.folders import (
    Entry,
    check_size,
    is_ignored,
    is_picture,
    read_folder,
    read_pictures,
)
from fer_ensemble.datasets.labels import EMOTIONS
from fer_ensemble.faces import UnreadableImage

#: The largest sets of this kind have some hundred thousand faces; so many take 2.3 GB.
MAX_MEMBERS = 1_000_000

# What zipfile and the decompressors under it raise on damaged, encrypted or exotic members.
_ZIP_ERRORS = (
    BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zlib.error,
)


def read_zip(
    path: Path, report: ReadReport, progress: Callable[[int, int], None] | None = None
) -> FaceDataset:
    """Read faces from a zip of class folders, or of one FER2013 CSV.

    Parameters
    ----------
    path : Path
    report : ReadReport
        Takes what is skipped, resized or left out.
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If it is not a zip, has more than `MAX_MEMBERS` files, or has several CSVs to choose from.
    """
    try:
        archive = ZipFile(path)
    except PermissionError:
        raise
    except _ZIP_ERRORS as error:
        raise DatasetError(
            f"{path}: not a zip file, or a damaged one ({error}). Download or make it again."
        ) from error
    with archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > MAX_MEMBERS:
            raise DatasetError(
                f"{path}: {len(members):,} files, at most {MAX_MEMBERS:,} are read. Unpack it and "
                "give the folder."
            )
        names = [info.filename for info in members if not is_ignored(info.filename)]
        if not any(is_picture(name) for name in names):
            tables = [info for info in members if info.filename.lower().endswith(".csv")]
            table = _choose_table(archive, tables, report)
            if table:
                return _read_table(archive, table, report, progress)
        entries = [Entry(info.filename, partial(_read, archive, info)) for info in members]
        return read_pictures(entries, report, progress)


def _read(archive: ZipFile, info: ZipInfo) -> bytes:
    check_size(info.file_size)
    if info.flag_bits & 0x1:
        raise UnreadableImage("encrypted")
    try:
        return archive.read(info)
    except _ZIP_ERRORS as error:
        raise UnreadableImage(f"damaged in the zip ({error})") from error


def _choose_table(
    archive: ZipFile, tables: Sequence[ZipInfo], report: ReadReport
) -> ZipInfo | None:
    """The CSV that has faces; one with official splits goes before those without."""
    with_usage: list[ZipInfo] = []
    without: list[ZipInfo] = []
    for info in tables:
        if is_ignored(info.filename) or info.flag_bits & 0x1:
            continue
        try:
            with archive.open(info) as stream:
                columns = parse_header(stream.readline(10_000), info.filename)
        except _ZIP_ERRORS:
            continue
        (without if columns.usage is None else with_usage).append(info)
    found = with_usage or without
    if len(found) > 1:
        names = ", ".join(info.filename for info in found)
        raise DatasetError(
            f"{report.source}: several CSVs with faces ({names}). Unpack it and give one of them."
        )
    return found[0] if found else None


def _read_table(
    archive: ZipFile,
    info: ZipInfo,
    report: ReadReport,
    progress: Callable[[int, int], None] | None,
) -> FaceDataset:
    report.source = f"{report.source}, {info.filename}"
    with archive.open(info) as member:
        # A small buffer: where the zip is damaged, what is in the buffer is lost.
        stream = io.BufferedReader(member, 16 * 1024)  # type: ignore[type-var]
        return read_rows(stream, report, progress, lambda: member.tell() / info.file_size)


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
