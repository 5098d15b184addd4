"""Read faces from a zip without unpacking it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from fer_ensemble.bounded_files import open_regular
from fer_ensemble.datasets.csv_files import MAX_LINE_BYTES, parse_header, read_rows
from fer_ensemble.datasets.dataset import DatasetError, FaceDataset, Progress, ReadReport
from fer_ensemble.datasets.folders import (
    Entry,
    check_size,
    is_ignored,
    is_picture,
    read_pictures,
)
from fer_ensemble.datasets.label_meanings import LabelReader
from fer_ensemble.faces import UnreadableImage

#: The largest sets of this kind have some hundred thousand faces; so many take 2.3 GB.
MAX_MEMBERS = 1_000_000

_STEP = 2**20  # bytes to ask of a file in the zip at once

# What zipfile and the decompressors under it raise on damaged, encrypted or exotic members.
_ZIP_ERRORS = (
    BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read_zip(
    path: Path, report: ReadReport, labels: LabelReader, progress: Progress | None = None
) -> FaceDataset:
    """Read faces from a zip of class folders, or of one FER2013 CSV.

    Parameters
    ----------
    path : Path
    report : ReadReport
        Takes what is skipped, resized or left out.
    labels : LabelReader
    progress : callable, optional
        Called as ``progress(done, total)``.

    Returns
    -------
    FaceDataset

    Raises
    ------
    DatasetError
        If it is not a zip, has more than `MAX_MEMBERS` files, has several CSVs to choose from, or
        labels are numbers that nothing says the meaning of.
    OSError
        If it cannot be opened, or is a pipe or a device.
    """
    with open_regular(path) as stream:
        return _read(_open_archive(stream, path), path, report, labels, progress)


def _open_archive(stream: BinaryIO, path: Path) -> ZipFile:
    try:
        return ZipFile(stream)
    except _ZIP_ERRORS as error:
        raise DatasetError(
            f"{path}: not a zip file, or a damaged one ({error}). Download or make it again."
        ) from error


def _read(
    archive: ZipFile,
    path: Path,
    report: ReadReport,
    labels: LabelReader,
    progress: Progress | None,
) -> FaceDataset:
    with archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > MAX_MEMBERS:
            raise DatasetError(
                f"{path}: {len(members):,} files, at most {MAX_MEMBERS:,} are read. Unpack it and "
                "give the folder."
            )
        names = [info.filename for info in members if not is_ignored(info.filename)]
        # Beside pictures, a CSV is a list of them or of something else, not the faces.
        if not any(is_picture(name) for name in names):
            tables = [info for info in members if info.filename.lower().endswith(".csv")]
            table = _choose_table(archive, tables, report)
            if table:
                return _read_table(archive, table, report, labels, progress)
        entries = [Entry(info.filename, partial(_read_member, archive, info)) for info in members]
        return read_pictures(entries, report, progress, labels)


def _choose_table(
    archive: ZipFile, tables: Sequence[ZipInfo], report: ReadReport
) -> ZipInfo | None:
    """Choose the CSV that has faces; one with official splits goes before those without.

    The challenge's download also has train.csv, a part of it, and test.csv, without labels.
    """
    with_parts: list[ZipInfo] = []
    without: list[ZipInfo] = []
    problems: list[str] = []
    for info in tables:
        if is_ignored(info.filename):
            continue
        problem = _why_not(info)
        try:
            if not problem:
                with archive.open(info) as stream:
                    columns = parse_header(stream.readline(MAX_LINE_BYTES), info.filename)
                (without if columns.part is None else with_parts).append(info)
        except _ZIP_ERRORS as error:  # a `DatasetError` is a `ValueError` too
            problem = str(error)
        if problem:
            problems.append(problem if info.filename in problem else f"{info.filename}: {problem}")
    found = with_parts or without
    if len(found) > 1:
        names = ", ".join(info.filename for info in found)
        raise DatasetError(
            f"{report.source}: several CSVs with faces ({names}). Unpack it and give one of them."
        )
    if problems and not found:
        raise DatasetError(f"{report.source}: no CSV of faces in it. {problems[0]}")
    return found[0] if found else None


def _read_table(
    archive: ZipFile,
    info: ZipInfo,
    report: ReadReport,
    labels: LabelReader,
    progress: Progress | None,
) -> FaceDataset:
    report.source = f"{report.source}, {info.filename}"
    with archive.open(info) as member:
        # A small buffer: where the zip is damaged, what is in the buffer is lost.
        stream = io.BufferedReader(member, 16 * 1024)  # type: ignore[type-var]
        return read_rows(stream, report, labels, progress, lambda: member.tell() / info.file_size)


def _read_member(archive: ZipFile, info: ZipInfo) -> bytes:
    check_size(info.file_size)
    if problem := _why_not(info):
        raise UnreadableImage(problem)
    try:
        with archive.open(info) as member:
            # Of a size that is told wrongly, no more is inflated than was told and one step. Asked
            # for everything at once, zipfile inflates all that there is and cuts it after.
            return b"".join(iter(lambda: member.read(_STEP), b""))
    except _ZIP_ERRORS as error:
        raise UnreadableImage(f"damaged in the zip ({error})") from error


def _why_not(info: ZipInfo) -> str:
    """Say why a file in a zip is not read; empty if it is."""
    if info.flag_bits & 0x1:
        return "encrypted"
    # zipfile bounds what comes out of zlib alone: of bzip2, some kilobytes may become gigabytes.
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "packed by a method other than deflate; pack it anew, or unpack it"
    return ""
